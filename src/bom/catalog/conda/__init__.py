"""Packages that conda, mamba or pixi installed into an environment, and what projects lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.conda.wanted import ENDINGS, FOLDER, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Conda:
    """The ecosystem of conda environments."""

    name = "conda"
    reads = Reads(endings=ENDINGS, within=(f"{FOLDER}/",))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(path)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Every folder with a lock or an environment file of conda's or pixi's."""
        from bom.catalog.conda import projects

        return projects.declared(files)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every package once for each environment, with the graph of `depends` within it."""
        from bom.catalog.conda.installed import find

        return find(files)
