"""A directory: a source tree, an unpacked image, a virtual environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog import WANTED
from bom.catalog.project import read as read_project
from bom.catalog.view import directory_view
from bom.model import Subject
from bom.observe.source import revision
from bom.sources import inside

if TYPE_CHECKING:
    from pathlib import Path

    from bom.catalog.view import DirectoryView
    from bom.model import Observation

_ENVIRONMENT: Final = "pyvenv.cfg"  # at the top of a virtual environment (PEP 405)


def contents(target: Path) -> tuple[Subject, tuple[Observation, ...], DirectoryView]:
    """The subject, what is in it and of which revision it is, and its files.

    Raises BomError where it can't be read.
    """
    root = target.resolve()
    view, gaps = directory_view(root, WANTED)
    found = list(inside.observations(view, gaps))
    name = ""
    if not (root / _ENVIRONMENT).is_file():
        # an environment is made of what is installed, whatever repository it lies in
        name = read_project(root).name
        found.extend(revision(root))
    subject = Subject(
        name=name or root.name,
        kind="directory",
        sha256="",
        size=-1,
        package_name=name,
    )
    return subject, tuple(found), view
