"""What a lock of a JavaScript project says, before it becomes components: pins and edges."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from bom.catalog.node.names import (
    git_url,
    is_git,
    is_path,
    npm_purl,
    registry,
    tarball_name,
)
from bom.catalog.node.package import licence
from bom.catalog.stated import file_name, public_url
from bom.model import Component, Dependency, Distribution, Gap, Hash, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

ALIAS = "bom-seal:npm:alias"
BUNDLED = "bom-seal:npm:bundled"
CHECKSUM = "bom-seal:npm:yarn-checksum"
PATCHED = "bom-seal:npm:patched"
REGISTRY = "bom-seal:npm:registry"
SPECIFIER = "bom-seal:npm:specifier"

Kind = Literal["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]
KINDS: tuple[Kind, ...] = (
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
    "devDependencies",
)


class Asked(NamedTuple):
    """One request of a project: `name` is the folder's (an alias, too). `soft`: nobody minds
    where it is not there (optional, an optional peer)."""

    name: str
    specifier: str
    kind: Kind
    soft: bool = False


class Root(NamedTuple):
    """A pin that the project itself asks for."""

    key: str
    development: bool = False
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Pin:
    """One package as a lock states it; `name` is the real one, `alias` what it is called here.

    `source`: where it comes from, `resolved` as the lock spells that. `requires` and
    `may_require` hold keys of the lock's other pins. `development`, `optional`: None where the
    lock doesn't say. `limited`: only for some operating systems, processors or C libraries.
    """

    name: str
    version: str
    line: int = 0
    source: Literal["registry", "git", "archive", "path", "bundled"] = "registry"
    resolved: str = ""
    hashes: tuple[Hash, ...] = ()
    alias: str = ""
    limited: bool = False
    development: bool | None = None
    optional: bool | None = None
    requires: tuple[str, ...] = ()
    may_require: tuple[str, ...] = ()
    licence: str = ""
    properties: tuple[Property, ...] = ()

    @property
    def vcs_url(self) -> str:
        return git_url(self.resolved) if self.source == "git" else ""

    @property
    def purl(self) -> str:
        archive = public_url(self.resolved) if self.source == "archive" else ""
        return npm_purl(self.name, self.version, self.vcs_url, archive)


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock. `roots`: what the project and its workspaces ask for; None where neither lock
    nor manifest says it. `members`: the workspaces' folders, from the lock's own."""

    location: str
    pins: Mapping[str, Pin] = field(default_factory=dict)
    roots: tuple[Root, ...] | None = None
    members: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()
    name: str = ""
    version: str = ""


class Lines:
    """The lines on which keys stand, asked for in the order of the document."""

    def __init__(self, source: str, opening: str = '"', closing: str = '":') -> None:
        self._places: dict[str, list[int]] = {}
        self._at = 0
        for number, line in enumerate(source.splitlines(), 1):
            bare = line.strip()
            if bare.startswith(opening):
                end = bare.find(closing, len(opening))
                if end > 0:
                    self._places.setdefault(bare[len(opening) : end], []).append(number)

    def next(self, key: str) -> int:
        """The first line from the last answer on that begins with `key`; 0 for none."""
        places = self._places.get(key, [])
        found = bisect_left(places, self._at)
        if found == len(places):
            return 0
        self._at = places[found]
        return self._at


def place(
    resolved: str, name: str, asked_by_url: bool
) -> Literal["registry", "git", "archive", "path"]:
    """What kind of place a lock resolves to. A registry's own URL is the registry, whoever
    spelled it out."""
    if is_git(resolved):
        return "git"
    if resolved and is_path(resolved):
        return "path"
    return "archive" if asked_by_url and f"/{name}/-/" not in resolved else "registry"


# --- dependencies --------------------------------------------------------------------------------


