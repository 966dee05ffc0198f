"""Where jars lie, each copy for itself: in the file system, in other archives, unpacked; and what
they can tell of each other."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bom.catalog.java import unpacked
from bom.catalog.java.identity import Identity, asked_for, identify
from bom.catalog.java.wanted import ENDINGS
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.java.jar import Jar
    from bom.catalog.java.unpacked import Unpacked
    from bom.catalog.protocol import FileView

_FOLDERS: Final = 20  # in which one jar's class path looks


@dataclass(slots=True)
class Copy:
    """A jar in one place. `location`: `app.jar!/BOOT-INF/lib/x.jar`; `scopes`: within which it
    finds what it needs, the nearest first (the archive around it, else what is nested in itself,
    its folder, and those of its class path). `class_path`: the files that its manifest names."""

    location: str
    path: str
    jar: Jar
    sha256: str
    layer: str
    outermost: bool
    identity: Identity
    scopes: tuple[str, ...]
    class_path: tuple[str, ...] = ()
    unpacked: Unpacked | None = None
    children: list[Copy] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return self.identity.purl or f"jar:sha256:{self.sha256}"


def copies(view: FileView, found: Sequence[tuple[str, Jar]]) -> list[Copy]:
    """All copies: of the jars `found` at a path of the view, of those in them, and of what lies
    unpacked; each after what holds it. Groups that others state are filled in."""
    folders = list(unpacked.find(view))
    # A digest means the same file wherever it lies.
    listed: dict[str, str] = {}
    for described in (*(item.jar for item in folders), *(jar for _, jar in found)):
        for digest, purl in described.listed:
            listed.setdefault(digest, purl)
    made = [_folder(view, item) for item in folders]
    for path, jar in found:
        entry = view.entry(path)
        if entry is not None:
            made.append(_outermost(path, jar, entry.sha256, entry.layer, listed))
    everything = list(_flat(made))
    _find_groups(everything)
    return everything


def _folder(view: FileView, item: Unpacked) -> Copy:
    entry = view.entry(item.record)
    own = item.jar.poms[0]
    return Copy(
        printable_name(item.record),
        item.root,
        item.jar,
        item.hashes[0].value if item.hashes else "",
        entry.layer if entry else "",
        True,
        Identity(own.own.artifact, own.own.version, own.own.group, ending=item.ending, own=own),
        item.libraries,
        unpacked=item,
    )


def _outermost(path: str, jar: Jar, sha256: str, layer: str, listed: Mapping[str, str]) -> Copy:
    above, _, name = path.rpartition("/")
    class_path = tuple(_class_path(above, jar.manifest.get("Class-Path", "")))
    folders = sorted({item.rpartition("/")[0] for item in class_path} - {above})
    copy = Copy(
        printable_name(path),
        path,
        jar,
        sha256,
        layer,
        True,
        identify(jar, printable_name(name), listed.get(sha256) or listed.get(jar.sha1) or ""),
        (path, above, *folders[:_FOLDERS]),
        class_path,
    )
    copy.children = list(_children(copy, listed))
    return copy


def _class_path(folder: str, header: str) -> Iterator[str]:
    """The jars that a manifest's Class-Path names: relative URLs by spaces (JAR specification,
    "Class-Path attribute")."""
    for word in header.split():
        if ":" not in word and word.endswith(ENDINGS):
            yield posixpath.normpath(posixpath.join("/", folder, unquote(word))).lstrip("/")


def _children(parent: Copy, listed: Mapping[str, str]) -> Iterator[Copy]:
    for jar in parent.jar.nested:
        name = jar.path.rpartition("/")[2]
        purl = listed.get(jar.sha256) or listed.get(jar.sha1) or ""
        copy = Copy(
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


def _flat(copies: Iterable[Copy]) -> Iterator[Copy]:
    for copy in copies:
        yield copy
        yield from _flat(copy.children)  # at most as deep as archives are read


def _find_groups(copies: Iterable[Copy]) -> None:
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
            if (found := asked_for(copy.identity, declared.get(scope, {}))) is not None:
                copy.identity = found
                break


class Siblings:
    """What stands beside each jar, by group and artifact."""

    def __init__(self, copies: Sequence[Copy]) -> None:
        self._refs: dict[tuple[str, str, str], set[str]] = {}
        self.by_path = {copy.path: copy.ref for copy in copies if copy.outermost}
        self._inside: dict[str, set[str]] = {}
        for path, ref in self.by_path.items():
            self._inside.setdefault(path.rpartition("/")[0], set()).add(ref)
        for copy in copies:
            identity = copy.identity
            shaded = [(item.own.group, item.own.artifact) for item in identity.shaded]
            for scope in copy.scopes:
                if identity.group:
                    key = (scope, identity.group, identity.name)
                    self._refs.setdefault(key, set()).add(copy.ref)
                for group, artifact in shaded:
                    self._refs.setdefault((scope, group, artifact), set()).add(copy.ref)

    def inside(self, copy: Copy) -> set[str]:
        """The jars that lie in an archive which is unpacked."""
        folders = copy.unpacked.libraries if copy.unpacked is not None else ()
        return set().union(*(self._inside.get(folder, set()) for folder in folders))

    def find(self, scopes: Iterable[str], group: str, artifact: str) -> set[str]:
        for scope in scopes:
            if found := self._refs.get((scope, group, artifact)):
                return found
        return set()
