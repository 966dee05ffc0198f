"""Cargo.lock, versions 1 to 4 (cargo's resolver::encode), as packages and edges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.stated import Unreadable, decoded, numbered, strings, table, text, toml_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHECKSUM: Final = "checksum "  # version 1: `checksum NAME VERSION (SOURCE)` in [metadata]
_EDGE: Final = re.compile(r"(\S+)(?: (\S+))?(?: \((.*)\))?\Z")


class Locked(NamedTuple):
    """A package of a lock. `source` as it is spelled, "" for a path; `asks`: its edges as they are
    spelled; `line`: where its table begins."""

    name: str
    version: str
    source: str
    checksum: str
    asks: tuple[str, ...]
    line: int


class CargoLock:
    """The packages of a Cargo.lock, in its order; `own`: the names of those that come from paths;
    `broken` counts those without a name or version."""

    def __init__(self, raw: bytes) -> None:
        """Raises Unreadable."""
        source = decoded(raw)
        document = toml_document(source)
        metadata = table(document.get("metadata"))
        rows = numbered(document, "package", source)
        if (root := table(document.get("root"))) and text(root.get("name")):
            rows.insert(0, (root, 0))  # before Cargo 0.17
        self.packages: list[Locked] = []
        self.broken = 0
        for row, line in rows:
            package = _package(row, line, metadata)
            if package is None:
                self.broken += 1
            else:
                self.packages.append(package)
        if not rows and "version" not in document and document:
            raise Unreadable("lists no packages")
        self.own = frozenset(package.name for package in self.packages if not package.source)
        # An edge names a package as far as it takes to tell it from the others.
        self._places: dict[tuple[str | None, ...], int] = {}
        for place, package in enumerate(self.packages):
            for version in (None, package.version):
                for where in (None, _place(package.source)):
                    self._places.setdefault((package.name, version, where), place)

    def edges(self, package: Locked) -> Iterator[int]:
        """The places of the packages that this one needs; what is not in the lock is left out."""
        for spelled in package.asks:
            if (found := _EDGE.match(spelled)) is not None:
                name, version, source = found.groups()
                where = None if source is None else _place(source)
                if (place := self._places.get((name, version, where))) is not None:
                    yield place


def _place(source: str) -> str:
    """A source without the commit that it was resolved to."""
    return source.partition("#")[0]


def _package(row: Mapping[str, object], line: int, metadata: Mapping[str, object]) -> Locked | None:
    name, version, source = (text(row.get(key)) for key in ("name", "version", "source"))
    if not name or not version:
        return None
    checksum = text(row.get("checksum"))
    if not checksum and metadata:
        checksum = text(metadata.get(f"{_CHECKSUM}{name} {version} ({source})"))
    return Locked(name, version, source, checksum, strings(row.get("dependencies")), line)
