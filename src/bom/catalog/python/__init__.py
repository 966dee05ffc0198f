"""Python: distributions that are installed, and what projects declare and lock.

Installed ones are found as `pip list` finds them, in every environment of the file system; copies
that a package vendors inside itself are that package's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.python import environment, folders, project

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Python:
    """The ecosystem of pip and everything that installs like it."""

    name = "pypi"
    reads = Reads(
        environment.NAMES | folders.NAMES,
        (*environment.ENDINGS, *folders.ENDINGS),
        within=(*environment.WITHIN, *folders.SCRIPTS),
    )
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return environment.wants(path) or folders.wanted(str(path))

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Every project with a manifest or a lock, and every script with a lock of its own."""
        return map(project.declared, project.projects(files))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every distribution, once for each place where it is."""
        return environment.installed(files)
