"""What lock files say, held against what is installed in the environment that each describes
(catalog/environments.py tells which that is).

Where there is none, nothing is claimed: the lock stands as not compared. What a platform, a
marker, an extra or an option leaves out is no finding, and neither are the tools that an
environment brings along by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom.catalog.environments import (
    LINKED,
    SEEDS,
    called,
    environments,
    is_of,
    leaves_out,
    listed_by,
    matches,
    must_be_there,
    of_the_system,
    own_names,
    package_key,
    reached,
    version_of,
)
from bom.model import Dependency, Finding, Gap, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.environments import Copy, Environment, Match
    from bom.catalog.protocol import Declared
    from bom.model import Component, Hash

__all__ = ["Compared", "compare", "package_key"]

# Several versions of one package lie side by side there, and all that are stated have to.
_SIDE_BY_SIDE: Final = frozenset(["npm"])
# It came inside another package's tarball: most locks don't look in there.
_BUNDLED: Final = Property("bom-seal:npm:bundled", "true")
_DEVELOPMENT: Final = Property("bom-seal:scope", "development")
_GO_SUM: Final = "bom-seal:go:h1"
_COMPARED: Final = "dependency.compared"
_NOWHERE: Final = "nothing that is installed corresponds to it: not compared"
_SECOND: Final = "another lock describes what it comes closest to: not compared"
# The strongest digest that two sides state tells of a difference; the others say the same.
_STRENGTH: Final = ("SHA-512", "SHA-384", "SHA-256", "h1", "SHA-1", "MD5")


@dataclass(frozen=True, slots=True)
class Compared:
    """The installed packages, with what the locks state of their distributions and which of them
    are asked for directly; what doesn't fit; and which locks could not be compared."""

    installed: tuple[Dependency, ...]
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()


def compare(declared: Iterable[Declared], installed: Sequence[Dependency]) -> Compared:
    """What the locks among `declared` say against what is installed, in any order."""
    stated = sorted(declared, key=lambda item: (item.ecosystem, item.folder, item.location))
    projects = frozenset((lock.ecosystem, name) for lock in stated for name in own_names(lock))
    found = environments(installed)
    pairs, nowhere, second = matches([lock for lock in stated if lock.locked], found)
    gaps = {Gap(_COMPARED, lock.location, _NOWHERE) for lock in nowhere}
    gaps |= {Gap(_COMPARED, lock.location, _SECOND) for lock in second}
    for lock in stated:
        if not lock.locked:
            gaps |= {gap for gap in lock.gaps if gap.what == "dependency.lock"}
    homes = _gems(installed) | _of_the_system(installed)
    findings: set[Finding] = set()
    by_place: dict[tuple[str, str], list[Match]] = defaultdict(list)
    for pair in pairs:
        by_place[pair.lock.ecosystem, pair.place].append(pair)
    enriched = {item.component.bom_ref: item for item in installed}
    for together in by_place.values():
        for lock, _, environment in together:
            differing = _differences(lock, environment, _of_the_workspace(lock, together))
            findings |= {one for one in differing if not _elsewhere(one, homes)}
        findings |= set(_additional(together, projects))
        _enrich(enriched, together)
    return Compared(
        tuple(enriched[ref] for ref in sorted(enriched)),
        tuple(sorted(findings)),
        tuple(sorted(gaps)),
    )


def _gems(installed: Iterable[Dependency]) -> frozenset[str]:
    """The purls, without qualifiers, of all that gem homes hold."""
    refs = (item.component.bom_ref for item in installed)
    return frozenset(
        f"pkg:{ref.removeprefix('pkg:').replace('gem:', 'gem/', 1)}".partition("?")[0]
        for ref in refs
        if ref.startswith(("pkg:gem/", "gem:"))
    )


def _of_the_system(installed: Iterable[Dependency]) -> frozenset[str]:
    """The purls of what the operating system's package manager installed of other ecosystems."""
    parts = (item.component for item in installed)
    return frozenset(one.purl for one in parts if of_the_system(one))


