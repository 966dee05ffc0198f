"""Jars in a file system, and what is in them: components, edges, gaps, whose files they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.came_with import LAYER
from bom.catalog.java.copies import Siblings, copies
from bom.catalog.java.identity import maven_purl
from bom.catalog.java.jar import kept
from bom.catalog.java.wanted import ENDINGS, ERROR, PART
from bom.catalog.licences import bundle_licences, maven_licence
from bom.catalog.nested import nested as inside
from bom.catalog.protocol import Owned
from bom.catalog.stated import public_url
from bom.model import Component, Dependency, Gap, Hash, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.catalog.java.copies import Copy
    from bom.catalog.java.identity import Identity
    from bom.catalog.java.jar import Embedded, Jar
    from bom.catalog.protocol import FileView
    from bom.model import ComponentType, HashOf, Licence

GROUP_FROM: Final = "bom-seal:java:group-from"
RULE: Final = "jar"
UNPACKED_RULE: Final = "jar-unpacked"

_NO_GROUP: Final = "no pom.properties, manifest or SBOM states the group that it belongs to"
_NO_GRAPH: Final = "it holds no pom.xml of its own, so what it needs is not stated"
_NO_LICENCE: Final = "neither its pom.xml nor its manifest names a licence"
_NO_VERSION: Final = "neither its manifest nor its file name states a version"
_SHADED: Final = "it was put into another jar, so it has no file of its own"


def find(view: FileView, ignored: Iterable[str]) -> Iterator[Dependency | Gap | Owned]:
    """Every jar in the view; those below an `ignored` folder only where they state a POM."""
    runtimes = tuple(f"{folder}/" for folder in ignored)
    found: list[tuple[str, Jar]] = []
    for path, parts in view.extracted():
        if PART in parts:
            jar = kept(parts[PART])
            if jar.poms or not path.startswith(runtimes):
                found.append((path, jar))  # the others are a runtime's own, and counted with it
        elif path.endswith(ENDINGS) and ERROR in parts:
            why = f"the archive can't be read: {printable_name(parts[ERROR].decode())}"
            yield Gap("component", printable_name(path), why)
    everything = copies(view, found)
    siblings = Siblings(everything)
    for copy in everything:
        yield from _describe(copy, siblings)


def _describe(copy: Copy, siblings: Siblings) -> Iterator[Dependency | Gap | Owned]:
    identity, ref = copy.identity, copy.ref
    requires = {child.ref for child in copy.children}
    requires |= siblings.inside(copy)
    requires |= {siblings.by_path[path] for path in copy.class_path if path in siblings.by_path}
    for key in _needed(identity):
        found = siblings.find(copy.scopes, *key)
        requires |= found
        if not found:
            why = f"it depends on {':'.join(key)}, which is not there"
            yield Gap("dependency", ref, why, ref)
    for key in identity.own.optional if identity.own else ():
        requires |= siblings.find(copy.scopes, *key)
    licences = _licences(copy)
    own = identity.own
    nested = tuple(sorted(_shaded(copy)))
    yield Dependency(
        Component(
            _type(copy),
            identity.name,
            identity.version,
            group=identity.group,
            purl=identity.purl,
            ref="" if identity.purl else ref,
            hashes=_hashes(copy),
            hash_of=_hash_of(copy),
            licences=licences,
            supplier=own.organization if own else "",
            homepage=public_url(own.url) if own else "",
            description=own.description if own else "",
            properties=tuple(sorted(_properties(copy))),
            occurrences=(Occurrence(copy.location),),
            requires=tuple(sorted(requires - {ref})),
            components=nested,
        )
    )
    yield from _gaps(copy, licences, nested)
    if copy.unpacked is not None:
        yield Owned(ref, folders=copy.unpacked.folders, rule=UNPACKED_RULE)
    elif copy.outermost and identity.version:
        yield Owned(ref, (copy.path,), rule=RULE)


def _needed(identity: Identity) -> Iterator[tuple[str, str]]:
    if identity.own is not None and identity.own.dependencies is not None:
        yield from identity.own.dependencies


def _type(copy: Copy) -> ComponentType:
    """An application is what is deployed, or what starts and brings other jars: many libraries
    have a Main-Class too."""
    manifest = copy.jar.manifest
    starts = "Start-Class" in manifest or (
        "Main-Class" in manifest and (copy.children or copy.class_path)
    )
    deployed = copy.unpacked is not None or copy.identity.ending != "jar"
    return "application" if copy.outermost and (starts or deployed) else "library"


def _hashes(copy: Copy) -> tuple[Hash, ...]:
    """SHA-256, and SHA-1 for that is what repositories of Maven's publish."""
    if copy.unpacked is not None:
        return copy.unpacked.hashes
    if not copy.sha256:
        return ()
    return (Hash("SHA-1", copy.jar.sha1), Hash("SHA-256", copy.sha256))


