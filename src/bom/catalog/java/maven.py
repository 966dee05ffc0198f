"""Maven projects: what their pom.xml asks for directly, as far as the tree itself says it.

Parents, BOMs and modules count where they lie in the same view; nothing is fetched, so a version
that stands in a parent or BOM from a repository is a gap. (Maven "POM Reference", "Introduction to
the Dependency Mechanism".)
"""

from __future__ import annotations

import posixpath
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from bom.catalog.java.folders import joined
from bom.catalog.java.identity import maven_purl
from bom.catalog.java.pom import exact, identifier, read_pom, replaced
from bom.catalog.java.wanted import POM, is_pom
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable, element_lines
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.java.pom import Pom, PomDependency
    from bom.catalog.protocol import FileView

SCOPE: Final = "bom-seal:java:scope"

DEPENDENCIES_LIMIT: Final = 500_000  # of all POMs of a tree, what they inherit with them

_LEVELS: Final = 50  # parents of parents, BOMs in BOMs
_TABLES: Final = 1000  # sources of managed versions of one POM
_JAR_TYPES: Final = {"": "", "jar": "", "test-jar": "", "ejb": "", "maven-plugin": "", "pom": "pom"}
_BUILD_SCOPES: Final = frozenset(["test", "provided"])

_Key = tuple[str, str, str, str]  # group, artifact, type, classifier
_Managed = Mapping[_Key, tuple[str, str]]  # version and scope, as they are spelled


@dataclass(frozen=True, slots=True)
class _Model:
    """A POM with what it inherits: nothing is copied, for a thousand modules have one parent.

    `managed`: dependencyManagement, the nearest first. Properties in what is inherited mean what
    they mean here (None), those in what is imported what they mean in the BOM ("Introduction to
    the Dependency Mechanism": a BOM is resolved before it is imported).
    """

    pom: Pom
    parent: _Model | None
    group: str
    version: str
    values: ChainMap[str, str]
    managed: tuple[tuple[_Managed, Mapping[str, str] | None], ...]

    def version_and_scope(self, key: _Key) -> tuple[str, str]:
        """What is managed for an artifact, its properties replaced; "" for what isn't."""
        for table, values in self.managed:
            if (found := table.get(key)) is not None:
                meaning = self.values if values is None else values
                return replaced(found[0], meaning), replaced(found[1], meaning)
        return "", ""

    def dependencies(self) -> Iterator[tuple[PomDependency, bool]]:
        """Its own, then those of its parents; whether they are its own."""
        at: _Model | None = self
        while at is not None:
            for item in at.pom.dependencies:
                yield item, at is self
            at = at.parent


def declared(view: FileView) -> Iterator[Declared]:
    """What each pom.xml in the view asks for."""
    tree = _Tree(view)
    for folder in sorted(tree.poms):
        yield tree.project(folder)
    for folder, why in sorted(tree.broken.items()):
        shown = printable_name(joined(folder, POM))
        gap = Gap("dependency.declared", shown, why)
        yield Declared("maven", printable_name(folder), shown, False, gaps=(gap,))


