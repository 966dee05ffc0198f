"""What lock files say, held against what is installed.

A lock is compared with the environment that it describes: the `node_modules` beside it, or else
the environment (one site-packages, one binary, one fat jar, ...) that holds most of what it asks
for. Where there is none, nothing is claimed: the lock stands as not compared.

What a platform, a marker, an extra or an option leaves out is no finding, and neither are the
tools that an environment brings along by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from packaging.utils import canonicalize_version

from bom.model import Dependency, Finding, Gap, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.catalog.protocol import Declared
    from bom.model import Component, Hash

# What installers put into every environment of theirs, whatever a lock says.
_SEEDS: Final = frozenset(
    f"pkg:pypi/{name}" for name in ("distribute", "pip", "setuptools", "uv", "wheel")
)
# Ruby brings gems of its own along, and puts them where others are installed to as well ("bundled
# gems", gems/bundled_gems of its source).
_SEEDS_OF_RUBY: Final = frozenset(
    f"pkg:gem/{name}"
    for name in (
        *("abbrev", "base64", "bigdecimal", "bundler", "csv", "debug", "drb", "getoptlong"),
        *("matrix", "minitest", "mutex_m", "net-ftp", "net-imap", "net-pop", "net-smtp", "nkf"),
        *("observer", "power_assert", "prime", "racc", "rake", "rbs", "repl_type_completor"),
        *("resolv-replace", "rexml", "rinda", "rss", "syslog", "test-unit", "typeprof"),
    )
)
_RUNTIMES: Final = frozenset(["pkg:golang/stdlib"])
# Gem homes stand behind each other: what one lacks is taken from another (Ruby's own gems).
_STACKED: Final = "gem"
_SEEDS_OF_ALL: Final = _SEEDS | _SEEDS_OF_RUBY | _RUNTIMES
# What is linked into a binary is what it uses; what a lock lists beside that is not missing.
_LINKED: Final = frozenset(["pkg:cargo", "pkg:golang"])
# It came inside another package's tarball: most locks don't look in there.
_BUNDLED: Final = Property("bom-seal:npm:bundled", "true")
_OWNED_BY_SYSTEM: Final = frozenset(["bom-seal:python:owner", "bom-seal:gem:owner"])
_MODULES: Final = "node_modules/"
_SITES: Final = ("/site-packages/", "/dist-packages/")
_INSIDE: Final = "!/"
_ENOUGH: Final = 0.5  # of what a lock asks for must be in an environment to be compared with it
_GO_SUM: Final = "bom-seal:go:h1"


@dataclass(frozen=True, slots=True)
class Compared:
    """The installed packages, with what the locks state of their distributions and which of them
    are asked for directly; what doesn't fit; and which locks could not be compared."""

    installed: tuple[Dependency, ...]
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()


class _Copy(NamedTuple):
    """An installed package in one environment, by a place that proves it."""

    component: Component
    place: str


def compare(declared: Iterable[Declared], installed: Sequence[Dependency]) -> Compared:
    """What the locks among `declared` say against what is installed, in any order."""
    environments = _environments(installed)
    enriched = {item.component.bom_ref: item for item in installed}
    held = _stacked(installed)
    described: dict[tuple[str, str], list[Declared]] = defaultdict(list)
    findings: set[Finding] = set()
    gaps: set[Gap] = set()
    for lock in declared:
        if not lock.locked or not _asked(lock):
            continue
        place = _environment_of(lock, environments)
        if place is None:
            why = "nothing that is installed corresponds to it: not compared"
            gaps.add(Gap("dependency.compared", lock.location, why))
            continue
        described[place].append(lock)
        elsewhere = held if lock.ecosystem == _STACKED else frozenset()
        findings |= set(_differences(lock, environments[place], elsewhere))
        for item in lock.dependencies:
            _enrich(enriched, item, environments[place])
    for place, locks in described.items():
        findings |= set(_additional(locks, environments[place]))
    return Compared(
        tuple(enriched[ref] for ref in sorted(enriched)),
        tuple(sorted(findings)),
        tuple(sorted(gaps)),
    )


# --- environments --------------------------------------------------------------------------------

Environment = dict[str, list[_Copy]]  # copies by the package's name, a purl without version


def package_key(purl: str) -> str:
    """A purl without version, qualifiers and subpath: what a package is called."""
    bare = purl.partition("?")[0].partition("#")[0]
    return bare.rpartition("@")[0] or bare


