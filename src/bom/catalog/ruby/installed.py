"""Gems that are installed: every specification in a gem home, with the files of its gem.

RubyGems states no digests of a gem's files, so there is nothing to check them against; the .gem
file that it keeps in `cache/` is the one that was installed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bom import sha256sum
from bom.catalog.came_with import LAYER
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.integrity import PROPERTY as INTEGRITY
from bom.catalog.licences import stated_licence
from bom.catalog.protocol import Owned
from bom.catalog.python.owners import system_packages
from bom.catalog.ruby import gemspec
from bom.catalog.ruby.declared import locks, reference
from bom.catalog.ruby.lockfile import Lock
from bom.catalog.ruby.names import full_name, gem_purl, order, satisfies
from bom.catalog.ruby.places import ENDING, record
from bom.catalog.stated import Unreadable, line
from bom.model import Component, Dependency, Distribution, Gap, Hash, Occurrence, Property
from bom.printable import printable_name
from bom.redact import text as redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView
    from bom.catalog.ruby.gemspec import Specification
    from bom.catalog.ruby.places import Record
    from bom.model import Licence

OWNER: Final = "bom-seal:gem:owner"
DEFAULT: Final = "bom-seal:gem:default"
CHECKOUT: Final = "bom-seal:gem:checkout"
BINSTUB_RULE: Final = "gem-binstub"
_NOTHING: Final = "not checkable: nothing states digests of its files"
_UNREAD: Final = "its specification is not in the form that RubyGems writes: only its stub was read"
_NO_SOURCE: Final = "it is a checkout of a repository, whose place only a lock states"
_NO_FILES: Final = "none of its files is where RubyGems puts them, or none could be hashed"
_VERSIONS_LIMIT: Final = 200  # of one gem that an edge may lead to, the highest first
_TEXT: Final = 200  # characters of a name or description


@dataclass(frozen=True, slots=True)
class _Gem:
    """One installed gem. `owner`: ref of the system's package that it came with."""

    record: Record
    specification: Specification
    ref: str
    layer: str
    owner: str


def find(view: FileView) -> Iterator[Dependency | Gap | Owned]:
    """Every copy of a gem, whose files they are, and what could not be had."""
    records = []
    for entry in view.wanted():
        if entry.path.endswith(ENDING) and entry.type == "file":
            found = record(entry.path)
            if found is not None:
                records.append((found, entry.layer))
    if not records:
        return
    owners = _owners(view, [item.path for item, _ in records])
    checkouts = _checkouts(view) if any(item.kind == "checkout" for item, _ in records) else {}
    gems: list[_Gem] = []
    for item, layer in records:
        made = _read(view, item, layer, owners.get(item.path, ""), checkouts)
        if isinstance(made, Gap):
            yield made
        else:
            gems.append(made)
    homes = _Homes(view, gems)
    by_name: dict[str, list[_Gem]] = defaultdict(list)
    for gem in gems:
        by_name[gem.specification.name].append(gem)
    for named in by_name.values():
        named.sort(key=lambda gem: (order(gem.specification.version), gem.ref), reverse=True)
    copies = Counter(gem.ref for gem in gems)
    for gem in gems:
        yield from _described(view, gem, homes, by_name, compared=copies[gem.ref] > 1)


def _read(
    view: FileView,
    item: Record,
    layer: str,
    owner: str,
    checkouts: Mapping[tuple[str, str], Sequence[tuple[str, str]]],
) -> _Gem | Gap:
    shown = printable_name(item.path)
    raw = view.read(item.path)
    if raw is None:
        return Gap("component", shown, "its specification can't be read")
    try:
        read = gemspec.read(raw)
    except Unreadable as error:
        return Gap("component", shown, f"its specification {printable_name(str(error))}")
    ref = gem_purl(read.name, read.version, read.platform)
    if item.kind == "checkout":
        ref = f"gem:{read.name}@{read.version}"
        for revision, purl in checkouts.get((read.name, read.version), ()):
            if _checkout(item).endswith(f"-{revision[:12]}"):
                ref = purl
    return _Gem(item, read, ref, layer, owner)


def _checkout(item: Record) -> str:
    """The folder that Bundler made: the repository's name and its commit's first twelve digits."""
    return item.path[len(item.at("bundler/gems")) + 1 :].partition("/")[0]


