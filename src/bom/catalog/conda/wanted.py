"""Which files of a view the conda ecosystem reads, by their paths alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog.python.wanted import foreign

if TYPE_CHECKING:
    from pathlib import PurePosixPath

FOLDER: Final = "conda-meta"  # of an environment: what is installed in it
PIXI_LOCK: Final = "pixi.lock"
PIXI_MANIFEST: Final = "pixi.toml"
ENDINGS: Final = (".yml", ".yaml", ".lock", ".txt", PIXI_MANIFEST)
_LOCK: Final = re.compile(r"([^/]+\.)?conda-lock\.ya?ml")
_EXPLICIT: Final = re.compile(r"conda-[a-z0-9]+-[a-z0-9]+\.lock|explicit\.txt|spec-file\.txt")
_ENVIRONMENT: Final = re.compile(r"(conda[-_])?environment([-_.][A-Za-z0-9._-]+)?\.ya?ml")


def wants(path: PurePosixPath) -> bool:
    """Whether the file records an installed package or is a project's lock or environment file."""
    if path.suffix == ".json":
        return path.parent.name == FOLDER
    return of_project(str(path))


def of_project(path: str) -> bool:
    """Whether a file at the path is a conda lock or environment file of a project."""
    return rank(path.rpartition("/")[2]) is not None and not foreign(path)


def rank(name: str) -> int | None:
    """Which kind of lock or environment file it is, by its name, the one that counts first; None
    for neither."""
    if name == PIXI_LOCK:
        return 0
    if _LOCK.fullmatch(name):
        return 1
    if _EXPLICIT.fullmatch(name):
        return 2
    if _ENVIRONMENT.fullmatch(name):
        return 3
    return 4 if name == PIXI_MANIFEST else None
