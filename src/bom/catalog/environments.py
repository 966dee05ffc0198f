"""Which lock describes which of the environments that are installed.

An environment is what one installer fills: a `node_modules` with all that is nested in it, one
site-packages, a program, a fat jar, a folder of gems. A lock describes the one that lies where
the ecosystem's installer puts it; a program names the module or crate that it was built from; else
the one that holds what the lock asks for, and little else. Where several locks come close
to one environment, the nearest describes it, and another only if it fits without a difference.
"""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from packaging.utils import canonicalize_name, canonicalize_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import Declared
    from bom.model import Component, Dependency

# Purl types of what is linked into a program: it holds what it uses of a lock, and says of which
# project it is.
LINKED: Final = frozenset(["cargo", "golang"])
# What installers put into every environment of theirs, whatever a lock says.
SEEDS: Final = frozenset(
    [
        *(f"pkg:pypi/{name}" for name in ("distribute", "pip", "setuptools", "uv", "wheel")),
        "pkg:golang/stdlib",
        # Ruby brings gems of its own along, and puts them where others are installed to as well
        # ("bundled gems", gems/bundled_gems of its source).
        *(
            f"pkg:gem/{name}"
            for name in (
                *("abbrev", "base64", "bigdecimal", "bundler", "csv", "debug", "drb"),
                *("getoptlong", "matrix", "minitest", "mutex_m", "net-ftp", "net-imap", "net-pop"),
                *("net-smtp", "nkf", "observer", "power_assert", "prime", "racc", "rake", "rbs"),
                *("repl_type_completor", "resolv-replace", "rexml", "rinda", "rss", "syslog"),
                *("test-unit", "typeprof"),
            )
        ),
    ]
)
_OWNED_BY_SYSTEM: Final = frozenset(["bom-seal:python:owner", "bom-seal:gem:owner"])
_MODULES: Final = "node_modules/"
_YARN: Final = ".yarn/"
_SITES: Final = ("/site-packages/", "/dist-packages/")
_INSIDE: Final = "!/"
_ENOUGH: Final = 0.5  # of what a lock asks for, and of what is there, has to be the same packages
# Where so many packages are there, so nearly all in the versions asked for, it doesn't matter what
# else is.
_TELLING: Final = 10
_ALIKE: Final = 0.9
_CROWDED: Final = 500  # a package in more environments than that doesn't tell them apart


class Copy(NamedTuple):
    """An installed package in one environment, by a place that proves it."""

    component: Component
    place: str


@dataclass(slots=True)
class Environment:
    """What one installer put in one place. `home`: the folder of the project that it would be
    for. `packages`: copies by package (a purl without version); `nameless`: those that have no
    purl, by their names."""

    home: str
    packages: dict[str, list[Copy]] = field(default_factory=lambda: defaultdict(list))
    nameless: dict[str, list[Copy]] = field(default_factory=lambda: defaultdict(list))

    def copies(self, name: str) -> list[Copy]:
        """The copies of a package; of a jar that doesn't state its group, those of its name."""
        found = self.packages.get(name)
        if found is None and name.startswith("pkg:maven/"):
            found = self.nameless.get(name.rpartition("/")[2])
        return found or []


Key = tuple[str, str]  # purl type and place


def package_key(purl: str) -> str:
    """A purl without version, qualifiers and subpath: what a package is called."""
    bare = purl.partition("?")[0].partition("#")[0]
    return bare.rpartition("@")[0] or bare


def called(component: Component) -> str:
    """Its whole name, as its ecosystem takes names for equal."""
    name = f"{component.group}/{component.name}" if component.group else component.name
    return canonicalize_name(name) if component.purl.startswith("pkg:pypi/") else name.lower()


def version_of(component: Component) -> str:
    """Its version, as its ecosystem takes versions for equal; "" where none is stated."""
    if component.version and component.purl.startswith("pkg:pypi/"):
        return canonicalize_version(component.version)
    return component.version


def of_the_system(component: Component) -> bool:
    """Whether it is a Python package or a gem that the operating system's package manager put
    there."""
    return any(item.name in _OWNED_BY_SYSTEM for item in component.properties)


def environments(installed: Iterable[Dependency]) -> Mapping[Key, Environment]:
    """What is installed, by purl type and place. The operating system's own Python packages and
    gems are in none: its package manager put them there."""
    copies = [
        (kind, place.location, item.component)
        for item in installed
        if (kind := _kind(item.component))
        for place in item.component.occurrences
    ]
    shared = Counter(location for _, location, _ in copies)
    out: dict[Key, Environment] = {}
    for kind, location, component in copies:
        place, home = _place(location, shared[location] > 1)
        environment = out.setdefault((kind, place), Environment(home))
        copy = Copy(component, location)
        if component.purl:
            environment.packages[package_key(component.purl)].append(copy)
        else:
            environment.nameless[component.name].append(copy)
    return out


