"""RPM packages that are installed, from rpm's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.rpm.wanted import EXTRACT, FOLDERS, FORMATS, MANIFEST, NAMES, RELEASES, wants

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Rpm:
    """The ecosystem of rpm: Fedora, Red Hat, SUSE and what descends from them."""

    name = "rpm"
    reads = Reads(
        NAMES | RELEASES,
        context=RELEASES,
        # also where a link leads elsewhere, so that none of them is read
        noticed=(*(folder + name for folder in FOLDERS for name in FORMATS), MANIFEST),
    )
    extracts: Extract | None = EXTRACT

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Nothing: no file of a project locks RPM packages."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every installed package, with the graph of what they require."""
        from bom.catalog.rpm.installed import find

        return find(files)
