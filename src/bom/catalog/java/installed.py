"""Jars in a file system, and what is in them: components, edges, gaps, whose files they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bom.catalog.java.identity import Identity, group_of, identify, maven_purl
from bom.catalog.java.jar import ENDINGS, PART, kept
from bom.catalog.licences import bundle_licences, maven_licence
from bom.catalog.nested import nested as inside
from bom.catalog.protocol import Owned
from bom.catalog.stated import public_url
from bom.model import Component, Dependency, Gap, Hash, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.java.jar import Embedded, Jar
    from bom.catalog.protocol import FileView
    from bom.model import ComponentType, Licence

GROUP_FROM: Final = "bom-seal:java:group-from"
RULE: Final = "jar"

_NO_GROUP: Final = "no pom.properties, manifest or SBOM states the group that it belongs to"
_NO_GRAPH: Final = "it holds no pom.xml of its own, so what it needs is not stated"
_NO_LICENCE: Final = "neither its pom.xml nor its manifest names a licence"
_NO_VERSION: Final = "neither its manifest nor its file name states a version"
_SHADED: Final = "it was put into another jar, so it has no file of its own"


@dataclass(slots=True)
class _Copy:
    """A jar in one place. `location`: `app.jar!/BOOT-INF/lib/x.jar`; `scopes`: within which it
    finds what it needs, the nearest first (the archive around it, else its folder, and what is
    nested in itself)."""

    location: str
    path: str
    jar: Jar
    sha256: str
    layer: str
    outermost: bool
    identity: Identity
    scopes: tuple[str, ...]
    children: list[_Copy] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return self.identity.purl or f"jar:sha256:{self.sha256}"


def find(view: FileView, ignored: Iterable[str]) -> Iterator[Dependency | Gap | Owned]:
    """Every jar in the view; those below an `ignored` folder only where they state a POM."""
    runtimes = tuple(f"{folder}/" for folder in ignored)
    copies: list[_Copy] = []
    for path, parts in view.extracted():
        if PART not in parts:
            if path.endswith(ENDINGS) and "error" in parts:
                why = f"the archive can't be read: {printable_name(parts['error'].decode())}"
                yield Gap("component", printable_name(path), why)
            continue
        jar = kept(parts[PART])
        if path.startswith(runtimes) and not jar.poms:
            continue  # the runtime's own, and counted with it
        entry = view.entry(path)
        if entry is not None:
            copies.append(_outermost(path, jar, entry.sha256, entry.layer))
    everything = list(_flat(copies))
    _find_groups(everything)
    siblings = _Siblings(everything)
    for copy in everything:
        yield from _describe(copy, siblings)


def _outermost(path: str, jar: Jar, sha256: str, layer: str) -> _Copy:
    above, _, name = path.rpartition("/")
    shown = printable_name(path)
    copy = _Copy(
        shown, path, jar, sha256, layer, True, identify(jar, printable_name(name)), (path, above)
    )
    copy.children = list(_children(copy, dict(jar.listed)))
    return copy


def _children(parent: _Copy, listed: Mapping[str, str]) -> Iterator[_Copy]:
    for jar in parent.jar.nested:
        name = jar.path.rpartition("/")[2]
        purl = listed.get(jar.sha256) or listed.get(jar.sha1) or ""
        copy = _Copy(
            f"{parent.location}!/{jar.path}",
            parent.path,
            jar,
            jar.sha256,
            parent.layer,
            False,
            identify(jar, name, purl),
            (parent.path,),
        )
        copy.children = list(_children(copy, {**listed, **dict(jar.listed)}))
        yield copy


def _flat(copies: Iterable[_Copy]) -> Iterator[_Copy]:
    for copy in copies:
        yield copy
        yield from _flat(copy.children)  # at most as deep as archives are read


def _find_groups(copies: Iterable[_Copy]) -> None:
    """The group of jars that state none, where the POMs of the same archive or folder do."""
    declared: dict[str, dict[str, set[str]]] = {}
    nameless = []
    for copy in copies:
        if not copy.identity.purl:
            nameless.append(copy)
        for pom in copy.jar.poms:
            for group, artifact in (*(pom.dependencies or ()), *pom.optional):
                for scope in copy.scopes:
                    declared.setdefault(scope, {}).setdefault(artifact, set()).add(group)
    for copy in nameless:
        for scope in copy.scopes:
            if group := group_of(copy.identity, declared.get(scope, {})):
                copy.identity = replace(copy.identity, group=group, group_from="dependency")
                break


class _Siblings:
    """What stands beside each jar, by group and artifact."""

    def __init__(self, copies: Iterable[_Copy]) -> None:
        self._refs: dict[tuple[str, str, str], set[str]] = {}
        for copy in copies:
            identity = copy.identity
            shaded = [(item.own.group, item.own.artifact) for item in identity.shaded]
            for scope in copy.scopes:
                if identity.group:
                    key = (scope, identity.group, identity.name)
                    self._refs.setdefault(key, set()).add(copy.ref)
                for group, artifact in shaded:
                    self._refs.setdefault((scope, group, artifact), set()).add(copy.ref)

    def find(self, scopes: Iterable[str], group: str, artifact: str) -> set[str]:
        for scope in scopes:
            if found := self._refs.get((scope, group, artifact)):
                return found
        return set()


# --- components ----------------------------------------------------------------------------------


def _describe(copy: _Copy, siblings: _Siblings) -> Iterator[Dependency | Gap | Owned]:
    identity, ref = copy.identity, copy.ref
    requires = {child.ref for child in copy.children}
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
            hash_of="file" if _hashes(copy) else "",
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
    if copy.outermost and identity.version:
        yield Owned(ref, (copy.path,), rule=RULE)


def _needed(identity: Identity) -> Iterator[tuple[str, str]]:
    if identity.own is not None and identity.own.dependencies is not None:
        yield from identity.own.dependencies


def _type(copy: _Copy) -> ComponentType:
    runs = copy.jar.manifest.keys() & {"Main-Class", "Start-Class"} or copy.identity.ending != "jar"
    return "application" if copy.outermost and runs else "library"


def _hashes(copy: _Copy) -> tuple[Hash, ...]:
    """SHA-256, and SHA-1 for that is what repositories of Maven's publish."""
    if not copy.sha256:
        return ()
    return (Hash("SHA-1", copy.jar.sha1), Hash("SHA-256", copy.sha256))


def _licences(copy: _Copy) -> tuple[Licence, ...]:
    stated = copy.identity.own.licences if copy.identity.own else ()
    found = {made for name, url in stated if (made := maven_licence(name, url))}
    return tuple(sorted(found or bundle_licences(copy.jar.manifest.get("Bundle-License", ""))))


def _properties(copy: _Copy) -> Iterator[Property]:
    if copy.layer:
        yield Property("bom-seal:layer", copy.layer)
    if copy.identity.group_from:
        yield Property(GROUP_FROM, copy.identity.group_from)
    for header, name in (
        ("Bundle-SymbolicName", "bom-seal:java:bundle"),
        ("Automatic-Module-Name", "bom-seal:java:module-name"),
    ):
        if not copy.identity.purl and (value := copy.jar.manifest.get(header)):
            yield Property(name, value.partition(";")[0].strip())


def _shaded(copy: _Copy) -> Iterator[Component]:
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
    copy: _Copy, licences: tuple[Licence, ...], nested: tuple[Component, ...]
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
