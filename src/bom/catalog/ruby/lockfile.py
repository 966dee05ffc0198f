"""Gemfile.lock, as Bundler writes it (`Bundler::LockfileParser`): sections at the margin, gems
indented by four spaces, what they need by six."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.ruby.names import valid_name, valid_platform, valid_version
from bom.catalog.stated import Unreadable, decoded, stated_hash

if TYPE_CHECKING:
    from bom.model import Hash

SOURCES: Final = frozenset(["GEM", "GIT", "PATH", "PLUGIN SOURCE"])
_SECTIONS: Final = SOURCES | {
    *("PLATFORMS", "DEPENDENCIES", "CHECKSUMS", "RUBY VERSION", "BUNDLED WITH")
}
# `name (1.2.3-x86_64-linux)!`: a version never holds a hyphen, a platform may.
_ENTRY: Final = re.compile(
    r"(?P<name>[^\s(!]+)(?: \((?P<version>[^()-]*)(?:-(?P<platform>[^()]*))?\))?"
    r"(?P<pinned>!)?(?: (?P<rest>\S.*))?\Z"
)
_CONFLICT: Final = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_PACKAGES_LIMIT: Final = 200_000


@dataclass(slots=True)
class Source:
    """One GEM, GIT, PATH or PLUGIN SOURCE section."""

    kind: str
    remotes: list[str] = field(default_factory=list)
    revision: str = ""


@dataclass(slots=True)
class Locked:
    """One version of a gem in one source. `variants`: its platforms, "" for any, each with the
    line (from 1) on which it stands. `requires`: names."""

    name: str
    version: str
    source: Source
    variants: dict[str, int] = field(default_factory=dict)
    requires: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Lock:
    """What a lock says. `direct`: names under DEPENDENCIES. `checksums`: by name, version and
    platform. `broken`: lines that are none of Bundler's."""

    gems: list[Locked] = field(default_factory=list)
    direct: dict[str, int] = field(default_factory=dict)
    checksums: dict[tuple[str, str, str], tuple[Hash, ...]] = field(default_factory=dict)
    broken: int = 0


def read(raw: bytes) -> Lock:
    """The lock in the bytes. Raises Unreadable."""
    reading = _Reading()
    lines = decoded(raw).replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        reading.take(line, number)
    if not reading.sections:
        raise Unreadable("has none of a lock's sections")
    return reading.lock


class _Reading:
    """One lock, line by line."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.sections = 0
        self._section = ""
        self._source: Source | None = None
        self._gem: Locked | None = None
        self._known: dict[tuple[str, str, int], Locked] = {}

    def take(self, line: str, number: int) -> None:
        if line.startswith(_CONFLICT):
            raise Unreadable("holds the marks of a merge conflict")
        bare = line.strip()
        if not bare:
            return
        if not line.startswith(" "):
            self._begin(bare)
        elif self._section in SOURCES:
            self._sourced(line, bare, number)
        elif self._section == "DEPENDENCIES":
            found = _ENTRY.match(bare)
            if found and valid_name(found["name"]):
                self.lock.direct.setdefault(found["name"], number)
            else:
                self.lock.broken += 1
        elif self._section == "CHECKSUMS":
            self._checksum(bare)

    def _begin(self, name: str) -> None:
        self._section, self._source, self._gem = name, None, None
        if name in _SECTIONS:
            self.sections += 1
        if name in SOURCES:
            self._source = Source(name)

    def _sourced(self, line: str, bare: str, number: int) -> None:
        source = self._source
        depth = len(line) - len(line.lstrip(" "))
        if source is None:
            return
        if depth == 2:
            key, _, value = bare.partition(": ")
            if key == "remote":
                source.remotes.append(value.strip())
            elif key == "revision":
                source.revision = value.strip()
            return
        found = _ENTRY.match(bare)
        name = valid_name(found["name"]) if found else ""
        if found is None or not name:
            self.lock.broken += 1
        elif depth == 4:
            self._pin(name, found["version"] or "", found["platform"] or "", number)
        elif depth == 6 and self._gem is not None:
            self._gem.requires.add(name)

    def _pin(self, name: str, version: str, platform: str, number: int) -> None:
        self._gem = None
        if not valid_version(version) or self._source is None:
            self.lock.broken += 1
            return
        key = (name, version, id(self._source))
        gem = self._known.get(key)
        if gem is None:
            if len(self.lock.gems) >= _PACKAGES_LIMIT:
                raise Unreadable(f"states more than {_PACKAGES_LIMIT} gems")
            gem = self._known[key] = Locked(name, version, self._source)
            self.lock.gems.append(gem)
        gem.variants.setdefault(valid_platform(platform), number)
        self._gem = gem

    def _checksum(self, bare: str) -> None:
        """`name (1.2.3-platform) sha256=HEX[,ALGORITHM=HEX]`, of Bundler 2.5 and later."""
        found = _ENTRY.match(bare)
        if found is None or not found["rest"] or not valid_name(found["name"]):
            return  # a gem without a checksum is listed as well
        hashes = {stated_hash(item) for item in found["rest"].split(",")[:10]}
        key = (found["name"], found["version"] or "", valid_platform(found["platform"] or ""))
        self.lock.checksums[key] = tuple(sorted(item for item in hashes if item))