def _checkouts(view: FileView) -> Mapping[tuple[str, str], Sequence[tuple[str, str]]]:
    """Commit and purl of what locks in the view take from repositories, by name and version."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for _, lock in locks(view):
        for gem in lock.gems if isinstance(lock, Lock) else ():
            purl = reference(gem)
            if gem.source.kind == "GIT" and purl:
                found[gem.name, gem.version].append((gem.source.revision, purl))
    return found


def _owners(view: FileView, paths: Iterable[str]) -> Mapping[str, str]:
    """The refs of the operating system's packages that brought specifications, by path."""
    wanted = {p for p in paths if p.startswith("usr/") and not p.startswith("usr/local/")}
    if not wanted:
        return {}
    return {
        path: ref
        for ref, listed in system_packages(view)
        for path in listed
        if path.endswith(ENDING) and path in wanted
    }


class _Homes:
    """The files in all gem homes, each walked once."""

    def __init__(self, view: FileView, gems: Sequence[_Gem]) -> None:
        self._view = view
        self._files: dict[str, list[str]] = {gem.record.folder: [] for gem in gems}
        self.extensions: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._architectures: dict[str, tuple[str, ...]] = {}
        tops = {
            gem.record.at("bundler/gems" if gem.record.kind == "checkout" else "gems")
            for gem in gems
        }
        for top in sorted(tops):
            self._walk(top)
        for home in {gem.record.home for gem in gems}:
            self._walk_extensions(home)

    def _walk(self, top: str) -> None:
        owners: dict[str, str] = {top: ""}
        for entry in self._view.below(top, frozenset([".git"])):
            if entry.type == "file":
                owner = self._owner(entry.path.rpartition("/")[0], owners)
                if owner:
                    self._files[owner].append(entry.path)

    def _owner(self, place: str, owners: dict[str, str]) -> str:
        """The gem's folder that a folder is in; "" for none."""
        passed = []
        while place and place not in owners and place not in self._files:
            passed.append(place)
            place = place.rpartition("/")[0]
        owner = place if place in self._files else owners.get(place, "")
        for folder in passed:
            owners[folder] = owner
        return owner

    def _walk_extensions(self, home: str) -> None:
        """`extensions/PLATFORM/RUBY-ABI/FULL-NAME/`: what a gem's native code was built into."""
        top = f"{home}/extensions" if home else "extensions"
        depth = top.count("/") + 4
        for entry in self._view.below(top):
            parts = entry.path.split("/")
            if len(parts) > depth:
                self.extensions[home, parts[depth - 1]].add("/".join(parts[:depth]))

    def files(self, gem: _Gem) -> list[str]:
        """The paths of a gem's files; of one that is part of Ruby, where Ruby keeps them."""
        found = list(self._files[gem.record.folder])
        if gem.record.kind == "default":
            above, _, abi = gem.record.home.rpartition("/")
            library, _, name = above.rpartition("/")
            if name == "gems" and library:
                found += self._standard(f"{library}/{abi}", gem.specification.files)
        return found

    def _standard(self, library: str, listed: Iterable[str]) -> Iterator[str]:
        if library not in self._architectures:
            self._architectures[library] = tuple(
                sorted(
                    entry.path.rpartition("/")[0]
                    for entry in self._view.below(library)
                    if entry.path.endswith("/rbconfig.rb")
                )
            )
        places = (library, *self._architectures[library])
        for name in listed:
            bare = name.removeprefix("lib/")
            if bare.startswith("/") or ".." in bare.split("/") or not bare.isprintable():
                continue
            for place in places:
                entry = self._view.entry(f"{place}/{bare}")
                if entry is not None and entry.type == "file":
                    yield f"{place}/{bare}"


# --- describing ----------------------------------------------------------------------------------


