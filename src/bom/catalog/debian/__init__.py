"""Debian packages that are installed, from dpkg's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.debian.wanted import MANIFESTS, STATUS_FOLDER, UPDATES_FOLDER, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Debian:
    """The ecosystem of dpkg: Debian and what descends from it."""

    name = "deb"
    reads = Reads(
        frozenset(["copyright", "diversions", "os-release", "registry", "status"]),
        (".list", ".md5sums"),
        (STATUS_FOLDER, UPDATES_FOLDER),
        context=frozenset(["copyright", "os-release"]),
        noticed=MANIFESTS,
    )
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Nothing: no file of a project locks Debian packages."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every installed package once, with the graph of Depends and Pre-Depends; whose its
        files are, and which others are derived from it."""
        from bom.catalog.debian.installed import find

        return find(files)