def _kind(component: Component) -> str:
    """The purl type of an installed package, "" where none tells what it is compared with."""
    if component.purl:
        if of_the_system(component):
            return ""
        return component.purl[4:].partition("/")[0]
    if component.ref.startswith("cargo:"):
        return "cargo"
    if component.type == "application" and "".join(component.requires[:1]).startswith(
        "pkg:golang/"
    ):
        return "golang"
    first = component.occurrences[0].location if component.occurrences else ""
    return "maven" if first.endswith(".jar") or _INSIDE in first else ""


def _place(location: str, shared: bool) -> tuple[str, str]:
    """The environment that a file is in, and the folder of the project that it would be for."""
    if (at := f"/{location}".find(f"/{_YARN}")) >= 0:
        return location[:at], location[:at].rstrip("/")
    if (at := location.find(_MODULES)) >= 0:
        return location[:at], location[:at].rstrip("/")
    for site in _SITES:
        before, found, _ = f"/{location}".partition(site)
        if found:
            # PROJECT/.venv/lib/python3.11/site-packages
            above = before[1:].rpartition("/lib/")[0] or before[1:].rpartition("/Lib")[0]
            return before[1:] + site, posixpath.dirname(above)
    if _INSIDE in location:
        archive = location.partition(_INSIDE)[0]
        return archive, posixpath.dirname(archive)
    folder = posixpath.dirname(location)
    return (location, folder) if shared else (folder, folder)


# --- what a lock asks for ------------------------------------------------------------------------


def is_of(lock: Declared, item: Dependency) -> bool:
    """Whether a package comes from the ecosystem's registry: what comes from version control is
    installed under another purl than the one that the lock gives it."""
    return item.component.purl.startswith(f"pkg:{lock.ecosystem}/")


def must_be_there(item: Dependency) -> bool:
    return item.role == "shipped" and not item.optional and bool(item.component.version)


def own_names(lock: Declared) -> set[str]:
    """What the project itself, and what the lock takes from elsewhere, is called."""
    pypi = lock.ecosystem == "pypi"
    name = canonicalize_name(lock.name) if pypi else lock.name.lower()
    others = (item.component for item in lock.dependencies if not is_of(lock, item))
    names = {canonicalize_name(called(one)) if pypi else called(one) for one in others}
    return {name, *names} - {""}


# --- which is whose ------------------------------------------------------------------------------


class Match(NamedTuple):
    """A lock and the environment that it describes, put together of all its parts' places."""

    lock: Declared
    place: str
    environment: Environment


class _Candidate(NamedTuple):
    """Larger is nearer: below the lock's folder (how deep that is), whether it is the very one,
    which share of what is asked for is there in the version asked for, and in any; of equal ones
    the one that lies less deep."""

    near: int
    exact: bool
    same: float
    held: float
    key: Key
    lock: Declared


def _rank(one: _Candidate) -> tuple[int, bool, float, float, int, Key, str]:
    depth = -one.key[1].count("/")
    return one.near, one.exact, one.same, one.held, depth, one.key, one.lock.location


def matches(
    locks: Sequence[Declared], found: Mapping[Key, Environment]
) -> tuple[list[Match], list[Declared], list[Declared]]:
    """The locks that are compared; those to which nothing installed corresponds; those whose
    environment another lock describes better."""
    holders: dict[str, list[Key]] = defaultdict(list)
    for key, environment in found.items():
        for name in environment.packages:
            holders[name].append(key)
        if key[0] == "maven":
            for name in environment.nameless:
                holders[f"maven:{name}"].append(key)
    claims: dict[Key, list[_Candidate]] = defaultdict(list)
    out: list[Match] = []
    nowhere: list[Declared] = []
    for lock in locks:
        programs = _programs(lock, found)
        out += [Match(lock, key[1], found[key]) for key in programs]
        if programs:
            continue
        best = max(_candidates(lock, found, holders), key=_rank, default=None)
        if best is not None:
            claims[best.key].append(best)
        elif any(map(must_be_there, lock.dependencies)):
            nowhere.append(lock)
    second: list[Declared] = []
    for key, candidates in claims.items():
        first = max(candidates, key=_rank)
        for one in candidates:
            if one is first or one.same == 1 or one.lock.folder == first.lock.folder:
                out.append(Match(one.lock, key[1], _whole(one.lock, key, found)))
            else:
                second.append(one.lock)
    return out, nowhere, second


def _programs(lock: Declared, found: Mapping[Key, Environment]) -> list[Key]:
    """The programs that say that they were built from the lock's project."""
    if lock.ecosystem not in LINKED:
        return []
    names = own_names(lock) if lock.ecosystem == "cargo" else {lock.name.lower()} - {""}
    return [
        key
        for key, environment in found.items()
        if key[0] == lock.ecosystem and not names.isdisjoint(_built_from(key[0], environment))
    ]


