"""A directory: a source tree, an unpacked image, a virtual environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog import WANTED
from bom.catalog.inside import inside
from bom.catalog.view import directory_view
from bom.model import Subject
from bom.observe.source import revision

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
    found, name = inside(view, gaps)
    if (root / _ENVIRONMENT).is_file():
        # an environment is made of what is installed, whatever repository it lies in
        name = ""
    else:
        found = (*found, *revision(root))
    subject = Subject(
        name=name or root.name,
        kind="directory",
        sha256="",
        size=-1,
        package_name=name,
    )
    return subject, found, view