def _environments(installed: Iterable[Dependency]) -> Mapping[tuple[str, str], Environment]:
    """What is installed, by purl type and environment."""
    copies = [
        (place.location, item.component)
        for item in installed
        if item.component.purl and not _of_the_system(item.component)
        for place in item.component.occurrences
    ]
    shared: dict[str, int] = defaultdict(int)
    for location, _ in copies:
        shared[location] += 1
    out: dict[tuple[str, str], Environment] = {}
    for location, component in copies:
        kind = component.purl.partition("/")[0]
        root = _root(location, shared[location] > 1)
        environment = out.setdefault((kind, root), defaultdict(list))
        environment[package_key(component.purl)].append(_Copy(component, location))
    return out


def _stacked(installed: Iterable[Dependency]) -> frozenset[tuple[str, str]]:
    """Name and version of everything that some gem home holds, the system's among them."""
    return frozenset(
        (item.component.name, item.component.version)
        for item in installed
        if item.component.bom_ref.startswith((f"pkg:{_STACKED}/", f"{_STACKED}:"))
    )


def _of_the_system(component: Component) -> bool:
    return any(item.name in _OWNED_BY_SYSTEM for item in component.properties)


def _root(location: str, shared: bool) -> str:
    """The environment that a place is in: the folder that holds node_modules, site-packages, an
    archive; a file that tells of several packages; or else a file's folder."""
    if (at := location.find(_MODULES)) >= 0:
        return location[:at]
    for site in _SITES:
        before, found, _ = f"/{location}".partition(site)
        if found:
            return before[1:] + site
    if _INSIDE in location:
        return location.partition(_INSIDE)[0]
    return location if shared else location.rpartition("/")[0]


def _environment_of(
    lock: Declared, environments: Mapping[tuple[str, str], Environment]
) -> tuple[str, str] | None:
    """Where the environment is that the lock describes; None where none holds enough of it."""
    asked = _asked(lock)
    kind = f"pkg:{lock.ecosystem}"
    beside = f"{lock.folder}/" if lock.folder else ""
    best: tuple[int, float, str] | None = None
    for (of, root), environment in environments.items():
        held = sum(name in environment for name in asked)
        if of != kind or not held:
            continue
        # A binary holds what it uses of a lock, an environment all of it.
        whole = min(len(asked), len(environment)) if kind in _LINKED else len(asked)
        here = root in (beside, lock.folder) or bool(beside and root.startswith(beside))
        rank = (int(here), held / whole, root)
        if (here or rank[1] >= _ENOUGH) and (best is None or rank > best):
            best = rank
    return None if best is None else (kind, best[2])


def _asked(lock: Declared) -> set[str]:
    """The names of what must be there; of a lock whose groups nobody knows, of all that may be."""
    named = {
        package_key(item.component.purl): _must_be_there(item)
        for item in sorted(lock.dependencies, key=_must_be_there)
        if _is_of(lock, item)
    }
    must = {name for name, there in named.items() if there}
    return must or (set(named) if lock.ecosystem == _STACKED else set())


def _must_be_there(item: Dependency) -> bool:
    return item.role == "shipped" and not item.optional and bool(item.component.version)


def _is_of(lock: Declared, item: Dependency) -> bool:
    """Whether a package comes from the ecosystem's registry: what comes from version control is
    installed under another purl than the one that the lock gives it."""
    return item.component.purl.startswith(f"pkg:{lock.ecosystem}/")


# --- differences ---------------------------------------------------------------------------------


def _differences(
    lock: Declared, environment: Environment, elsewhere: frozenset[tuple[str, str]]
) -> Iterable[Finding]:
    stated: dict[str, list[Dependency]] = defaultdict(list)
    for item in lock.dependencies:
        if _is_of(lock, item):
            stated[package_key(item.component.purl)].append(item)
    for name, items in stated.items():
        copies = environment.get(name, [])
        if copies:
            yield from _versions(lock, items, copies)
            yield from _hashes(lock, items, copies)
        elif f"pkg:{lock.ecosystem}" not in _LINKED:
            yield from (
                _missing(lock, item)
                for item in items
                if _must_be_there(item)
                and (item.component.name, item.component.version) not in elsewhere
            )