def _hash_of(copy: Copy) -> HashOf:
    if copy.unpacked is not None:
        return copy.unpacked.hash_of
    return "file" if copy.sha256 else ""


def _licences(copy: Copy) -> tuple[Licence, ...]:
    stated = copy.identity.own.licences if copy.identity.own else ()
    found = {made for name, url in stated if (made := maven_licence(name, url))}
    return tuple(sorted(found or bundle_licences(copy.jar.manifest.get("Bundle-License", ""))))


def _properties(copy: Copy) -> Iterator[Property]:
    if copy.layer:
        yield Property(LAYER, copy.layer)
    if copy.identity.group_from:
        yield Property(GROUP_FROM, copy.identity.group_from)
    for header, name in (
        ("Bundle-SymbolicName", "bom-seal:java:bundle"),
        ("Automatic-Module-Name", "bom-seal:java:module-name"),
    ):
        if not copy.identity.purl and (value := copy.jar.manifest.get(header)):
            yield Property(name, value.partition(";")[0].strip())


def _shaded(copy: Copy) -> Iterator[Component]:
    """The artifacts whose classes were put into the jar, each once."""
    seen = set()
    for item in copy.identity.shaded:
        purl = maven_purl(item.own.group, item.own.artifact, item.own.version)
        if not purl or purl in seen:
            continue
        seen.add(purl)
        inner = Component(
            "library",
            item.own.artifact,
            item.own.version,
            group=item.own.group,
            purl=purl,
            licences=_stated(item),
            supplier=item.organization,
            homepage=public_url(item.url),
            description=item.description,
            occurrences=(Occurrence(f"{copy.location}!/{item.path}"),),
        )
        yield inside(copy.ref, inner)


def _stated(item: Embedded) -> tuple[Licence, ...]:
    found = {made for name, url in item.licences if (made := maven_licence(name, url))}
    return tuple(sorted(found))


def _gaps(
    copy: Copy, licences: tuple[Licence, ...], nested: tuple[Component, ...]
) -> Iterator[Gap]:
    identity, ref = copy.identity, copy.ref
    for where, why in copy.jar.problems:
        place = f"{copy.location}!/{where}" if where else copy.location
        yield Gap("component", place, f"it can't be read: {why}", ref)
    if not copy.sha256:
        yield Gap("component.hash", ref, "its content could not be read or is stored sparse", ref)
    if not identity.version:
        yield Gap("component.version", copy.location, _NO_VERSION, ref)
    if not identity.group:
        yield Gap("component.purl", copy.location, _NO_GROUP, ref)
    if identity.own is None or identity.own.dependencies is None:
        yield Gap("dependency.graph", ref, _NO_GRAPH, ref)
    if not licences:
        yield Gap("component.licence", ref, _NO_LICENCE, ref)
    for part in nested:
        yield Gap("component.hash", part.purl, _SHADED, part.ref)
        if not part.licences:
            yield Gap("component.licence", part.purl, _NO_LICENCE, part.ref)
