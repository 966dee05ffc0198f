"""PHP: what Composer locks, and what it has installed into vendor folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.php.declared import NAMES, projects, wanted
from bom.catalog.php.installed import RECORD, find, is_record
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
        text = str(path)
        return is_record(text) or wanted(text)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every package that Composer's own record lists, with the files of its folder."""
        return find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What each project's lock resolves, or its composer.json asks for."""
        return projects(files)
