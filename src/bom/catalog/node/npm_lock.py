"""package-lock.json and npm-shrinkwrap.json, lockfileVersion 1 to 3 (npm, "package-lock.json"),
and the hidden lockfile that npm keeps in node_modules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.node.manifest import asked
from bom.catalog.node.names import (
    is_git,
    is_path,
    is_url,
    published_version,
    unaliased,
    valid_name,
    valid_version,
)
from bom.catalog.node.pin import Lines, Lock, Pin, Root, place
from bom.catalog.stated import decoded, integrity, json_document, strings, table, text
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.node.pin import Asked

DEPTH: Final = 64  # packages inside packages; npm 2 came to some 15
_FOLDER: Final = "node_modules/"


def read(raw: bytes, location: str, requests: tuple[Asked, ...] | None) -> Lock:
    """The lock that these bytes are. `requests`: what the package.json beside it asks for, which
    version 1 doesn't repeat. Raises Unreadable."""
    source = decoded(raw)
    document = json_document(source)
    if isinstance(document.get("packages"), dict):
        return _packages(document, source, location)
    return _nested(document, source, location, requests)


def record(raw: bytes) -> Mapping[str, Pin]:
    """The packages that npm's hidden lockfile says it installed, by folder from its project's,
    without lines and edges. Raises Unreadable."""
    found = _Reading("", flags=False)
    for key, value in table(json_document(decoded(raw)).get("packages")).items():
        entry = table(value)
        if _FOLDER in key and entry.get("link") is not True:
            found.add(key, entry, 0, text(entry.get("name")))
    return found.pins


def _packages(document: Mapping[str, Any], source: str, location: str) -> Lock:
    """Versions 2 and 3: one flat table by folder."""
    found = _Reading(location, flags="" not in table(document.get("packages")))
    lines = Lines(source)
    owners: dict[str, Mapping[str, Any]] = {}
    for key, value in table(document.get("packages")).items():
        entry, line = table(value), lines.next(key)
        if _FOLDER not in key:
            owners[key] = entry
            found.members.add(key)
        elif key.count(_FOLDER) > DEPTH:
            found.refuse(line)
        elif entry.get("link") is True:
            found.links[key] = text(entry.get("resolved"))
        else:
            found.add(key, entry, line, text(entry.get("name")))
            owners[key] = entry
    for key, entry in owners.items():
        requests, _ = asked(entry)
        if key in found.pins:
            found.connect(key, requests)
        else:
            found.ask(key, requests)
    root = owners.get("", {})
    return replace(
        found.lock(rooted="" in owners),
        name=valid_name(text(root.get("name") or document.get("name"))),
        version=valid_version(text(root.get("version") or document.get("version"))),
    )


def _nested(
    document: Mapping[str, Any], source: str, location: str, requests: tuple[Asked, ...] | None
) -> Lock:
    """Version 1: `dependencies` within `dependencies`, as the folders lie."""
    found = _Reading(location, flags=True)
    lines = Lines(source)
    entries: dict[str, Mapping[str, Any]] = {}
    waiting = [iter(_below("", document))]
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            continue
        key, name, entry = step
        line = lines.next(name)
        if len(waiting) > DEPTH:
            found.refuse(line)
            continue
        found.add(key, _as_version_2(name, entry), line, "")
        entries[key] = entry
        waiting.append(iter(_below(f"{key}/", entry)))
    for key, entry in entries.items():
        if key in found.pins:
            found.connect(key, asked({"dependencies": entry.get("requires")})[0])
    if requests is not None:
        found.ask("", requests)
    return replace(
        found.lock(rooted=requests is not None),
        name=valid_name(text(document.get("name"))),
        version=valid_version(text(document.get("version"))),
    )