def _described(
    view: FileView,
    gem: _Gem,
    homes: _Homes,
    by_name: Mapping[str, Sequence[_Gem]],
    *,
    compared: bool,
) -> Iterator[Dependency | Gap | Owned]:
    ref, item = gem.ref, gem.record
    paths = homes.files(gem)
    files, unhashed = digests(view, paths)
    hashes, hash_of = content_hash(files)
    licences = _licences(gem.specification.licences)
    requires, unmet = _edges(gem, by_name)
    checkout = item.kind == "checkout"
    unknown = ref.startswith("gem:")
    read = gem.specification
    cached = item.at(f"cache/{item.stem}.gem")
    component = Component(
        "library",
        read.name,
        read.version,
        purl="" if unknown else ref,
        ref=ref if unknown else "",
        hashes=hashes,
        hash_of=hash_of,
        distributions=() if checkout else _distributions(view, gem, cached),
        licences=licences,
        maintainer=line(", ".join(read.authors[:50]), _TEXT),
        homepage=_public(line(read.homepage, 2000)),
        description=line(read.summary, _TEXT),
        properties=_properties(gem),
        occurrences=(Occurrence(printable_name(item.path)),),
        requires=requires,
    )
    content = ""
    if compared:
        start = len(item.home)
        content = sha256sum.digest((path[start:], digest) for path, digest in files)
    yield Dependency(component, content=content)
    yield from _owned(gem, homes, cached, paths)
    yield from unhashed_gaps(unhashed, ref)
    if not hashes:
        yield Gap("component.hash", ref, _NO_FILES, ref)
    if not licences:
        yield Gap("component.licence", ref, "its specification names no licence", ref)
    if unknown:
        yield Gap("component.purl", ref, _NO_SOURCE, ref)
    if not read.exact:
        yield Gap("dependency.graph", ref, _UNREAD, ref)
    for name in unmet:
        yield Gap("dependency", ref, f"it depends on {name}, which is not installed", ref)


def _owned(gem: _Gem, homes: _Homes, cached: str, paths: Sequence[str]) -> Iterator[Owned]:
    item = gem.record
    folders = [item.folder, *sorted(homes.extensions.get((item.home, item.stem), ()))]
    listed = [item.path]
    if item.kind == "default":
        listed += paths
    if item.kind == "gem":
        folders.append(item.at(f"doc/{item.stem}"))
        listed += [cached, item.at(f"build_info/{item.stem}.info")]
    yield Owned(gem.ref, tuple(listed), tuple(folders))
    stubs = [item.at(f"bin/{name}") for name in gem.specification.executables if "/" not in name]
    if stubs and item.kind == "gem":
        yield Owned(gem.ref, tuple(stubs), rule=BINSTUB_RULE)


def _distributions(view: FileView, gem: _Gem, cached: str) -> tuple[Distribution, ...]:
    """The .gem file, where it was kept."""
    entry = view.entry(cached)
    if entry is None or entry.type != "file" or not entry.sha256:
        return ()
    read = gem.specification
    name = f"{full_name(read.name, read.version, read.platform)}.gem"
    return (Distribution(name, hashes=(Hash("SHA-256", entry.sha256),)),)


def _properties(gem: _Gem) -> tuple[Property, ...]:
    found = [Property(LAYER, gem.layer), Property(OWNER, gem.owner)]
    if not gem.owner:  # else the owner's files are checked
        found.append(Property(INTEGRITY, _NOTHING))
    if gem.record.kind == "default":
        found.append(Property(DEFAULT, "true"))
    if gem.record.kind == "checkout":
        found.append(Property(CHECKOUT, printable_name(_checkout(gem.record))))
    return tuple(sorted(fact for fact in found if fact.value))


def _edges(
    gem: _Gem, by_name: Mapping[str, Sequence[_Gem]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The refs of what it gets for what it asks for, and the names of what is nowhere. Gems of
    its own home go first, then the highest version."""
    found = set()
    unmet = []
    for name, wanted in gem.specification.requires:
        fitting = [
            other
            for other in by_name.get(name, ())[:_VERSIONS_LIMIT]
            if satisfies(other.specification.version, wanted)
        ]
        near = [other for other in fitting if other.record.home == gem.record.home]
        if fitting:
            found.add((near or fitting)[0].ref)
        else:
            unmet.append(name)
    return tuple(sorted(found - {gem.ref})), tuple(unmet)


def _licences(stated: Iterable[str]) -> tuple[Licence, ...]:
    """RubyGems doesn't say whether several are a choice, so each stands for itself."""
    found = {_licence(item) for item in list(stated)[:20]}
    return tuple(sorted(item for item in found if item is not None))


@lru_cache(1024)  # the same few stand in many gems
def _licence(stated: str) -> Licence | None:
    return stated_licence(stated)


@lru_cache(1024)
def _public(url: str) -> str:
    return redacted(url)
