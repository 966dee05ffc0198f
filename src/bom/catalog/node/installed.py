"""JavaScript packages that are installed: every package.json that names one, in node_modules.

What the installers keep there as a record (npm's hidden lockfile, pnpm's copy of its lock) tells
where a package came from, and its tarball's digest.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bom import sha256sum
from bom.catalog.came_with import LAYER
from bom.catalog.content import content_hash, unhashed_gaps
from bom.catalog.integrity import PROPERTY as INTEGRITY
from bom.catalog.integrity import check
from bom.catalog.node import manifest, npm_lock, package, plugnplay, pnpm
from bom.catalog.node.names import npm_purl, registry, valid_name
from bom.catalog.node.pin import ALIAS, BUNDLED, REGISTRY, distributions
from bom.catalog.node.places import FOLDER, MANIFEST, called, holder, outermost, package_folder
from bom.catalog.node.resolution import Resolution
from bom.catalog.node.tarball import Tarballs
from bom.catalog.node.wanted import LOADERS, NPM_RECORD, PNPM_RECORD, is_project_file, is_record
from bom.catalog.protocol import Owned
from bom.catalog.stated import Unreadable, file_content, reason
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.node.pin import Pin
    from bom.catalog.protocol import FileView
    from bom.model import Finding

REPOSITORY: Final = "bom-seal:npm:repository"
_UNPLUGGED: Final = ".yarn/unplugged/"
_BY_CODE: Final = "Plug'n'Play resolves what it depends on, by code (.pnp.cjs)"
_TARBALL: Final = "not checkable: the digest that is stated is its tarball's, which is not here"
_NOTHING: Final = "not checkable: nothing states digests of its files"


@dataclass(frozen=True, slots=True)
class _Package:
    """One package.json of an installed package; `layer`: the diff ID it came in with."""

    folder: str
    name: str
    version: str
    layer: str
    document: Mapping[str, Any]
    pin: Pin | None
    ref: str


@dataclass(frozen=True, slots=True)
class _Content:
    """The files of one copy; `compared`: whether there is another copy."""

    files: list[tuple[str, str]]
    unhashed: list[str]
    compared: bool

    def comparable(self, folder: str) -> str:
        """Equal for equal files, wherever they lie; "" where there is nothing to compare."""
        if not self.compared:
            return ""
        return sha256sum.digest((path[len(folder) :], hex) for path, hex in self.files)


def find(view: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every copy of a package, whose files they are, and what could not be had."""
    manifests: dict[str, str] = {}
    records: list[str] = []
    projects: list[str] = []
    loaders: list[str] = []
    for entry in view.wanted():
        path = entry.path
        if path.endswith(f"/{MANIFEST}") or path == MANIFEST:
            if folder := package_folder(path):
                manifests[folder] = entry.layer
            elif is_project_file(path):
                projects.append(posixpath.dirname(path))
        elif is_record(path, NPM_RECORD) or is_record(path, PNPM_RECORD):
            records.append(path)
        elif posixpath.basename(path) in LOADERS:
            loaders.append(path)
    if not manifests and not loaders:
        return
    stated: dict[str, Pin] = {}
    for record in records:
        yield from _record(view, record, stated)
    packages: dict[str, _Package] = {}
    for folder, layer in manifests.items():
        made = _package(view, folder, layer, stated)
        if isinstance(made, Gap):
            yield made
        else:
            packages[folder] = made
    contents, unhashed = _contents(view, packages)
    resolution = Resolution(view, packages, projects)
    tarballs = Tarballs(view)
    direct = _direct(view, packages, resolution, projects, records)
    copies = Counter(item.ref for item in packages.values())
    for folder, item in packages.items():
        yield from _described(
            item,
            packages,
            resolution,
            _Content(contents[folder], unhashed.get(folder, []), copies[item.ref] > 1),
            direct,
            _integrity(view, item, tarballs),
        )
    if loaders:
        yield from _zipped(view, loaders, copies)


# --- reading -------------------------------------------------------------------------------------


def _record(view: FileView, path: str, stated: dict[str, Pin]) -> Iterator[Gap]:
    """Remember what an installer's record says: by folder, or by name and version for pnpm."""
    shown = printable_name(path)
    try:
        raw = file_content(view, path)
        if is_record(path, NPM_RECORD):
            prefix = path[: -len(NPM_RECORD)]
            for key, pin in npm_lock.record(raw).items():
                stated[prefix + key] = pin
        else:
            prefix = path[: -len(PNPM_RECORD)]
            for pin in pnpm.read(raw, shown).pins.values():
                stated[f"{prefix}{FOLDER}:{pin.name}@{pin.version}"] = pin
    except Unreadable as error:
        yield Gap("dependency.lock", shown, reason(error))


