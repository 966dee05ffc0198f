"""Alpine packages that are installed, from apk's own database; Wolfi's and others' as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.alpine.wanted import PATHS, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Alpine:
    """The ecosystem of apk."""

    name = "apk"
    reads = Reads(
        frozenset(["installed", "os-release", "world"]),
        context=frozenset(["os-release", "world"]),
        noticed=PATHS,  # also where a link leads elsewhere, so that it is not read
    )
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Nothing: no file of a project locks Alpine packages."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every installed package, with the graph of what they depend on."""
        from bom.catalog.alpine.installed import find

        return find(files)
