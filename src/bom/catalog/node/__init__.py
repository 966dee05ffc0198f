"""JavaScript packages: what npm, Yarn, pnpm and Bun lock, and what lies in node_modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.node import installed, plugnplay, projects
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Node:
    """The ecosystem of the npm registry, whichever tool installs from it."""

    name = "npm"
    reads = Reads(projects.NAMES | installed.RECORDS)
    extracts: Extract | None = plugnplay.EXTRACT

    def matches(self, path: PurePosixPath) -> bool:
        text = str(path)
        if installed.wants(text):
            return True
        return path.name in projects.NAMES and projects.is_project_file(text)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every package in a node_modules folder, with the files of its own."""
        return installed.find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What the projects' locks resolve, or their manifests ask for."""
        return projects.find(files)