def _built_from(kind: str, environment: Environment) -> Iterator[str]:
    """The names of the projects of which a program holds the working tree: its own crates; the
    main module, and those of its workspace, which have no version."""
    if kind == "cargo":
        yield from (name.lower() for name in environment.nameless)
        return
    programs = (copy.component for copies in environment.nameless.values() for copy in copies)
    mains = {package_key(ref) for program in programs for ref in program.requires[:2]}
    for key, copies in environment.packages.items():
        component = copies[0].component
        if not component.version or mains == {key}:
            yield component.name.lower()  # a Go module's name is its whole path


def _candidates(
    lock: Declared, found: Mapping[Key, Environment], holders: Mapping[str, list[Key]]
) -> Iterator[_Candidate]:
    if lock.ecosystem in LINKED and lock.name:
        return  # a program of the same modules and of another project is another one's
    asked: dict[str, set[str]] = defaultdict(set)
    # Where a Gemfile is code nobody knows which gems must be there, so any tell whose a home is.
    unsure = lock.ecosystem == "gem" and not any(map(must_be_there, lock.dependencies))
    for item in lock.dependencies:
        if (unsure or must_be_there(item)) and is_of(lock, item):
            asked[package_key(item.component.purl)].add(version_of(item.component))
    held: Counter[Key] = Counter()
    for name in asked:
        held.update(_holding(lock, name, holders))
    here = (lock.ecosystem, f"{lock.folder}/" if lock.folder else "")
    if lock.ecosystem == "npm" and here in found:
        held[here] += 0  # what lies beside a lock is its own, whatever is in there
    for key, number in held.items():
        environment = found[key]
        exact = environment.home == lock.folder
        below = bool(lock.folder) and environment.home.startswith(f"{lock.folder}/")
        near = len(lock.folder) + 1 if exact or (below and lock.ecosystem != "npm") else 0
        share = number / len(asked) if asked else 1.0
        same = sum(
            any(version_of(copy.component) in versions for copy in environment.copies(name))
            for name, versions in asked.items()
        )
        fit = same / len(asked) if asked else 1.0
        alike = len(asked) >= _TELLING and fit >= _ALIKE
        if not near and not alike and (share < _ENOUGH or covered(lock, environment) < _ENOUGH):
            continue
        yield _Candidate(near, exact, fit, share, key, lock)


def _holding(lock: Declared, name: str, holders: Mapping[str, list[Key]]) -> Iterable[Key]:
    places = holders.get(name, [])
    if not places and lock.ecosystem == "maven":
        places = holders.get(f"maven:{name.rpartition('/')[2]}", [])
    return places if len(places) <= _CROWDED else ()


def _whole(lock: Declared, key: Key, found: Mapping[Key, Environment]) -> Environment:
    """The environment with those of the project's other parts (workspaces), which have places
    of their own and the same lock."""
    whole = found[key]
    parts = []
    for member in lock.members:
        part = (key[0], posixpath.normpath(key[1] + member) + "/")
        if part != key and part in found:
            parts.append(found[part])
    if not parts:
        return whole
    joined = Environment(whole.home)
    for one in (whole, *parts):
        for name, copies in one.packages.items():
            joined.packages[name] += copies
        for name, copies in one.nameless.items():
            joined.nameless[name] += copies
    return joined


def covered(lock: Declared, environment: Environment) -> float:
    """Which share of what is installed the lock lists, or needs where it may leave that out."""
    listed = reached(lock, environment) if leaves_out(lock) else listed_by(lock)
    packages = environment.packages
    whole = len(packages) - sum(name in packages for name in SEEDS)
    return sum(name in packages for name in listed - SEEDS) / whole if whole else 1.0


def listed_by(lock: Declared) -> set[str]:
    return {package_key(item.component.purl) for item in lock.dependencies if item.component.purl}


def leaves_out(lock: Declared) -> bool:
    """Whether a lock may leave out what its packages need: a requirements file without hashes
    pins what somebody wrote into it, and pip resolves the rest."""
    return lock.ecosystem == "pypi" and not any(
        item.component.requires or any(file.hashes for file in item.component.distributions)
        for item in lock.dependencies
    )


def reached(lock: Declared, environment: Environment) -> set[str]:
    """The packages that the lock lists, and all that they need of what is installed."""
    listed = listed_by(lock)
    waiting = [name for name in listed if name in environment.packages]
    while waiting:
        for copy in environment.packages[waiting.pop()]:
            for ref in copy.component.requires:
                name = package_key(ref)
                if name in environment.packages and name not in listed:
                    listed.add(name)
                    waiting.append(name)
    return listed