def _elsewhere(one: Finding, homes: frozenset[str]) -> bool:
    """Whether what is missing is a gem that another home has: they stand behind each other, and
    what is part of Ruby isn't installed a second time. Nor is a Python package that the operating
    system has, in an environment that sees those."""
    return one.code == "missing" and one.ref.partition("?")[0] in homes


# --- differences ---------------------------------------------------------------------------------


def _of_the_workspace(lock: Declared, together: Sequence[Match]) -> Mapping[str, set[str]]:
    """The versions, by package, that other members of its workspace state: of what several ask
    for, Go takes the newest."""
    found: dict[str, set[str]] = defaultdict(set)
    if lock.ecosystem in LINKED:
        for other, _, _ in together:
            if other.name != lock.name:
                for item in other.dependencies:
                    found[package_key(item.component.purl)].add(version_of(item.component))
    return found


def _differences(
    lock: Declared, environment: Environment, besides: Mapping[str, set[str]]
) -> Iterator[Finding]:
    stated: dict[str, list[Dependency]] = defaultdict(list)
    for item in lock.dependencies:
        if is_of(lock, item):
            stated[package_key(item.component.purl)].append(item)
    for name, items in stated.items():
        copies = environment.copies(name)
        unexpected = _unexpected(items, copies, besides.get(name, set()))
        yield from (_version(lock, items, same) for same in unexpected)
        if lock.ecosystem not in LINKED:
            yield from _missing(lock, items, copies, len(unexpected))
        yield from _hashes(lock, items, copies)


def _unexpected(items: list[Dependency], copies: list[Copy], besides: set[str]) -> list[list[Copy]]:
    """The copies in versions that are not stated, by version."""
    versions = {version_of(item.component) for item in items} | besides
    if "" in versions:
        return []  # the lock leaves the version of one open
    found: dict[str, list[Copy]] = defaultdict(list)
    for copy in copies:
        version = version_of(copy.component)
        if version and version not in versions and _BUNDLED not in copy.component.properties:
            found[version].append(copy)
    return [found[version] for version in sorted(found)]


def _version(lock: Declared, items: list[Dependency], copies: list[Copy]) -> Finding:
    expected = ", ".join(sorted({item.component.version for item in items}))
    return Finding(
        "version",
        "another version is installed than the lock file states",
        f"{expected} ({_stated_at(lock, items[0].component)})",
        copies[0].component.version,
        _places(copies),
        copies[0].component.bom_ref,
    )


def _missing(
    lock: Declared, items: list[Dependency], copies: list[Copy], instead: int
) -> Iterator[Finding]:
    """What is asked for and not there; `instead`: so many are there in another version."""
    asked = [item for item in items if must_be_there(item)]
    if copies and lock.ecosystem not in _SIDE_BY_SIDE:
        return
    there = {version_of(copy.component) for copy in copies}
    absent = [item for item in asked if version_of(item.component) not in there]
    for item in absent[instead:]:
        component = item.component
        yield Finding(
            "missing",
            "the lock file asks for it and it is not installed",
            f"{called(component)} {component.version}",
            "",
            _stated_at(lock, component),
            component.bom_ref,
        )


def _additional(together: Sequence[Match], projects: frozenset[tuple[str, str]]) -> list[Finding]:
    """What is installed in an environment and none of the locks that describe it lists."""
    kind = together[0].lock.ecosystem
    listed: set[str] = set(SEEDS)
    packages: dict[str, list[Copy]] = {}
    for lock, _, environment in together:
        packages |= environment.packages
        listed |= reached(lock, environment) if leaves_out(lock) else listed_by(lock)
    files = sorted({file for match in together for file in match.lock.location.split(", ")})
    told = (
        f"{files[0]} does not list it"
        if len(files) == 1
        else f"none of {', '.join(files)} lists it"
    )
    found = []
    for name, copies in packages.items():
        if name in listed or (kind, called(copies[0].component)) in projects:
            continue
        by_version: dict[str, list[Copy]] = defaultdict(list)
        for copy in copies:
            if _BUNDLED not in copy.component.properties:
                by_version[copy.component.version].append(copy)
        for version, same in by_version.items():
            component = same[0].component
            found.append(
                Finding(
                    "additional",
                    f"it is installed, and {told}",
                    "",
                    f"{called(component)} {version}".rstrip(),
                    _places(same),
                    component.bom_ref,
                )
            )
    return found


