"""Interpreters that no package manager owns, and the virtual environments made by one.

CPython and Node.js as official images have them in /usr/local, and as pyenv, uv and the upstream
archives leave them: known by the layout of what they install and the version in their headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.runtimes.wanted import CONFIG, NODE_HEADER, PYTHON_HEADER, wants

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Runtimes:
    """The ecosystem of language runtimes outside of package managers."""

    name = "generic"
    reads = Reads(frozenset([PYTHON_HEADER, NODE_HEADER, CONFIG]))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return wants(str(path))

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Nothing: a project names versions of runtimes, but locks none."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every runtime that no package manager owns; whose the virtual environments are."""
        from bom.catalog.runtimes.installed import find

        return find(files)
