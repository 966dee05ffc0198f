"""`docker` that is podman: a link to it, or the script of the package podman-docker."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder.podman.command import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCRIPT_LIMIT: Final = 4096  # bytes; docker's own client has some ten megabytes
_EXEC: Final = re.compile(rb"^\s*exec\s+(?P<program>\S*\bpodman)\s", re.MULTILINE)


def podman_behind(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Path | None:
    """The podman that a build by `docker` really runs; None where docker is docker."""
    name = command[0]
    found = str(cwd / name) if "/" in name else shutil.which(name, path=environment.get("PATH"))
    if found is None or form_of(("podman", *command[1:])) != "build":
        return None
    program = Path(found).resolve()
    if program.name == "podman":
        return program
    try:
        if program.stat().st_size > _SCRIPT_LIMIT:
            return None
        script = program.read_bytes()
    except OSError:
        return None
    called = _EXEC.search(script) if script.startswith(b"#!") else None
    if called is None:
        return None
    path = called["program"].decode("utf-8", "replace")
    real = path if "/" in path else shutil.which(path, path=environment.get("PATH"))
    return Path(real) if real and Path(real).is_file() else None
