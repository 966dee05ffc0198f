"""Ruby: what Bundler locks, and the gems that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.ruby.declared import NAMES, projects, wanted
from bom.catalog.ruby.installed import find
from bom.catalog.ruby.places import ENDING, record

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
        text = str(path)
        return record(text) is not None or wanted(text)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every gem that a specification in a gem home tells of."""
        return find(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """What each project's lock resolves; a gap where only Ruby code says what it needs."""
        return projects(files)
