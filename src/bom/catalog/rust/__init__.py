"""Rust: crates as Cargo.lock and Cargo.toml have them, and as programs say that they hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.protocol import Reads
from bom.catalog.rust.wanted import EXTRACT, NAMES, wants

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Rust:
    """The ecosystem of cargo."""

    name = "cargo"
    reads = Reads(NAMES)
    extracts: Extract | None = EXTRACT

    def matches(self, path: PurePosixPath) -> bool:
        return wants(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every program with audit data (cargo-auditable), and its crates."""
        from bom.catalog.rust.installed import programs

        return programs(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each Cargo.lock, and for each Cargo.toml that none covers."""
        from bom.catalog.rust.declared import projects

        return projects(files)
