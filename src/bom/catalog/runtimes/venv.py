"""Virtual environments (PEP 405): what was written there is derived from an interpreter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.catalog.runtimes.wanted import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView

RULE: Final = "venv"

_CONFIG_LIMIT: Final = 64 * 1024
_SCRIPTS: Final = (
    "Activate.ps1",
    "activate",
    "activate.bat",
    "activate.csh",
    "activate.fish",
    "activate.nu",
    "activate.ps1",
    "activate.xsh",
    "activate_this.py",
    "deactivate.bat",
    "deactivate.nu",
    "pydoc.bat",
)
_VERSION: Final = re.compile(r"[23]\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Environment:
    """`home`: the folder with the interpreter that made it, from the root, without a leading `/`;
    `version`: that interpreter's, in full where it is stated. `paths`: the files it was made of.
    """

    folder: str
    home: str
    version: str
    paths: tuple[str, ...]


def find(view: FileView) -> Iterator[Environment]:
    """All virtual environments in the view, sorted by path."""
    for entry in view.wanted():
        above, _, name = entry.path.rpartition("/")
        if name != CONFIG or entry.type != "file":
            continue
        raw = (view.read(entry.path) or b"")[:_CONFIG_LIMIT].decode("utf-8", "surrogateescape")
        stated = {}
        for line in raw.splitlines():
            key, equals, value = line.partition("=")
            if equals:
                stated[key.strip().lower()] = value.strip()
        # venv says `version`, virtualenv and uv `version_info`.
        version = stated.get("version") or stated.get("version_info", "")
        prefix = f"{above}/" if above else ""
        home = stated.get("home", "").strip("/")
        yield Environment(above, home, version, tuple(_files(view, prefix, version)))


def _files(view: FileView, prefix: str, version: str) -> Iterator[str]:
    names = [CONFIG, ".gitignore", "CACHEDIR.TAG", ".lock"]
    names += [f"bin/{name}" for name in _SCRIPTS]
    short = _VERSION.match(version)
    numbers = ["", "2", "3", *([short[0]] if short else [])]
    # Copies of the interpreter, where `venv --copies` or no links were asked for.
    names += [f"bin/python{number}" for number in numbers]
    if short:
        site = f"lib/python{short[0]}/site-packages"
        names += [f"{site}/_virtualenv.py", f"{site}/_virtualenv.pth"]
    for name in names:
        entry = view.entry(prefix + name)
        if entry is not None and entry.type == "file":
            yield prefix + name
