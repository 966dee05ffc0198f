"""Python: distributions that are installed, and what projects declare and lock.

Installed ones are found as `pip list` finds them, in every environment of the file system; copies
that a package vendors inside itself are that package's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.python.wanted import (
    ENDINGS,
    NAMES,
    RECORD_ENDINGS,
    RECORDS,
    SCRIPTS,
    WITHIN,
    tells_of_installed,
    wants,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Python:
    """The ecosystem of pip and everything that installs like it."""

    name = "pypi"
    reads = Reads(
        RECORDS | NAMES,
        (*RECORD_ENDINGS, *ENDINGS),
        within=(*WITHIN, *SCRIPTS),
    )
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return tells_of_installed(path) or wants(str(path))

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Every project with a manifest or a lock, and every script with a lock of its own."""
        from bom.catalog.python import project

        return map(project.declared, project.projects(files))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every distribution, once for each place where it is."""
        from bom.catalog.python import environment

        return environment.installed(files)