def _package(view: FileView, folder: str, layer: str, stated: Mapping[str, Pin]) -> _Package | Gap:
    path = f"{folder}/{MANIFEST}"
    shown = printable_name(path)
    raw = view.read(path)
    if raw is None:
        return Gap("component", shown, "its package.json can't be read")
    try:
        document = package.read(raw)
    except Unreadable as error:
        return Gap("component", shown, f"its package.json {printable_name(str(error))}")
    name, version = package.identity(document)
    if not name or not version:
        return Gap("component", shown, "its package.json states no valid name and version")
    pin = stated.get(folder) or stated.get(f"{outermost(folder)}:{name}@{version}")
    if pin is not None and (pin.name, pin.version) != (name, version):
        pin = None  # the record is older than what lies there
    ref = (pin.purl if pin else "") or npm_purl(name, version)
    return _Package(folder, name, version, layer, document, pin, ref)


def _contents(
    view: FileView, packages: Mapping[str, _Package]
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[str]]]:
    """By package: its files (path from the root, SHA-256), and those that have no digest. One
    walk: each file is its nearest package's."""
    contents: dict[str, list[tuple[str, str]]] = {folder: [] for folder in packages}
    unhashed: dict[str, list[str]] = {}
    owners: dict[str, str] = {}
    for top in sorted({outermost(folder) for folder in packages}):
        for place, files in view.hashed_below(top):
            owner = _owner(place[:-1], packages, owners)
            owners[place[:-1]] = owner
            if not owner:
                continue
            contents[owner] += [(place + name, digest) for name, digest in files if digest]
            if lacking := [place + name for name, digest in files if not digest]:
                unhashed.setdefault(owner, []).extend(lacking)
    return contents, unhashed


def _owner(place: str, packages: Mapping[str, _Package], owners: Mapping[str, str]) -> str:
    """The package that a folder belongs to; "" for none: an installer's own, or something in a
    node_modules that is no package."""
    while place and place not in packages:
        if place in owners:
            return owners[place]
        above, _, name = place.rpartition("/")
        if name == FOLDER and above in packages:
            return ""
        place = above
    return place


# --- describing ----------------------------------------------------------------------------------


def _described(
    item: _Package,
    packages: Mapping[str, _Package],
    resolution: Resolution,
    content: _Content,
    direct: set[str],
    integrity: tuple[Property, list[Finding]],
) -> Iterator[Dependency | Gap | Finding | Owned]:
    ref = item.ref
    checked, findings = integrity
    yield from findings
    hashes, hash_of = content_hash(content.files)
    requires, unmet = _edges(item, packages, resolution)
    where = printable_name(f"{item.folder}/{MANIFEST}")
    made = _component(item, where, checked, bundled=_bundled(item, packages))
    yield Dependency(
        replace(made, hashes=hashes, hash_of=hash_of, requires=requires),
        direct=item.folder in direct,
        content=content.comparable(item.folder),
    )
    yield Owned(ref, folders=(item.folder,))
    yield from unhashed_gaps(content.unhashed, ref)
    if not hashes:
        yield Gap("component.hash", ref, "none of its files could be hashed", ref)
    if not made.licences:
        yield Gap("component.licence", ref, "its package.json names no licence", ref)
    if unmet and _UNPLUGGED in item.folder:
        yield Gap("dependency.graph", ref, _BY_CODE, ref)
        return
    for name in unmet:
        why = f"it depends on {name}, which is not installed"
        yield Gap("dependency", ref, why, ref)


def _integrity(
    view: FileView, item: _Package, tarballs: Tarballs
) -> tuple[Property, list[Finding]]:
    """The installed files against those of the tarball that the record states, where that one is
    in the view too: in npm's cache, or in the project."""
    hashes = item.pin.hashes if item.pin else ()
    stated = tarballs.files(hashes, item.folder)
    if stated is None:
        return Property(INTEGRITY, _TARBALL if hashes else _NOTHING), []
    if "_resolved" in item.document:  # npm 6 and before write into package.json
        stated = (row for row in stated if row.path != f"{item.folder}/{MANIFEST}")
    return check(view, item.ref, stated)


def _component(
    item: _Package, occurrence: str, integrity: Property, *, bundled: bool = False
) -> Component:
    """What its package.json and the installer's record say of a package."""
    namespace, _, last = item.name.rpartition("/")
    return Component(
        "library",
        last,
        item.version,
        group=namespace,
        purl=item.ref,
        distributions=distributions(item.pin) if item.pin else (),
        licences=package.licences(item.document),
        maintainer=package.maintainer(item.document),
        homepage=package.homepage(item.document),
        description=package.description(item.document),
        properties=_properties(item, integrity, bundled=bundled),
        occurrences=(Occurrence(occurrence),),
    )