def _below(above: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, value in table(entry.get("dependencies")).items():
        yield f"{above}{_FOLDER}{name}", name, table(value)


def _as_version_2(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 puts the place into `version` where it is no registry's."""
    stated = text(entry.get("version"))
    real, version = unaliased(name, stated)
    made = {**entry, "version": version, "name": real, "inBundle": entry.get("bundled")}
    if is_git(stated) or is_path(stated) or is_url(stated):
        made |= {"version": "", "resolved": stated, "by-url": is_url(stated)}
    return made


class _Reading:
    """A lock as it is read: packages by their folders, as npm would lay them out."""

    def __init__(self, location: str, *, flags: bool) -> None:
        self.pins: dict[str, Pin] = {}
        self.links: dict[str, str] = {}
        self.members: set[str] = set()
        self._location = location
        self._gaps: set[Gap] = set()
        # npm judges by the graph what is for development or optional; the flags that it writes
        # are the same, but where it forgot them (npm 11 after an interrupted install).
        self._flags = flags
        self._roots: set[Root] = set()

    def refuse(self, line: int) -> None:
        why = "the entry has no valid name"
        self._gaps.add(Gap("dependency.name", f"{self._location}:{line}", why))

    def add(self, key: str, entry: Mapping[str, Any], line: int, name: str) -> None:
        """The package at a folder; `name` is stated where the folder is called otherwise."""
        folder = valid_name(key.rpartition(_FOLDER)[2])
        name = name or text(entry.get("name")) or folder
        if not valid_name(name) or not folder:
            self.refuse(line)
            return
        resolved = text(entry.get("resolved"))
        bundled = entry.get("inBundle") is True and not resolved
        self.pins[key] = Pin(
            name,
            valid_version(text(entry.get("version"))) or published_version(resolved, name),
            line,
            "bundled" if bundled else place(resolved, name, entry.get("by-url") is True),
            resolved,
            integrity(text(entry.get("integrity"))),
            "" if name == folder else folder,
            limited=any(strings(entry.get(field)) for field in ("os", "cpu", "libc")),
            development=entry.get("dev") is True if self._flags else None,
            optional=(entry.get("optional") is True or entry.get("devOptional") is True)
            if self._flags
            else None,
            licence=text(entry.get("license")),
        )

    def connect(self, key: str, requests: tuple[Asked, ...]) -> None:
        """What a package asks for, found as Node finds it."""
        hard: set[str] = set()
        soft: set[str] = set()
        for item in requests:
            target = self._find(key, item.name) if item.kind != "devDependencies" else ""
            if target in self.pins:
                self._by_url(target, item)
                (soft if item.soft else hard).add(target)
        pin = self.pins[key]
        self.pins[key] = replace(
            pin, requires=tuple(sorted(hard)), may_require=tuple(sorted(soft - hard))
        )

    def ask(self, folder: str, requests: tuple[Asked, ...]) -> None:
        """What the project, or the workspace in `folder`, asks for."""
        for item in requests:
            target = self._find(folder, item.name)
            if target in self.pins:
                self._by_url(target, item)
                self._roots.add(Root(target, item.kind == "devDependencies", item.soft))
            elif target:
                if self.links[target] not in self.members or self.links[target].startswith(".."):
                    why = f"{self._location} links it from a folder: no published file is stated"
                    self._gaps.add(Gap("dependency.source", item.name, why))
            elif not item.soft and item.kind != "peerDependencies":
                why = f"{self._location} does not list it"
                self._gaps.add(Gap("dependency.lock", item.name, why))

    def lock(self, *, rooted: bool) -> Lock:
        return Lock(
            printable_name(self._location),
            self.pins,
            tuple(sorted(self._roots)) if rooted else None,
            frozenset(self.members - {""}),
            tuple(sorted(self._gaps)),
        )

    def _find(self, folder: str, name: str) -> str:
        """The key of the package that `folder` gets for `name`, "" for none."""
        while True:
            key = f"{folder}/{_FOLDER}{name}" if folder else _FOLDER + name
            if key in self.pins or key in self.links:
                return key
            if not folder:
                return ""
            inner = folder.rfind(_FOLDER)
            # Out of a package goes up to the folder that holds its node_modules.
            folder = folder[:inner].rstrip("/") if inner >= 0 else ""

    def _by_url(self, key: str, item: Asked) -> None:
        pin = self.pins[key]
        if pin.source == "registry" and is_url(item.specifier):
            source = place(pin.resolved, pin.name, asked_by_url=True)
            self.pins[key] = replace(pin, source=source)
