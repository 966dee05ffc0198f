"""A docker client under which no RUN can run: a step is in the builder's cache, or it fails.

A second `docker build` takes from the cache what the first one made, unless something changed
meanwhile: then it would run the user's commands again. So the client gets a configuration of its
own that names a proxy for FTP of more characters than a process may be given: no cache key holds
the proxies (BuildKit, solver/llbsolver/ops/exec.go: CacheMap), while the kernel refuses to start a
program with such a variable (execve(2): E2BIG, MAX_ARG_STRLEN).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bom.builder.docker.endpoint import configuration
from bom.input import read_bounded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.builder.docker.endpoint import ClientOptions

VARIABLE: Final = "ftp_proxy"
REFUSED: Final = "argument list too long"  # as every libc has it for E2BIG

_CONFIGURATION: Final = "config.json"
_LIMIT: Final = 16 * 1024 * 1024  # bytes of the client's configuration
_PAGES: Final = 32  # of which MAX_ARG_STRLEN has so many
_SMALL_PAGES: Final = frozenset({"amd64", "386", "arm", "riscv64", "s390x"})  # always 4 KiB


def guarded(
    command: ClientOptions,
    environment: Mapping[str, str],
    cwd: Path,
    folder: Path,
    architecture: str,
) -> dict[str, str]:
    """The environment of the guarded client. `folder`: a private one that is there already and
    gets the client's configuration: a copy of one file, links to the rest. `architecture`: the
    builder's as Go names it, "" where it isn't known."""
    own = configuration(command, environment, cwd)
    if own.is_dir():
        for entry in own.iterdir():
            if entry.name != _CONFIGURATION:
                (folder / entry.name).symlink_to(entry.absolute())
    settings = _with_proxy(_read(own / _CONFIGURATION), _too_long(architecture))
    target = folder / _CONFIGURATION
    target.touch(mode=0o600)
    target.write_text(json.dumps(settings), encoding="utf-8")
    out = {**environment, "DOCKER_CONFIG": str(folder)}
    out.setdefault("BUILDX_CONFIG", str(own / "buildx"))
    return out


def _too_long(architecture: str) -> str:
    page = 4096 if architecture in _SMALL_PAGES else 65536
    return "x" * (_PAGES * page)


def _read(path: Path) -> dict[str, Any]:
    """The client's settings; empty where it would go on without them too."""
    try:
        found = json.loads(read_bounded(path, _LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _with_proxy(settings: dict[str, Any], value: str) -> dict[str, Any]:
    stated = settings.get("proxies")
    proxies = {"default": {}, **(stated if isinstance(stated, dict) else {})}
    settings["proxies"] = {
        host: {**(known if isinstance(known, dict) else {}), "ftpProxy": value}
        for host, known in proxies.items()
    }
    return settings
