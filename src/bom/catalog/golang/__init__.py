"""Go: modules as go.mod and go.sum ask for them, and as programs say that they hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.golang.wanted import EXTRACT, NAMES, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Go:
    """The ecosystem of Go modules."""

    name = "golang"
    reads = Reads(NAMES)
    extracts: Extract | None = EXTRACT

    def matches(self, path: PurePosixPath) -> bool:
        return wants(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every program that Go made, its modules and the standard library; and the modules of
        which a go.sum in the view states another h1."""
        from bom.catalog.golang.installed import find

        return find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each go.mod."""
        from bom.catalog.golang.declared import projects

        return projects(files)
