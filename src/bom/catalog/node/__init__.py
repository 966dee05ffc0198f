"""JavaScript packages: what npm, Yarn, pnpm and Bun lock, and what lies in node_modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.node.wanted import EXTRACT, NAMES, RECORDS, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Node:
    """The ecosystem of the npm registry, whichever tool installs from it."""

    name = "npm"
    reads = Reads(NAMES | RECORDS)
    extracts: Extract | None = EXTRACT

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every package in a node_modules folder, with the files of its own."""
        from bom.catalog.node import installed

        return installed.find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What the projects' locks resolve, or their manifests ask for."""
        from bom.catalog.node import projects

        return projects.find(files)
