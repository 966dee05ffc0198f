"""yarn.lock of Yarn 2 and later ("berry", __metadata.version 4 and up): YAML.

Its checksum is of the zip that Yarn makes of a package, by a cache version and settings of its
own, so it is no hash of a published file.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from bom.catalog.node.names import is_url, split_specifier, valid_name, valid_version
from bom.catalog.node.pin import CHECKSUM, PATCHED, Lock, Pin, Root, place
from bom.catalog.node.yaml_text import yaml_strings
from bom.catalog.stated import Unreadable, decoded, table, text
from bom.model import Gap, Property

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.node.manifest import Manifest

HEADER: Final = "__metadata:"
_LOCAL: Final = ("workspace:", "link:", "portal:")


def read(raw: bytes, location: str, manifests: Mapping[str, Manifest]) -> Lock:
    """The lock that these bytes are. `manifests`: the package.json files by their folders from
    the lock's ("" for its own), which tell what is for development. Raises Unreadable."""
    source = decoded(raw)
    document = yaml_strings(source)
    if not isinstance(document.get("__metadata"), dict):
        raise Unreadable("is no lock of Yarn 2 or later")
    return _Reading(location, manifests).read(document, source)


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    line: int
    fields: Mapping[str, Any]
    name: str
    reference: str


class _Reading:
    def __init__(self, location: str, manifests: Mapping[str, Manifest]) -> None:
        self._location = location
        self._manifests = manifests
        self._keys: dict[str, str] = {}
        self._patched: dict[str, str] = {}
        self._single: dict[str, set[str]] = {}
        self._gaps: set[Gap] = set()

    def read(self, document: Mapping[str, Any], source: str) -> Lock:
        entries = list(self._entries(document, source))
        for entry in entries:
            self._single.setdefault(entry.name, set()).add(entry.key)
            for request in entry.key.split(", "):
                self._keys.setdefault(request, entry.key)
                self._remember_patch(request, entry.key)
        pins: dict[str, Pin] = {}
        roots: set[Root] = set()
        members = set()
        for entry in entries:
            if entry.reference.startswith("workspace:"):
                folder = posixpath.normpath(entry.reference.removeprefix("workspace:"))
                folder = "" if folder == "." else folder
                members.add(folder)
                roots |= self._roots(entry, folder)
            elif entry.reference.startswith(_LOCAL):
                why = f"{self._location} links it from a folder: no published file is stated"
                self._gaps.add(Gap("dependency.source", entry.name, why))
            else:
                pins[entry.key] = self._pin(entry)
        own = self._manifests.get("")
        return Lock(
            self._location,
            pins,
            tuple(sorted(roots)) if members else None,
            frozenset(members - {""}),
            tuple(sorted(self._gaps)),
            own.name if own else "",
            own.version if own else "",
        )

    def _entries(self, document: Mapping[str, Any], source: str) -> Iterator[_Entry]:
        lines: dict[str, int] = {}
        for at, line in enumerate(source.splitlines(), 1):
            if line.endswith(":") and not line.startswith((" ", "#")):
                lines.setdefault(line[:-1].strip('"'), at)
        for key, value in document.items():
            if key == "__metadata":
                continue
            fields, number = table(value), lines.get(key, 0)
            name, reference = split_specifier(text(fields.get("resolution")))
            if not name or not text(key):
                where = f"{self._location}:{number}"
                self._gaps.add(Gap("dependency.name", where, "the entry has no valid name"))
                continue
            yield _Entry(key, number, fields, name, reference)

    def _remember_patch(self, request: str, key: str) -> None:
        """`x@patch:x@npm%3A^1#…` answers a request for `x@npm:^1` in its stead."""
        _, specifier = split_specifier(request)
        if specifier.startswith("patch:"):
            base = unquote(specifier[6:].partition("#")[0])
            self._patched.setdefault(base, key)

    def _find(self, name: str, specifier: str) -> str:
        for request in (f"{name}@{specifier}", f"{name}@npm:{specifier}"):
            for known in (self._patched, self._keys):
                if request in known:
                    return known[request]
        # `resolutions` of the project replace what is asked for; one answer leaves no choice.
        single = self._single.get(name, set())
        return next(iter(single)) if len(single) == 1 else ""

    def _roots(self, entry: _Entry, folder: str) -> set[Root]:
        manifest = self._manifests.get(folder)
        kinds = {item.name: item for item in manifest.asked} if manifest else {}
        meta = table(entry.fields.get("dependenciesMeta"))
        roots = set()
        for name, specifier in table(entry.fields.get("dependencies")).items():
            key = self._find(text(name), text(specifier))
            if not key:
                why = f"{self._location} does not list it"
                shown = valid_name(text(name)) or "a package"
                self._gaps.add(Gap("dependency.lock", shown, why))
                continue
            item = kinds.get(name)
            development = item is not None and item.kind == "devDependencies"
            soft = _is_true(table(meta.get(name)).get("optional"))
            roots.add(Root(key, development, soft or (item is not None and item.soft)))
        return roots

    def _pin(self, entry: _Entry) -> Pin:
        name, reference, facts = entry.name, entry.reference, set()
        if reference.startswith("patch:"):
            # `patch:x@npm%3A1.0.0#file::version=1.0.0&hash=…`
            facts.add(Property(PATCHED, "true"))
            _, reference = split_specifier(unquote(reference[6:].partition("#")[0]))
        checksum = text(entry.fields.get("checksum"))
        if checksum and checksum.isprintable() and len(checksum) < 300:
            facts.add(Property(CHECKSUM, checksum))
        place_, _, binding = reference.partition("::")
        resolved = "" if place_.startswith("npm:") else place_
        if binding.startswith("__archiveUrl="):
            resolved = unquote(binding.removeprefix("__archiveUrl=").partition("&")[0])
        hard, soft = self._edges(entry)
        aliases = {split_specifier(request)[0] for request in entry.key.split(", ")}
        return Pin(
            name,
            valid_version(text(entry.fields.get("version"))),
            entry.line,
            place(resolved, name, is_url(place_)),
            resolved,
            (),
            next(iter(sorted(aliases - {name, ""})), ""),
            limited=bool(text(entry.fields.get("conditions"))),
            requires=tuple(sorted(hard - soft)),
            may_require=tuple(sorted(soft)),
            properties=tuple(sorted(facts)),
        )

    def _edges(self, entry: _Entry) -> tuple[set[str], set[str]]:
        meta = table(entry.fields.get("dependenciesMeta"))
        hard: set[str] = set()
        soft: set[str] = set()
        for section in ("dependencies", "optionalDependencies"):
            for name, specifier in table(entry.fields.get(section)).items():
                if key := self._find(text(name), text(specifier)):
                    weak = _is_true(table(meta.get(name)).get("optional"))
                    (soft if weak or section != "dependencies" else hard).add(key)
        return hard, soft


def _is_true(value: object) -> bool:
    return value == "true"
