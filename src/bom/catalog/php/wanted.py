"""Which files of a view the Composer ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import Final

from bom.catalog.python.wanted import foreign

MANIFEST: Final = "composer.json"
LOCK: Final = "composer.lock"
NAMES: Final = frozenset([MANIFEST, LOCK])
RECORD: Final = "installed.json"
_FOLDER: Final = "composer"
_OTHERS: Final = frozenset(["vendor", "gems", "bower_components", ".composer"])


def wants(path: str) -> bool:
    """Whether the file records what is installed, or is a project's manifest or lock."""
    return is_record(path) or is_project_file(path)


def is_record(path: str) -> bool:
    """Whether a file is Composer's record of what it installed."""
    parts = path.split("/")
    return parts[-1] == RECORD and len(parts) > 1 and parts[-2] == _FOLDER


def is_project_file(path: str) -> bool:
    """Whether the file is a project's own manifest or lock."""
    folder, _, name = path.rpartition("/")
    return name in NAMES and not foreign(path) and _OTHERS.isdisjoint(folder.split("/"))
