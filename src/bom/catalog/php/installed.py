"""PHP packages that are installed: what Composer notes in `vendor/composer/installed.json`, of
version 1 (a list) and 2 (an object, with each package's folder)."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bom import sha256sum
from bom.catalog.came_with import LAYER
from bom.catalog.content import content_hash, unhashed_gaps
from bom.catalog.integrity import PROPERTY as INTEGRITY
from bom.catalog.php.declared import providers
from bom.catalog.php.package import Package, component, package, requirements
from bom.catalog.php.wanted import MANIFEST, is_record
from bom.catalog.protocol import Owned
from bom.catalog.stated import (
    Unreadable,
    decoded,
    file_content,
    json_document,
    reason,
    strings,
    tables,
    text,
)
from bom.model import Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView

BIN_RULE: Final = "composer-bin"
_SCOPE: Final = "bom-seal:scope"
_TARBALL: Final = "not checkable: the digest that is stated is its archive's"
_NOTHING: Final = "not checkable: nothing states digests of its files"
_PACKAGES_LIMIT: Final = 200_000


@dataclass(frozen=True, slots=True)
class _Installed:
    """One package of one vendor folder. `folder`: "" where it has none."""

    package: Package
    folder: str
    vendor: str
    record: str
    layer: str
    build: bool
    direct: bool
    requires: frozenset[str]


def find(view: FileView) -> Iterator[Dependency | Gap | Owned]:
    """Every copy of a package, whose files they are, and what could not be had."""
    items: list[_Installed] = []
    for entry in view.wanted():
        if entry.type == "file" and is_record(entry.path):
            for made in _record(view, entry.path, entry.layer):
                if isinstance(made, Gap):
                    yield made
                else:
                    items.append(made)
    if not items:
        return
    contents, unhashed = _contents(view, items)
    copies = Counter(item.package.ref for item in items)
    for item in items:
        files = contents.get(item.folder, [])
        content = ""
        if copies[item.package.ref] > 1 and files:
            start = len(item.folder)
            content = sha256sum.digest((path[start:], digest) for path, digest in files)
        yield from _described(item, files, unhashed.get(item.folder, []), content)


def _record(view: FileView, path: str, layer: str) -> Iterator[_Installed | Gap]:
    shown = printable_name(path)
    home = posixpath.dirname(path)
    vendor = posixpath.dirname(home)
    try:
        rows, build = _rows(file_content(view, path))
    except Unreadable as error:
        yield Gap("component", shown, reason(error))
        return
    found = [(row, made) for row in rows if (made := package(row)) is not None]
    if len(found) < len(rows):
        why = f"{len(rows) - len(found)} of its packages have no valid name and version"
        yield Gap("component", shown, why)
    refs = providers(made for _, made in found)
    asked = _asked(view, vendor)
    for row, made in found:
        folder = "" if made.meta else _folder(row, made, home, vendor)
        yield _Installed(
            made,
            folder,
            vendor,
            shown,
            layer,
            made.name in build,
            made.name in asked,
            frozenset(ref for name in made.asks for ref in refs.get(name, ())),
        )
        for name in made.asks:
            if name not in refs:
                why = f"it depends on {name}, which is not installed"
                yield Gap("dependency", made.ref, why, made.ref)


def _rows(raw: bytes) -> tuple[Sequence[Mapping[str, Any]], frozenset[str]]:
    """The packages, and the names of those that are only for developing."""
    source = decoded(raw)
    build: frozenset[str] = frozenset()
    if source.lstrip().startswith("["):
        try:
            listed = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise Unreadable("is no JSON") from error
    else:
        document = json_document(source)
        listed = document.get("packages")
        build = frozenset(name.lower() for name in strings(document.get("dev-package-names")))
    if not isinstance(listed, list):
        raise Unreadable("lists no packages")
    if len(listed) > _PACKAGES_LIMIT:
        raise Unreadable(f"lists more than {_PACKAGES_LIMIT} packages")
    return tables(listed), build


def _folder(row: Mapping[str, Any], made: Package, home: str, vendor: str) -> str:
    """Where the package lies: as version 2 states it, else below the vendor folder."""
    stated = text(row.get("install-path"))
    path = posixpath.join(home, stated) if stated else posixpath.join(vendor, made.name)
    normal = posixpath.normpath(path)
    # An absolute path is of the machine that installed it, and one may lead out of the view.
    if normal.startswith(("/", "..")) or normal in (".", vendor, home) or not normal.isprintable():
        return ""
    return normal


def _asked(view: FileView, vendor: str) -> frozenset[str]:
    """What the project asks for that the vendor folder is of; nothing where its manifest can't be
    read, for that is a gap of what it declares."""
    raw = view.read(posixpath.join(posixpath.dirname(vendor), MANIFEST))
    try:
        document = json_document(decoded(raw)) if raw is not None else {}
    except Unreadable:
        return frozenset()
    return frozenset(
        [*requirements(document.get("require")), *requirements(document.get("require-dev"))]
    )


def _contents(
    view: FileView, items: Sequence[_Installed]
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[str]]]:
    """By folder: its files (path from the root, SHA-256), and those that have no digest. Each
    file is of the deepest folder that it is in; each top is walked once."""
    contents: dict[str, list[tuple[str, str]]] = {item.folder: [] for item in items if item.folder}
    unhashed: dict[str, list[str]] = {}
    tops: list[str] = []
    for folder in sorted(contents):
        if not tops or not f"{folder}/".startswith(f"{tops[-1]}/"):
            tops.append(folder)
    owners: dict[str, str] = {}
    for top in tops:
        for entry in view.below(top):
            if entry.type != "file":
                continue
            owner = _owner(entry.path.rpartition("/")[0], contents, owners)
            if entry.sha256:
                contents[owner].append((entry.path, entry.sha256))
            else:
                unhashed.setdefault(owner, []).append(entry.path)
    return contents, unhashed


def _owner(place: str, folders: Mapping[str, object], owners: dict[str, str]) -> str:
    passed = []
    while place not in folders and place not in owners:
        passed.append(place)
        place = place.rpartition("/")[0]
    owner = place if place in folders else owners[place]
    owners.update(dict.fromkeys(passed, owner))
    return owner


# --- describing ----------------------------------------------------------------------------------


def _described(
    item: _Installed, files: list[tuple[str, str]], unhashed: list[str], content: str
) -> Iterator[Dependency | Gap | Owned]:
    facts = [Property(LAYER, item.layer)]
    if item.build:
        facts.append(Property(_SCOPE, "development"))
    made = component(
        item.package,
        occurrences=(Occurrence(item.record),),
        requires=item.requires,
    )
    stated = any(file.hashes for file in made.distributions)
    if item.folder:
        facts.append(Property(INTEGRITY, _TARBALL if stated else _NOTHING))
    hashes, hash_of = content_hash(files)
    facts += made.properties
    ref = made.bom_ref
    yield Dependency(
        replace(
            made,
            hashes=hashes,
            hash_of=hash_of,
            properties=tuple(sorted({fact for fact in facts if fact.value})),
        ),
        direct=item.direct,
        content=content,
    )
    if item.folder:
        yield Owned(ref, folders=(item.folder,))
    programs = [
        posixpath.join(item.vendor, "bin", posixpath.basename(name))
        for name in strings(item.package.document.get("bin"))[:1000]
        if posixpath.basename(name)
    ]
    if programs:
        yield Owned(ref, tuple(programs), rule=BIN_RULE)
    yield from unhashed_gaps(unhashed, ref)
    if item.package.meta:
        yield Gap("component.hash", ref, "it is a metapackage, which has no files", ref)
    elif not hashes:
        yield Gap("component.hash", ref, "none of its files is there or could be hashed", ref)
    if not made.licences:
        yield Gap("component.licence", ref, "its composer.json names no licence", ref)
    if item.package.local:
        why = "it is a folder of the project itself, and not the package of that name elsewhere"
        yield Gap("component.purl", ref, why, ref)
