"""Container images that a project names: what its Dockerfiles build on, what its Compose files
run. They build or surround the product; what is in them only a scan of the image itself tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.images.wanted import ENDINGS, WITHIN, kind
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Images:
    """Dockerfiles and Compose files."""

    name = "oci"
    reads = Reads(endings=ENDINGS, within=WITHIN)
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return kind(str(path)) != ""

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Nothing: a name in a file is no image."""
        return ()

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each folder with such a file."""
        from bom.catalog.images.declared import projects

        return projects(files)