def _additional(locks: Sequence[Declared], environment: Environment) -> Iterable[Finding]:
    """What is installed and none of the locks that describe the environment lists."""
    listed = {package_key(item.component.purl) for lock in locks for item in lock.dependencies}
    # by their bare names too: the projects themselves, and what has another purl in the lock
    names = {lock.name.lower() for lock in locks} | {
        item.component.name.lower()
        for lock in locks
        for item in lock.dependencies
        if not _is_of(lock, item)
    }
    places = ", ".join(sorted({lock.location for lock in locks}))
    for name, copies in environment.items():
        bare = name.rpartition("/")[2].lower()
        if name in listed or name in _SEEDS_OF_ALL or bare in names:
            continue
        if copies[0].component.name.lower() in names:  # a Go module's name is its whole path
            continue
        for copy in copies:
            if _BUNDLED in copy.component.properties:
                continue
            yield Finding(
                "additional",
                f"it is installed, and {places} does not list it",
                "",
                f"{copy.component.name} {copy.component.version}".rstrip(),
                copy.place,
                copy.component.bom_ref,
            )


def _missing(lock: Declared, item: Dependency) -> Finding:
    component = item.component
    return Finding(
        "missing",
        "the lock file asks for it and it is not installed",
        f"{component.name} {component.version}",
        "",
        _place(lock, component),
        component.bom_ref,
    )


def _versions(lock: Declared, items: list[Dependency], copies: list[_Copy]) -> Iterable[Finding]:
    """Versions that are installed and not stated, each against what is stated."""
    versions = {_normal(item.component) for item in items}
    if "" in versions:
        return  # the lock leaves the version of one open
    expected = ", ".join(sorted({item.component.version for item in items}))
    for copy in copies:
        if _BUNDLED in copy.component.properties:
            continue
        if copy.component.version and _normal(copy.component) not in versions:
            yield Finding(
                "version",
                "another version is installed than the lock file states",
                f"{expected} ({_place(lock, items[0].component)})",
                copy.component.version,
                copy.place,
                copy.component.bom_ref,
            )


def _normal(component: Component) -> str:
    if not component.purl.startswith("pkg:pypi/"):
        return component.version
    return canonicalize_version(component.version) if component.version else ""


def _hashes(lock: Declared, items: list[Dependency], copies: list[_Copy]) -> Iterable[Finding]:
    """Digests of the distribution that an install record and the lock state differently."""
    for item in items:
        stated = _by_algorithm(item.component)
        for copy in copies:
            if _normal(copy.component) != _normal(item.component):
                continue
            for algorithm, actual in _by_algorithm(copy.component, copy.place, item).items():
                expected = stated.get(algorithm)
                if expected and not actual <= expected:
                    yield Finding(
                        "hash",
                        "it was installed from another file than the lock file states",
                        _spelled(algorithm, expected),
                        _spelled(algorithm, actual - expected),
                        copy.place,
                        copy.component.bom_ref,
                    )


def _by_algorithm(
    component: Component, place: str = "", stated: Dependency | None = None
) -> dict[str, set[str]]:
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


def _place(lock: Declared, component: Component) -> str:
    seen = next((o for o in component.occurrences if o.location == lock.location), None)
    return f"{lock.location}:{seen.line}" if seen is not None and seen.line else lock.location


# --- what a lock adds ----------------------------------------------------------------------------


def _enrich(enriched: dict[str, Dependency], item: Dependency, environment: Environment) -> None:
    """Give an installed package the distributions that the lock states for this very purl."""
    if package_key(item.component.purl) not in environment:
        return
    for ref in _refs(item, environment):
        if (known := enriched.get(ref)) is not None:
            enriched[ref] = _with(known, item)


def _refs(item: Dependency, environment: Environment) -> set[str]:
    """The refs of what is installed of it. A lock lists a gem's files for all platforms under one
    purl; installed is the one for this platform."""
    purl = item.component.purl
    refs = {item.component.bom_ref}
    if purl.startswith(f"pkg:{_STACKED}/") and "?" not in purl:
        refs |= {
            copy.component.bom_ref
            for copy in environment[package_key(purl)]
            if copy.component.purl.partition("?")[0] == purl
        }
    return refs


def _with(known: Dependency, item: Dependency) -> Dependency:
    """An installed package with what the lock says of it."""
    files = tuple(sorted({*known.component.distributions, *item.component.distributions}))
    marks: set[Property] = set(known.component.properties)
    if item.role == "build":
        marks.add(Property("bom-seal:scope", "development"))
    component = replace(known.component, distributions=files, properties=tuple(sorted(marks)))
    return replace(known, component=component, direct=known.direct or item.direct)