class _Tree:
    """All POMs of a view, by folder; those that can't be read are `broken`."""

    def __init__(self, view: FileView) -> None:
        self.poms: dict[str, Pom] = {}
        self.broken: dict[str, str] = {}
        self._view = view
        for entry in view.wanted():
            folder, _, name = entry.path.rpartition("/")
            if entry.type != "file" or name != POM or not is_pom(PurePosixPath(entry.path)):
                continue
            raw = view.read(entry.path)
            try:
                if raw is None:
                    raise Unreadable("can't be read, or is larger than 64 MiB")
                self.poms[folder] = read_pom(raw)
            except Unreadable as error:
                self.broken[folder] = f"it {error}"
        self._by_name: dict[tuple[str, str], list[str]] = {}
        for folder, pom in self.poms.items():
            key = (pom.own.group or pom.parent.group, pom.own.artifact)
            self._by_name.setdefault(key, []).append(folder)
        self._models: dict[str, _Model] = {}
        self._active: set[str] = set()  # being made: what leads back to them is a circle
        self._left = DEPENDENCIES_LIMIT

    def model(self, folder: str) -> _Model:
        """The POM in `folder` with all that it inherits."""
        if (known := self._models.get(folder)) is not None:
            return known
        self._active.add(folder)
        pom = self.poms[folder]
        above = self._known(self._parent(folder, pom))
        values = ChainMap(pom.values(), *(above.values.maps if above else ()))
        own: dict[_Key, tuple[str, str]] = {}
        imported: list[tuple[_Managed, Mapping[str, str] | None]] = []
        for item in pom.managed:
            if item.scope != "import":
                own[_key(item, values)] = (item.version, item.scope)
            elif len(imported) < _TABLES:
                imported += self._imported(item, values)
        # What is stated, here or above, goes before what is imported, here or above.
        stated = [pair for pair in above.managed if pair[1] is None] if above else []
        inherited = [pair for pair in above.managed if pair[1] is not None] if above else []
        model = self._models[folder] = _Model(
            pom,
            above,
            replaced(pom.own.group or pom.parent.group, values),
            replaced(pom.own.version or pom.parent.version, values),
            values,
            ((own, None), *stated, *imported, *inherited)[:_TABLES],
        )
        self._active.discard(folder)
        return model

    def _known(self, folder: str | None) -> _Model | None:
        if folder is None or folder in self._active or len(self._active) >= _LEVELS:
            return None
        return self.model(folder)

    def _parent(self, folder: str, pom: Pom) -> str | None:
        """The folder of the parent where the tree holds it: by its path, else by its name."""
        stated = pom.parent
        if not stated.artifact:
            return None
        if pom.parent_path:
            at = posixpath.normpath(posixpath.join("/", folder, pom.parent_path)).strip("/")
            for place in (at, posixpath.dirname(at)):
                there = self.poms.get(place)
                if there is not None and there.own.artifact == stated.artifact:
                    return place
        found = self._by_name.get((stated.group, stated.artifact), [])
        return found[0] if len(found) == 1 else None

    def _imported(
        self, item: PomDependency, values: Mapping[str, str]
    ) -> list[tuple[_Managed, Mapping[str, str] | None]]:
        """What an imported BOM manages, where it lies in the same tree."""
        name = (replaced(item.group, values), replaced(item.artifact, values))
        found = self._by_name.get(name, [])
        bom = self._known(found[0]) if len(found) == 1 else None
        if bom is None:
            return []
        own = bom.values
        return [(table, own if inner is None else inner) for table, inner in bom.managed]

    def project(self, folder: str) -> Declared:
        """What the POM in `folder` declares."""
        location = printable_name(joined(folder, POM))
        model = self.model(folder)
        raw = self._view.read(joined(folder, POM)) or b""
        lines = element_lines(raw, "dependency") if model.pom.dependencies else []
        gaps: set[Gap] = set()
        found: dict[tuple[str, str], Dependency] = {}
        for item, own in model.dependencies():
            self._left -= 1
            if self._left < 0:
                why = f"the POMs of the tree ask for more than {DEPENDENCIES_LIMIT} artifacts"
                gaps.add(Gap("dependency.declared", location, why))
                break
            line = lines[item.place] if own and item.place < len(lines) else 0
            made = self._dependency(item, model, Occurrence(location, line), gaps)
            if made is not None:
                key = (made.role, made.component.bom_ref)
                found[key] = found[key].merged(made) if key in found else made
        if found:
            why = "it states only what is asked for directly"
            gaps.add(Gap("dependency.graph", location, why))
        if model.pom.conditional:
            why = "profiles in it ask for more, depending on how it is built"
            gaps.add(Gap("dependency.declared", location, why))
        name = ":".join(filter(None, (model.group, model.pom.own.artifact)))
        return Declared(
            "maven",
            printable_name(folder),
            location,
            False,
            tuple(sorted(found.values())),
            tuple(sorted(gaps)),
            name,
            model.version,
        )

    def _dependency(
        self, item: PomDependency, model: _Model, where: Occurrence, gaps: set[Gap]
    ) -> Dependency | None:
        key = _key(item, model.values)
        group, artifact, type_, classifier = key
        if not group or not artifact:
            spelled = f"{item.group}:{item.artifact}"
            why = f"{where.location} names it by a property that it does not state"
            gaps.add(Gap("dependency.name", spelled, why))
            return None
        managed_version, managed_scope = model.version_and_scope(key)
        spelled = replaced(item.version, model.values) or item.version or managed_version
        version = exact(spelled)
        scope = replaced(item.scope, model.values) or managed_scope or "compile"
        qualifiers = {"classifier": classifier, "type": _JAR_TYPES.get(type_, type_)}
        component = Component(
            "library",
            artifact,
            version,
            group=group,
            purl=maven_purl(group, artifact, version, qualifiers),
            properties=(Property(SCOPE, scope),),
            occurrences=(where,),
        )
        if not component.purl:
            component = replace(component, ref=f"maven:{group}:{artifact}")
        self._judge(component, (group, artifact), spelled, where.location, gaps)
        role = "build" if scope in _BUILD_SCOPES else "shipped"
        optional = scope == "provided" or replaced(item.optional, model.values) == "true"
        return Dependency(component, "build" if role == "build" else "shipped", True, optional)

    def _judge(
        self, made: Component, key: tuple[str, str], spelled: str, by: str, gaps: set[Gap]
    ) -> None:
        name, ref = ":".join(key), made.bom_ref
        if key in self._by_name:
            why = "it is a module of the same tree: no published file is stated"
            gaps.add(Gap("dependency.source", name, why, ref))
            return
        if not made.version:
            why = (
                f"{by} asks for {spelled}, which is not one version"
                if spelled
                else "its version is stated by nothing in the tree: a parent or BOM from elsewhere"
            )
            gaps.add(Gap("dependency.version", name, why, ref))
        gaps.add(Gap("dependency.hash", name, f"{by} states no hash", ref))


def _key(item: PomDependency, values: Mapping[str, str]) -> _Key:
    return (
        identifier(replaced(item.group, values)),
        identifier(replaced(item.artifact, values)),
        identifier(replaced(item.type, values)) or "jar",
        identifier(replaced(item.classifier, values)),
    )
