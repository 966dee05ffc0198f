"""bun.lock: JSON with comments and trailing commas (Bun, "Lockfile")."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.node.manifest import asked
from bom.catalog.node.names import (
    is_git,
    is_url,
    published_version,
    split_specifier,
    valid_name,
    valid_version,
)
from bom.catalog.node.pin import Lines, Lock, Pin, Root, place
from bom.catalog.stated import Unreadable, decoded, integrity, json_document, strings, table, text
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.node.pin import Asked

_OWN: Final = ("workspace:", "root:")
_DEPTH: Final = 64  # packages inside packages


def read(raw: bytes, location: str) -> Lock:
    """The lock that these bytes are. Raises Unreadable."""
    source = decoded(raw)
    document = json_document(plain_json(source))
    if document.get("lockfileVersion") not in (0, 1):
        raise Unreadable("has a format version that is not known; 0 and 1 are")
    return _Reading(location, document, Lines(source)).lock()


def plain_json(source: str) -> str:
    """The text without `//` comments and without commas before a closing bracket. Raises
    Unreadable."""
    out: list[str] = []
    at, comma = 0, -1  # `comma`: where in `out` the last one stands, nothing behind it yet
    while at < len(source):
        char = source[at]
        if char == '"':
            end = _string_end(source, at)
            out.append(source[at:end])
            at, comma = end, -1
        elif char == "/":
            if source[at + 1 : at + 2] != "/":
                raise Unreadable("is no JSON: a slash stands outside of strings")
            end = source.find("\n", at)
            at = len(source) if end < 0 else end
        else:
            if char in "]}" and comma >= 0:
                out[comma] = ""
            if char == ",":
                comma = len(out)
            elif not char.isspace():
                comma = -1
            out.append(char)
            at += 1
    return "".join(out)


def _string_end(source: str, start: int) -> int:
    at = start + 1
    while at < len(source):
        quote = source.find('"', at)
        if quote < 0:
            break
        slash = source.find("\\", at, quote)
        if slash < 0:
            return quote + 1
        at = slash + 2
    raise Unreadable("is no JSON: a string does not end")


class _Reading:
    def __init__(self, location: str, document: Mapping[str, Any], lines: Lines) -> None:
        self._location = location
        self._workspaces = table(document.get("workspaces"))
        self._packages = table(document.get("packages"))
        self._lines = lines
        self._gaps: set[Gap] = set()
        self._pins: dict[str, Pin] = {}
        self._local: dict[str, str] = {}

    def lock(self) -> Lock:
        asked_by: dict[str, tuple[Asked, ...]] = {}
        for key, value in self._packages.items():
            line = self._lines.next(key)
            if not self._add(text(key), value if isinstance(value, list) else [], line, asked_by):
                where = f"{self._location}:{line}"
                self._gaps.add(Gap("dependency.name", where, "the entry has no valid name"))
        pins = {}
        for key, pin in self._pins.items():
            hard: set[str] = set()
            soft: set[str] = set()
            for item in asked_by[key]:
                target = self._find(key, item.name)
                if target in self._pins and item.kind != "devDependencies":
                    (soft if item.soft or item.kind == "peerDependencies" else hard).add(target)
            pins[key] = _with_edges(pin, hard, soft)
        root = table(self._workspaces.get(""))
        return Lock(
            self._location,
            pins,
            tuple(sorted(self._roots())),
            frozenset(text(folder).strip("/") for folder in self._workspaces if folder),
            tuple(sorted(self._gaps)),
            valid_name(text(root.get("name"))),
            valid_version(text(root.get("version"))),
        )

    def _add(
        self, key: str, entry: list[Any], line: int, asked_by: dict[str, tuple[Asked, ...]]
    ) -> bool:
        name, reference = split_specifier(text(entry[0]) if entry else "")
        called = _parts(key)[-1:]
        if not name or not called or len(_parts(key)) > _DEPTH or not valid_name(called[0]):
            return False
        if reference.startswith((*_OWN, "link:")):
            self._local[key] = reference
            return True
        fields: Mapping[str, Any] = next((item for item in entry if isinstance(item, dict)), {})
        words = [text(item) for item in entry[1:] if isinstance(item, str)]
        stated = next((word for word in words if word.startswith(("sha1-", "sha256-", "sha5"))), "")
        elsewhere = is_url(reference) or is_git(reference) or reference.startswith("file:")
        index = words[0] if words and is_url(words[0]) else ""
        resolved = reference if elsewhere else index
        self._pins[key] = Pin(
            name,
            published_version(reference, name) if elsewhere else valid_version(reference),
            line,
            "bundled"
            if fields.get("bundled") is True
            else place(resolved, name, is_url(reference)),
            resolved,
            integrity(stated),
            called[0] if called[0] != name else "",
            limited=any(strings(fields.get(field)) for field in ("os", "cpu", "libc")),
        )
        peers = {name: {"optional": True} for name in strings(fields.get("optionalPeers"))}
        asked_by[key], _ = asked({**fields, "peerDependenciesMeta": peers})
        return True

    def _roots(self) -> set[Root]:
        roots = set()
        for folder, value in self._workspaces.items():
            member = text(table(value).get("name")) if folder else ""
            for item in asked(table(value))[0]:
                key = self._find(member, item.name) if member else self._find("", item.name)
                if key in self._pins:
                    roots.add(Root(key, item.kind == "devDependencies", item.soft))
                elif self._local.get(key, "").startswith("link:"):
                    why = f"{self._location} links it from a folder: no published file is stated"
                    self._gaps.add(Gap("dependency.source", item.name, why))
                elif not key and not item.soft and item.kind != "peerDependencies":
                    why = f"{self._location} does not list it"
                    self._gaps.add(Gap("dependency.lock", item.name, why))
        return roots

    def _find(self, key: str, name: str) -> str:
        """The key of what a package gets for `name`: the nearest, as in node_modules."""
        parts = _parts(key)
        for depth in range(len(parts), -1, -1):
            candidate = "/".join([*parts[:depth], name])
            if candidate in self._pins or candidate in self._local:
                return candidate
        return ""


def _with_edges(pin: Pin, hard: set[str], soft: set[str]) -> Pin:
    return replace(pin, requires=tuple(sorted(hard)), may_require=tuple(sorted(soft - hard)))


def _parts(key: str) -> list[str]:
    """`@scope/a/b` is `@scope/a` and `b`."""
    found: list[str] = []
    for part in filter(None, key.split("/")):
        if found and found[-1].startswith("@") and "/" not in found[-1]:
            found[-1] += f"/{part}"
        else:
            found.append(part)
    return found
