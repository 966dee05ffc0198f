"""Rust programs in a view: each with the crates that its audit data list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.came_with import layer
from bom.catalog.program import program, program_ref
from bom.catalog.rust.audit import Crate, parse
from bom.catalog.rust.crate import CRATES_IO, component, kind
from bom.catalog.rust.declared import locks
from bom.catalog.rust.lock import CargoLock
from bom.catalog.rust.wanted import DATA, ERROR
from bom.catalog.stated import Unreadable
from bom.errors import BomError
from bom.model import Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.protocol import FileEntry, FileView, Owned

RULE: Final = "cargo-auditable"

_LICENCE: Final = "a program's audit data state no licences"
_NO_CHECKSUM: Final = (
    "a crate inside a program has no bytes of its own, and no Cargo.lock here states its checksum"
)
_LOCAL: Final = "it was built from a folder of the builder's own, inside a program"
_NO_PLACE: Final = "a program's audit data do not say where it came from"


class _Stated(NamedTuple):
    """What locks in the view state of a crate: its source and checksum."""

    source: str
    checksum: str


# By (name, version, kind of source); None where locks contradict each other.
Checksums = dict[tuple[str, str, str], _Stated | None]


def programs(view: FileView) -> Iterator[Dependency | Gap | Owned]:
    """Every program once, whatever the number of its copies, and its crates."""
    found: dict[str, tuple[Mapping[str, bytes], list[FileEntry]]] = {}
    for path, parts in view.extracted():
        if DATA not in parts and ERROR not in parts:
            continue
        entry = view.entry(path)
        if entry is not None:
            found.setdefault(entry.sha256 or path, (parts, []))[1].append(entry)
    stated = _checksums(view) if found else {}
    for parts, entries in sorted(found.values(), key=lambda item: item[1][0].path):
        yield from _program(parts, entries, stated)


def _checksums(view: FileView) -> Checksums:
    found: Checksums = {}
    for _, lock in locks(view):
        for package in lock.packages if isinstance(lock, CargoLock) else ():
            key = package.name, package.version, kind(package.source)
            stated = _Stated(package.source, package.checksum)
            found[key] = stated if found.setdefault(key, stated) == stated else None
    return found


def _program(
    parts: Mapping[str, bytes], entries: list[FileEntry], stated: Checksums
) -> Iterator[Dependency | Gap | Owned]:
    first = entries[0]
    place = printable_name(first.path)
    ref = program_ref(first)
    crates: list[Crate] = []
    try:
        if ERROR in parts:
            raise Unreadable(parts[ERROR].decode("utf-8", "replace"))
        crates = parse(parts[DATA])
    except Unreadable as error:
        yield Gap("component", place, f"it is a Rust program: {error}", ref)
    where = tuple(Occurrence(printable_name(entry.path)) for entry in entries)
    layers = {item for entry in entries for item in layer(entry)}
    found, gaps = _crates(crates, where, layers, stated)
    yield from gaps
    yield from (item for item in found if item is not None)
    roots = [place for place, crate in enumerate(crates) if crate.root]
    if crates and len(roots) != 1:
        why = f"its audit data name {len(roots) or 'no'} crates as the one that all is built for"
        yield Gap("dependency.graph", place, why, ref)
    needed = {target for crate in crates for target in crate.requires}
    roots = roots or [at for at in range(len(crates)) if at not in needed]
    version = crates[roots[0]].version if len(roots) == 1 else ""
    yield from program(entries, version, layers, where, _refs(found, roots), RULE)


def _refs(found: list[Dependency | None], places: Iterable[int]) -> tuple[str, ...]:
    return tuple(sorted({item.component.bom_ref for at in places if (item := found[at])}))


def _crates(
    crates: list[Crate],
    where: tuple[Occurrence, ...],
    layers: set[Property],
    stated: Checksums,
) -> tuple[list[Dependency | None], list[Gap]]:
    """The crates in their order, None for one whose name is none."""
    from dataclasses import replace

    gaps: list[Gap] = []
    found: list[Dependency | None] = []
    for crate in crates:
        try:
            found.append(_crate(crate, where, layers, stated, gaps))
        except BomError as error:
            gaps.append(Gap("component", crate.name, f"a Rust program names it: {error.reason}"))
            found.append(None)
    joined: list[Dependency | None] = []
    for crate, item in zip(crates, found, strict=True):
        if item is not None:
            requires = _refs(found, crate.requires)
            item = replace(item, component=replace(item.component, requires=requires))
        joined.append(item)
    return joined, gaps


def _crate(
    crate: Crate,
    where: tuple[Occurrence, ...],
    layers: set[Property],
    stated: Checksums,
    gaps: list[Gap],
) -> Dependency:
    of = crate.source if crate.source in ("crates.io", "git", "local") else "registry"
    known = stated.get((crate.name, crate.version, of))
    source = known.source if known and known.source else CRATES_IO if of == "crates.io" else of
    made = component(
        crate.name,
        crate.version,
        source,
        sha256=known.checksum if known else "",
        properties=layers,
        occurrences=where,
    )
    ref = made.bom_ref
    if not made.purl and of != "local":
        gaps.append(Gap("dependency.source", crate.name, _NO_PLACE, ref))
    if not made.distributions:
        gaps.append(Gap("component.hash", ref, _LOCAL if of == "local" else _NO_CHECKSUM, ref))
    gaps.append(Gap("component.licence", ref, _LICENCE, ref))
    return Dependency(made, "build" if crate.builds else "shipped")
