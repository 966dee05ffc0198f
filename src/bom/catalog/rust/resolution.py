"""A Rust project's dependencies: its lock's packages, with what its manifests say of each.

A lock has the packages for all platforms and features, and doesn't say of a registry's crate
which of its dependencies only build it: such a crate's own are taken to ship like it does.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.catalog.protocol import Declared
from bom.catalog.rust.crate import COMMIT, CRATES_IO, component, kind
from bom.errors import BomError
from bom.model import Dependency, Gap, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.catalog.rust.lock import CargoLock, Locked
    from bom.catalog.rust.manifest import Asked, Manifest
    from bom.model import Component

REQUIREMENT: Final = "bom-seal:rust:requirement"

# How surely a package ships. Along a chain of packages the least sure edge counts.
_SURE, _OPTIONAL, _BUILD = 3, 2, 1

_EXACT: Final = re.compile(r"=\s*(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)\Z")


def locked(
    folder: str,
    place: str,
    lock: CargoLock,
    manifests: Mapping[str, Manifest],
    gaps: tuple[Gap, ...],
) -> Declared:
    """What a lock holds. `manifests`: those of its own packages, by folder."""
    reading = _Reading(place, lock, manifests.values())
    found = reading.dependencies()
    own = reading.product
    return Declared(
        "cargo",
        folder,
        place,
        locked=True,
        dependencies=found,
        gaps=tuple(sorted({*gaps, *reading.gaps})),
        name=own.name if own else "",
        version=own.version if own else "",
    )


class _Reading:
    """One lock."""

    def __init__(self, place: str, lock: CargoLock, manifests: Iterable[Manifest]) -> None:
        self.gaps: set[Gap] = set()
        self._place = place
        self._lock = lock
        self._manifests = {read.name: read for read in manifests if read.name}
        packages = lock.packages
        self._edges = [tuple(dict.fromkeys(lock.edges(package))) for package in packages]
        self._roots = self._find_roots()
        # The product itself is no dependency of its own.
        self.product = packages[self._roots[0]] if len(self._roots) == 1 else None

    def dependencies(self) -> tuple[Dependency, ...]:
        packages = self._lock.packages
        levels = self._levels()
        direct = {target for root in self._roots for target in self._edges[root]}
        parts: dict[int, Component] = {}
        for place, package in enumerate(packages):
            try:
                parts[place] = self._component(package)
            except BomError as error:
                self.gaps.add(Gap("dependency.name", self._place, error.reason))
        refs = {place: part.bom_ref for place, part in parts.items()}
        found: dict[str, Dependency] = {}
        for place, ref in refs.items():
            package = packages[place]
            if package is self.product:
                continue
            requires = {refs[target] for target in self._edges[place] if target in refs}
            made = replace(parts[place], requires=tuple(sorted(requires)))
            level = levels.get(place, _OPTIONAL)
            item = Dependency(
                made,
                "build" if level == _BUILD else "shipped",
                direct=place in direct or place in self._roots,
                optional=level == _OPTIONAL,
            )
            found[ref] = found[ref].merged(item) if ref in found else item
            self._judge(package, made)
        if self._lock.broken:
            why = f"{self._lock.broken} of its packages lack a name or a version"
            self.gaps.add(Gap("dependency.lock", self._place, why))
        return tuple(sorted(found.values()))

    def _component(self, package: Locked) -> Component:
        return component(
            package.name,
            package.version,
            package.source,
            sha256=package.checksum,
            occurrences=(Occurrence(self._place, package.line),),
        )

    def _judge(self, package: Locked, made: Component) -> None:
        def gap(what: str, why: str) -> None:
            self.gaps.add(Gap(what, package.name, why, made.bom_ref))

        of = kind(package.source)
        if of == "local":
            gap("dependency.source", "it is of the project itself: no published crate is stated")
            if package.name not in self._manifests:
                gap("dependency.declared", "no Cargo.toml of it says how it asks for others")
        elif not made.purl:
            gap("dependency.source", "the lock names no place that others could reach")
        if made.distributions:
            return
        if of == "git":
            gap("dependency.hash", "it comes from version control, where a commit identifies it")
        elif of == "local":
            gap("dependency.hash", "it is of the project itself, whose locks state no checksums")
        else:
            gap("dependency.hash", f"{self._place} states no checksum")

    def _find_roots(self) -> list[int]:
        """The project's own packages that none of its others needs to be built."""
        own = [place for place, package in enumerate(self._lock.packages) if not package.source]
        needed = set()
        for place in own:
            read = self._manifests.get(self._lock.packages[place].name)
            tested = {item.name for item in read.asked if item.kind == "dev"} if read else set()
            built = {item.name for item in read.asked if item.kind != "dev"} if read else set()
            for target in self._edges[place]:
                name = self._lock.packages[target].name
                if target != place and (name in built or name not in tested):
                    needed.add(target)
        return [place for place in own if place not in needed] or own

    def _asked(self, place: int) -> Iterable[tuple[int, int]]:
        """The packages that one needs, with how surely they ship where it does."""
        package = self._lock.packages[place]
        stated = self._manifests.get(package.name) if not package.source else None
        if stated is None:
            return [(target, _SURE) for target in self._edges[place]]
        levels: dict[str, int] = {}
        for item in stated.asked:
            levels[item.name] = max(levels.get(item.name, 0), _level(item))
        return [
            (target, self._as_macro(target, levels.get(self._lock.packages[target].name, _SURE)))
            for target in self._edges[place]
        ]

    def _as_macro(self, place: int, level: int) -> int:
        package = self._lock.packages[place]
        read = self._manifests.get(package.name) if not package.source else None
        return _BUILD if read is not None and read.macro else level

    def _levels(self) -> dict[int, int]:
        levels = dict.fromkeys(self._roots, _SURE)
        waiting = list(self._roots)
        while waiting:  # a package comes up again only when its level rises: three times at most
            place = waiting.pop()
            for target, level in self._asked(place):
                reached = min(level, levels[place])
                if reached > levels.get(target, 0):
                    levels[target] = reached
                    waiting.append(target)
        return levels


