""".NET: published applications and shared frameworks, and what projects declare and lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.dotnet.wanted import DEPS, NAMES, PROJECT_ENDINGS, RUNTIME_CONFIG, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class DotNet:
    """The ecosystem of NuGet."""

    name = "nuget"
    reads = Reads(NAMES, (DEPS, RUNTIME_CONFIG, *PROJECT_ENDINGS))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every library that an application's deps.json lists and that is there; frameworks."""
        from bom.catalog.dotnet import installed

        return installed.find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each folder: its packages.lock.json, else what restoring it made, else its
        packages.config, else its project files."""
        from bom.catalog.dotnet import projects

        return projects.declared(files)
