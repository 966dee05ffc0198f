"""Rust: crates as Cargo.lock and Cargo.toml have them, and as programs say that they hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.archive.executable import MAGICS
from bom.catalog.protocol import Extract, Reads
from bom.catalog.rust.audit import take
from bom.catalog.rust.declared import NAMES, projects, wanted
from bom.catalog.rust.installed import programs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Rust:
    """The ecosystem of cargo."""

    name = "cargo"
    reads = Reads(NAMES)
    extracts: Extract | None = Extract(take, MAGICS, programs=True)

    def matches(self, path: PurePosixPath) -> bool:
        return wanted(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every program with audit data (cargo-auditable), and its crates."""
        return programs(files)

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each Cargo.lock, and for each Cargo.toml that none covers."""
        return projects(files)