def _level(item: Asked) -> int:
    if item.kind != "normal":
        return _BUILD
    return _OPTIONAL if item.optional or item.somewhere else _SURE


def unlocked(folder: str, place: str, read: Manifest) -> Declared:
    """What a manifest asks for where no lock resolves it."""
    gaps: set[Gap] = set()
    found: dict[str, Dependency] = {}
    for item in read.asked:
        try:
            made = _unlocked(item, place)
        except BomError as error:
            gaps.add(Gap("dependency.name", place, error.reason))
            continue
        ref = made.bom_ref
        level = _level(item)
        dependency = Dependency(
            made,
            "build" if level == _BUILD else "shipped",
            direct=True,
            optional=level == _OPTIONAL,
        )
        found[ref] = found[ref].merged(dependency) if ref in found else dependency
        if not made.version:
            why = f"{place} does not pin it, and no Cargo.lock does"
            gaps.add(Gap("dependency.version", item.name, why, ref))
        if not made.purl:
            why = f"{place} names no registry or commit that others could reach"
            gaps.add(Gap("dependency.source", item.name, why, ref))
        gaps.add(Gap("dependency.hash", item.name, "no Cargo.lock states its checksum", ref))
    return Declared(
        "cargo",
        folder,
        place,
        locked=False,
        dependencies=tuple(sorted(found.values())),
        gaps=tuple(sorted(gaps)),
        name=read.name,
        version=read.version,
    )


def _unlocked(item: Asked, place: str) -> Component:
    exact = _EXACT.match(item.requirement)
    source = item.source
    if source == "crates.io":
        source = CRATES_IO
    elif source == "git" and COMMIT.match(item.commit):
        source = f"git+{item.url}#{item.commit}"
    elif source == "registry" and item.url:
        source = item.url if item.url.startswith("sparse+") else f"registry+{item.url}"
    facts = [Property(REQUIREMENT, item.requirement)] if item.requirement else []
    return component(
        item.name,
        exact[1] if exact and item.source != "git" else "",
        source,
        properties=facts,
        occurrences=(Occurrence(place),),
    )
