"""Ruby: what Bundler locks, and the gems that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.ruby.places import ENDING
from bom.catalog.ruby.wanted import NAMES, wants

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Ruby:
    """The ecosystem of RubyGems and Bundler."""

    name = "gem"
    reads = Reads(NAMES, endings=(ENDING,))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every gem that a specification in a gem home tells of."""
        from bom.catalog.ruby.installed import find

        return find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What each project's lock resolves; a gap where only Ruby code says what it needs."""
        from bom.catalog.ruby.declared import projects

        return projects(files)
