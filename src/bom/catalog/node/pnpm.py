"""pnpm-lock.yaml, lockfileVersion 5 to 9, and the copy that pnpm keeps of what it installed.

A package stands once for each set of peers that it was resolved with: `a@1.0.0(b@2.0.0)`, in
version 5 `/a/1.0.0_b@2.0.0`. Version 9 keeps what is the package's own apart from those.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.node.names import is_git, is_url, split_specifier, valid_name, valid_version
from bom.catalog.node.pin import KINDS, PATCHED, Lines, Lock, Pin, Root, place
from bom.catalog.node.yaml_text import yaml_strings
from bom.catalog.stated import Unreadable, decoded, integrity, strings, table, text
from bom.model import Gap, Property

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KNOWN: Final = ("5", "6", "7", "9")
_LINKS: Final = ("link:", "workspace:")


def read(raw: bytes, location: str) -> Lock:
    """The lock that these bytes are. Raises Unreadable."""
    source = decoded(raw)
    document = yaml_strings(source)
    version = text(document.get("lockfileVersion"))
    if version.partition(".")[0] not in _KNOWN:
        raise Unreadable(f"has format version {version[:20]!r}, 5 to 9 are known")
    return _Reading(location, document, version.startswith("5")).lock(Lines(source, "", ":"))


class _Reading:
    def __init__(self, location: str, document: Mapping[str, Any], slashes: bool) -> None:
        self._location = location
        self._slashes = slashes
        self._own = table(document.get("packages"))
        # Where there are no snapshots, each package states its edges itself.
        self._snapshots = table(document.get("snapshots")) or self._own
        importers = table(document.get("importers"))
        self._importers = importers or {".": document}
        self._gaps: set[Gap] = set()

    def lock(self, lines: Lines) -> Lock:
        places = {key: lines.next(_quoted(key)) for key in self._own}
        pins = {}
        for key, value in self._snapshots.items():
            made = self._pin(text(key), table(value), places)
            if made is None:
                why = "the entry has no valid name"
                self._gaps.add(Gap("dependency.name", self._location, why))
            else:
                pins[key] = made
        members = {posixpath.normpath(text(folder)) for folder in self._importers}
        roots = {
            root
            for folder, importer in self._importers.items()
            for root in self._roots(posixpath.normpath(text(folder)), table(importer), members)
        }
        return Lock(
            self._location,
            pins,
            tuple(sorted(roots)),
            frozenset(members - {"."}),
            tuple(sorted(self._gaps)),
        )

    def _roots(self, folder: str, importer: Mapping[str, Any], members: set[str]) -> Iterator[Root]:
        for kind in KINDS:
            for name, value in table(importer.get(kind)).items():
                version = text(value) or text(table(value).get("version"))
                if version.startswith(_LINKS):
                    target = posixpath.normpath(f"{folder}/{version.partition(':')[2]}")
                    if target not in members:
                        why = (
                            f"{self._location} links it from a folder: no published file is stated"
                        )
                        shown = valid_name(text(name)) or "a package"
                        self._gaps.add(Gap("dependency.source", shown, why))
                elif key := self._key(text(name), version):
                    yield Root(key, kind == "devDependencies", kind == "optionalDependencies")
                else:
                    shown = valid_name(text(name)) or "a package"
                    why = f"{self._location} does not list it"
                    self._gaps.add(Gap("dependency.lock", shown, why))

    def _key(self, name: str, version: str) -> str:
        for key in (f"{name}@{version}", f"/{name}@{version}", f"/{name}/{version}", version):
            if key in self._snapshots:
                return key
        return ""

    def _pin(self, key: str, snapshot: Mapping[str, Any], places: Mapping[str, int]) -> Pin | None:
        base = key if key in self._own else key.partition("(")[0]
        own = table(self._own.get(base))
        name, version = self._named(base)
        name = valid_name(text(own.get("name"))) or name
        if not name:
            return None
        resolution = table(own.get("resolution"))
        resolved, source = _place(resolution, name, version)
        hard = self._targets(snapshot, "dependencies")
        soft = self._targets(snapshot, "optionalDependencies")
        patched = "patch_hash=" in key or text(snapshot.get("patched")) == "true"
        return Pin(
            name,
            valid_version(text(own.get("version"))) or valid_version(version),
            places.get(base, 0),
            source,  # type: ignore[arg-type]
            resolved,
            integrity(text(resolution.get("integrity"))),
            limited=any(strings(own.get(field)) for field in ("os", "cpu", "libc")),
            requires=tuple(sorted(hard - soft)),
            may_require=tuple(sorted(soft)),
            properties=(Property(PATCHED, "true"),) if patched else (),
        )

    def _targets(self, snapshot: Mapping[str, Any], section: str) -> set[str]:
        wanted = table(snapshot.get(section))
        return {
            key for name, version in wanted.items() if (key := self._key(text(name), text(version)))
        }

    def _named(self, base: str) -> tuple[str, str]:
        """Name and version (or place) that a key spells."""
        base = base.partition("(")[0]
        if not self._slashes:
            return split_specifier(base.removeprefix("/"))
        parts = base.split("/")[1:]  # in front of the first slash: another registry's host
        if not parts:
            return "", ""
        scoped = parts[0].startswith("@")
        name = "/".join(parts[: 1 + scoped])
        version = parts[1 + scoped].partition("_")[0] if len(parts) > 1 + scoped else ""
        return valid_name(name), version


def _place(resolution: Mapping[str, Any], name: str, version: str) -> tuple[str, str]:
    """What a resolution (or, without one, the version) points to, and which kind of place."""
    if text(resolution.get("type")) == "git":
        repository = text(resolution.get("repo"))
        return f"{repository}#{text(resolution.get('commit'))}", "git"
    if text(resolution.get("type")) == "directory" or version.startswith("file:"):
        return text(resolution.get("directory")), "path"
    tarball = text(resolution.get("tarball"))
    if not tarball and (is_url(version) or is_git(version)):
        tarball = version
    if tarball.startswith("file:"):
        return tarball, "path"
    return tarball, place(tarball, name, is_url(version) or not valid_version(version))


def _quoted(key: str) -> str:
    return f"'{key}'" if key.startswith("@") else key
