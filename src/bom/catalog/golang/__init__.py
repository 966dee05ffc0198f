"""Go: modules as go.mod and go.sum ask for them, and as programs say that they hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.archive.executable import MAGICS
from bom.catalog.golang.build_info import take
from bom.catalog.golang.declared import NAMES, projects, wanted
from bom.catalog.golang.installed import programs
from bom.catalog.golang.sums import differing_sums
from bom.catalog.protocol import Extract, Reads
from bom.model import Dependency

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, FileView, Owned
    from bom.model import Finding, Gap

__all__ = ["Go", "differing_sums"]


class Go:
    """The ecosystem of Go modules."""

    name = "golang"
    reads = Reads(NAMES)
    extracts: Extract | None = Extract(take, MAGICS, programs=True)

    def matches(self, path: PurePosixPath) -> bool:
        return wanted(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every program that Go made, its modules and the standard library; and the modules of
        which a go.sum in the view states another h1."""
        found = []
        for item in programs(files):
            if isinstance(item, Dependency):
                found.append(item)
            yield item
        if found:
            yield from differing_sums(projects(files), found)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each go.mod."""
        return projects(files)