def dependencies(lock: Lock) -> tuple[tuple[Dependency, ...], tuple[Gap, ...]]:
    """The lock's packages as dependencies, one for each purl, and what it leaves open; sorted."""
    roots = lock.roots or ()
    needed = _reach(lock, {r.key for r in roots if not r.development and not r.soft}, soft=False)
    shipped = _reach(lock, {r.key for r in roots if not r.development}, soft=True)
    built = _reach(lock, {r.key for r in roots if r.development}, soft=True)
    built_needed = _reach(lock, {r.key for r in roots if r.development and not r.soft}, soft=False)
    direct = {r.key for r in roots}
    refs = {key: pin.purl or f"library:{pin.name}@{pin.version}" for key, pin in lock.pins.items()}
    gaps = set(lock.gaps)
    copies: dict[str, list[Dependency]] = {}
    for key, pin in lock.pins.items():
        if pin.development is None:
            development = key in built and key not in shipped
        else:
            development = pin.development
        if pin.optional is None:
            optional = key not in (built_needed if development else needed) and bool(roots)
        else:
            optional = pin.optional
        made = Dependency(
            component(lock.location, pin, _refs(refs, pin, refs[key])),
            "build" if development else "shipped",
            key in direct,
            optional or pin.limited or pin.source == "bundled",
        )
        copies.setdefault(refs[key], []).append(made)
        gaps.update(_open(lock.location, pin, refs[key]))
    if lock.roots is None and lock.pins:
        why = "neither it nor a package.json says what the project itself asks for"
        gaps.add(Gap("dependency.graph", lock.location, why))
    return tuple(sorted(_merged(same) for same in copies.values())), tuple(sorted(gaps))


def component(location: str, pin: Pin, requires: tuple[str, ...] = ()) -> Component:
    """The component of a pin."""
    namespace, _, last = pin.name.rpartition("/")
    licensed = licence(pin.licence)
    ref = pin.purl
    return Component(
        "library",
        last,
        pin.version,
        group=namespace,
        purl=ref,
        ref="" if ref else f"library:{pin.name}@{pin.version}",
        distributions=distributions(pin),
        licences=(licensed,) if licensed else (),
        properties=tuple(sorted({*pin.properties, *_facts(pin)})),
        occurrences=(Occurrence(location, pin.line),),
        requires=requires,
    )


def distributions(pin: Pin) -> tuple[Distribution, ...]:
    """The tarball that a lock states for a package."""
    url = public_url(pin.resolved) if pin.source in ("registry", "archive") else ""
    if not url and not pin.hashes:
        return ()
    called = file_name(url) if url else ""
    if not called.isprintable() or "." not in called:
        called = ""
    return (Distribution(called or tarball_name(pin.name, pin.version), url, pin.hashes),)


def _facts(pin: Pin) -> Iterable[Property]:
    if pin.alias:
        yield Property(ALIAS, pin.alias)
    if pin.source == "bundled":
        yield Property(BUNDLED, "true")
    if pin.source == "registry" and (index := registry(pin.resolved, pin.name)):
        yield Property(REGISTRY, index)


def _refs(refs: Mapping[str, str], pin: Pin, own: str) -> tuple[str, ...]:
    found = {refs[key] for key in (*pin.requires, *pin.may_require) if key in refs}
    return tuple(sorted(found - {own}))


def _reach(lock: Lock, start: Collection[str], *, soft: bool) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        key = waiting.pop()
        pin = lock.pins.get(key)
        if pin is None or key in seen:
            continue
        seen.add(key)
        waiting += pin.requires
        if soft:
            waiting += pin.may_require
    return seen


def _open(location: str, pin: Pin, ref: str) -> Iterable[Gap]:
    """What the lock doesn't say of a pin."""
    if pin.source == "path":
        why = f"{location} takes it from a path: no published file is stated"
        yield Gap("dependency.source", pin.name, why, ref)
    if pin.source == "git" and not pin.vcs_url:
        why = f"{location} states no commit of a reachable repository"
        yield Gap("dependency.version", pin.name, why, ref)
    if pin.source == "registry" and not pin.version:
        yield Gap("dependency.version", pin.name, f"{location} does not pin it", ref)
    if not pin.hashes:
        if pin.source == "bundled":
            why = "it comes inside the tarball of the package that bundles it"
        elif pin.source == "git":
            why = "it comes from version control, where a commit identifies it"
        elif any(fact.name == CHECKSUM for fact in pin.properties):
            why = f"{location} states only Yarn's checksum of its own archive of it"
        else:
            why = f"{location} states no integrity"
        yield Gap("dependency.hash", pin.name, why, ref)


def _merged(same: list[Dependency]) -> Dependency:
    """One of several places: what ships decides, a copy that only builds changes nothing."""
    ships = sorted(item for item in same if item.role == "shipped")
    first, *others = ships or sorted(same)
    for other in others:
        first = first.merged(other)
    if not ships or len(ships) == len(same):
        return first
    whole = first
    for other in sorted(same):
        whole = whole.merged(other)
    return replace(whole, optional=first.optional)
