"""PHP: what Composer locks, and what it has installed into vendor folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.php.wanted import NAMES, RECORD, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Php:
    """The ecosystem of Composer."""

    name = "composer"
    reads = Reads(NAMES | {RECORD})
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every package that Composer's own record lists, with the files of its folder."""
        from bom.catalog.php.installed import find

        return find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What each project's lock resolves, or its composer.json asks for."""
        from bom.catalog.php.declared import projects

        return projects(files)