def _zipped(
    view: FileView, loaders: Iterable[str], copies: Mapping[str, int]
) -> Iterator[Dependency | Gap | Owned]:
    """The packages in zips of Yarn's cache; one that is unpacked as well was told of there."""
    found = False
    for path, raw, error in plugnplay.archives(view):
        found = True
        entry = view.entry(path)
        shown = printable_name(path)
        if error or entry is None:
            yield Gap("component", shown, f"the archive can't be read: {error}")
            continue
        try:
            document = package.read(raw)
        except Unreadable as problem:
            why = f"its package.json {printable_name(str(problem))}"
            yield Gap("component", shown, why)
            continue
        name, version = package.identity(document)
        ref = npm_purl(name, version) if name and version else ""
        if not ref:
            yield Gap("component", shown, "its package.json states no valid name and version")
            continue
        yield Owned(ref, paths=(path,))
        item = _Package("", name, version, entry.layer, document, None, ref)
        made = _component(item, shown, Property(INTEGRITY, _NOTHING))
        if ref in copies:  # the same bytes twice; the hash is that of the unpacked ones
            yield Dependency(made)
            continue
        hashes, hash_of = content_hash([(path, entry.sha256)] if entry.sha256 else [])
        yield Dependency(replace(made, hashes=hashes, hash_of=hash_of))
        if not hashes:
            yield Gap("component.hash", ref, "its archive could not be hashed", ref)
        if not made.licences:
            yield Gap("component.licence", ref, "its package.json names no licence", ref)
        yield Gap("dependency.graph", ref, _BY_CODE, ref)
    if not found:
        for path in loaders:
            why = "the archives that Plug'n'Play loads packages from are not there"
            yield Gap("component", printable_name(path), why)


def _bundled(item: _Package, packages: Mapping[str, _Package]) -> bool:
    """Whether it came inside another's tarball, as npm's record says. Other tools keep none; with
    them a package lies inside one that bundles for no other reason, or hardly any."""
    if item.pin is not None:
        return item.pin.source == "bundled"
    above = packages.get(holder(item.folder))
    if above is None:
        return False
    if above.pin is not None and above.pin.source == "bundled":
        return True
    stated = above.document.get("bundleDependencies", above.document.get("bundledDependencies"))
    return bool(stated) or _bundled(above, packages)


def _properties(
    item: _Package, integrity: Property, *, bundled: bool = False
) -> tuple[Property, ...]:
    found = [
        Property(LAYER, item.layer),
        Property(REPOSITORY, package.repository(item.document)),
        integrity,
    ]
    name = called(item.folder) if item.folder else ""
    if name and name != item.name and valid_name(name):
        found.append(Property(ALIAS, name))
    if bundled:
        found.append(Property(BUNDLED, "true"))
    if item.pin and item.pin.source == "registry":
        found.append(Property(REGISTRY, registry(item.pin.resolved, item.pin.name)))
    return tuple(sorted(fact for fact in found if fact.value))


def _edges(
    item: _Package, packages: Mapping[str, _Package], resolution: Resolution
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The refs of what it gets for what it asks for, and the names that it must have and that
    are nowhere. Peers and optional ones may be missing."""
    requests, _ = manifest.asked(
        {
            kind: item.document.get(kind)
            for kind in ("dependencies", "optionalDependencies", "peerDependencies")
        }
    )
    found = set()
    unmet = []
    for asked in requests:
        target = resolution.find(item.folder, asked.name)
        if target in packages:
            found.add(packages[target].ref)
        elif not target and asked.kind == "dependencies" and not asked.soft:
            unmet.append(asked.name)
    return tuple(sorted(found - {item.ref})), tuple(unmet)


def _direct(
    view: FileView,
    packages: Mapping[str, _Package],
    resolution: Resolution,
    projects: Iterable[str],
    records: Iterable[str],
) -> set[str]:
    """The folders of what projects ask for, and of what was installed with no project at all
    (`npm install --global`)."""
    found = set()
    known = {
        path[: -len(NPM_RECORD)].rstrip("/") for path in records if is_record(path, NPM_RECORD)
    }
    for project in projects:
        raw = view.read(posixpath.join(project, MANIFEST))
        try:
            asked = manifest.read(raw).asked if raw is not None else ()
        except Unreadable:
            continue  # a gap of what the project declares
        known.add(project)
        found |= {resolution.find(project, item.name) for item in asked}
    for folder in packages:
        above = holder(folder)
        if above not in known and f"{FOLDER}/" not in f"{above}/" and _UNPLUGGED not in folder:
            found.add(folder)
    return found & packages.keys()
