"""The audit data that cargo-auditable puts into a program: which crates it was built from.

A section `.dep-v0` with JSON, compressed by zlib (cargo-auditable, PARSING.md and
cargo-auditable.schema.json).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.executable import programs
from bom.catalog.rust.wanted import DATA, ERROR
from bom.catalog.stated import Unreadable, decoded, json_document, table, text

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

_SECTION: Final = b".dep-v0"
_COMPRESSED: Final = 1024 * 1024  # bytes
_LIMIT: Final = 8 * 1024 * 1024  # bytes of JSON


class Crate(NamedTuple):
    """A crate of a program. `source`: `crates.io`, `git`, `local`, `registry` or another word;
    `requires`: places in the list."""

    name: str
    version: str
    source: str
    builds: bool
    requires: tuple[int, ...]
    root: bool


def take(content: bytes | mmap.mmap) -> Mapping[str, bytes]:
    """The section of a program that has one."""
    for program in programs(content):
        region = program.find(_SECTION)
        if region is None:
            continue
        if region.size > _COMPRESSED:
            return {ERROR: f"its audit data are larger than {_COMPRESSED >> 20} MiB".encode()}
        return {DATA: program.read(region, _COMPRESSED)}
    return {}


def parse(section: bytes) -> list[Crate]:
    """The crates that a section lists. Raises Unreadable."""
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(section, _LIMIT + 1)
    except zlib.error as error:
        raise Unreadable("has audit data that zlib can't inflate") from error
    if len(raw) > _LIMIT:
        raise Unreadable(f"has audit data of more than {_LIMIT >> 20} MiB")
    if not inflate.eof:
        raise Unreadable("has audit data that are cut off")
    packages = json_document(decoded(raw)).get("packages")
    if not isinstance(packages, list):
        raise Unreadable("has audit data that list no packages")
    return [_crate(item, len(packages)) for item in packages]


def _crate(item: object, count: int) -> Crate:
    row = table(item)
    name, version, source = (text(row.get(key)) for key in ("name", "version", "source"))
    requires = row.get("dependencies", [])
    if not (name and version and source) or not isinstance(requires, list):
        raise Unreadable("has audit data with a package that lacks name, version or source")
    if not all(type(place) is int and 0 <= place < count for place in requires):
        raise Unreadable("has audit data with a dependency that is none of its packages")
    return Crate(
        name,
        version,
        source,
        row.get("kind") == "build",
        tuple(requires),
        row.get("root") is True,
    )
