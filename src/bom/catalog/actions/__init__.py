"""GitHub Actions: what a repository's workflows and composite actions run. It builds and tests the
product, so all of it has the role "build"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.actions.wanted import ACTIONS, WORKFLOWS, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Actions:
    """Workflow files, and the action.yml of composite and container actions."""

    name = "github"
    reads = Reads(ACTIONS, within=(WORKFLOWS,))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Nothing: actions run on GitHub's machines."""
        return ()

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each repository with workflows, and for each action beside them."""
        from bom.catalog.actions.declared import projects

        return projects(files)