def _hashes(lock: Declared, items: list[Dependency], copies: list[Copy]) -> Iterator[Finding]:
    """Digests of the distribution that an install record and the lock state differently."""
    for item in items:
        stated = _by_algorithm(item.component)
        told: set[str] = set()
        for copy in sorted(copies, key=lambda copy: copy.place):
            ref = copy.component.bom_ref
            if ref in told or version_of(copy.component) != version_of(item.component):
                continue
            actual = _by_algorithm(copy.component, copy.place, item)
            for algorithm in _STRENGTH:
                expected = stated.get(algorithm)
                if expected and not actual.get(algorithm, expected) <= expected:
                    told.add(ref)
                    # What go.sum states is told by Go's own comparison too, in the same words.
                    place = "" if algorithm == "h1" else f" ({_stated_at(lock, item.component)})"
                    yield Finding(
                        "hash",
                        "it was installed from another file than the lock file states",
                        _spelled(algorithm, expected) + place,
                        _spelled(algorithm, actual[algorithm] - expected),
                        copy.place,
                        ref,
                    )
                    break


def _by_algorithm(
    component: Component, place: str = "", stated: Dependency | None = None
) -> Mapping[str, set[str]]:
    """The digests of what was distributed: as stated, and of a file that was installed as it was
    distributed, under the very name that the lock has for it."""
    out: dict[str, set[str]] = defaultdict(set)
    hashes: list[Hash] = [one for file in component.distributions for one in file.hashes]
    if stated is not None and component.hash_of == "file":
        names = {file.name for file in stated.component.distributions}
        if place.rpartition("/")[2] in names:
            hashes += component.hashes
    for one in hashes:
        out[one.alg].add(one.value)
    for item in component.properties:
        if item.name == _GO_SUM:
            out["h1"].add(item.value.removeprefix("h1:"))
    return out


def _spelled(algorithm: str, values: set[str]) -> str:
    first, *others = sorted(values)
    return f"{algorithm} {first}" + (f" and {len(others)} more" if others else "")


def _stated_at(lock: Declared, component: Component) -> str:
    files = lock.location.split(", ")  # of one project, several may be one lock (requirements)
    seen = next((o for o in component.occurrences if o.location in files), None)
    if seen is None:
        return lock.location
    return f"{seen.location}:{seen.line}" if seen.line else seen.location


def _places(copies: Iterable[Copy]) -> str:
    """The first place, and how many others there are."""
    first, *others = sorted({copy.place for copy in copies})
    return f"{first} and {len(others)} more" if others else first


# --- what a lock adds ----------------------------------------------------------------------------


def _enrich(enriched: dict[str, Dependency], together: Sequence[Match]) -> None:
    """Give the packages of an environment the distributions that its locks state for these very
    purls. What only builds or tests by all of them is marked."""
    ships = {
        item.component.bom_ref
        for match in together
        for item in match.lock.dependencies
        if item.role == "shipped"
    }
    for match in together:
        for item, ref in _pairs(match):
            known = enriched.get(ref)
            if known is None:
                continue
            files = tuple(sorted({*known.component.distributions, *item.component.distributions}))
            marks: set[Property] = set(known.component.properties)
            if ref not in ships:
                marks.add(_DEVELOPMENT)
            component = replace(
                known.component, distributions=files, properties=tuple(sorted(marks))
            )
            enriched[ref] = replace(known, component=component, direct=known.direct or item.direct)


def _pairs(match: Match) -> Iterator[tuple[Dependency, str]]:
    """What a lock lists and the environment holds, each with the ref of what is installed: a lock
    lists a gem's files for all platforms under one purl, installed is the one for this."""
    for item in match.lock.dependencies:
        purl = item.component.purl
        copies = match.environment.packages.get(package_key(purl))
        if not copies:
            continue
        refs = {item.component.bom_ref}
        if purl.startswith("pkg:gem/") and "?" not in purl:
            installed = (copy.component.bom_ref for copy in copies)
            refs |= {ref for ref in installed if ref.partition("?")[0] == purl}
        yield from ((item, ref) for ref in sorted(refs))
