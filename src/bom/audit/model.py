"""What an audit speaks in: packages that are looked up, advisories, what was found and what was
not looked at. Frozen values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

EventKind = Literal["introduced", "fixed", "last_affected", "limit"]


class Level(IntEnum):
    """How severe: CVSS v3.1's qualitative scale (section 5). UNKNOWN: nothing states it."""

    UNKNOWN = 0
    NONE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Rating:
    """A severity as stated. `score`: CVSS base score, -1 where there is none."""

    level: Level = Level.UNKNOWN
    score: float = -1.0
    vector: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Lookup:
    """By what a package is found in advisories: OSV's ecosystem without what stands behind its
    colon, the release in our own words ("" where the ecosystem has none), name and version."""

    ecosystem: str
    release: str
    name: str
    version: str

    @property
    def place(self) -> str:
        """The ecosystem as a person reads it."""
        return f"{self.ecosystem} {self.release}".strip()


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package of the artifact, each purl once; `refs`: its components' bom-refs. `own`: it is the
    artifact itself."""

    purl: str
    name: str
    version: str
    refs: tuple[str, ...]
    lookups: tuple[Lookup, ...] = ()
    own: bool = False

    @property
    def shown(self) -> str:
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True, order=True)
class Unaudited:
    """Something that was not audited, and why. Sorts by reason: the same ones are told together."""

    reason: str
    what: str


@dataclass(frozen=True, slots=True)
class Range:
    """A range of an advisory: events in the order in which they stand, (kind, version)."""

    kind: str  # SEMVER, ECOSYSTEM or GIT
    events: tuple[tuple[EventKind, str], ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """What an advisory says of one package. `ecosystem` is OSV's, whole (`Debian:12`)."""

    ecosystem: str
    name: str
    versions: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    rating: Rating = Rating()


@dataclass(frozen=True, slots=True)
class Advisory:
    """One entry of an OSV export. Times are RFC 3339 in UTC, as stated."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    published: str = ""
    modified: str = ""
    rating: Rating = Rating()
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One source says that a package is vulnerable."""

    package: Package
    ids: tuple[str, ...]  # the advisory's own one first
    fixed: tuple[str, ...] = ()
    rating: Rating = Rating()
    summary: str = ""
    published: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A finding that is known and accepted up to and including the day `until` (UTC)."""

    id: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One finding: what advisories with common IDs say of one package."""

    id: str
    aliases: tuple[str, ...]
    package: Package
    rating: Rating
    fixed: tuple[str, ...] = ()
    summary: str = ""
    published: str = ""
    modified: str = ""
    ignored: Ignore | None = None

    @property
    def ids(self) -> frozenset[str]:
        return frozenset((self.id, *self.aliases))


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """Which advisories were held against the artifact. `sha256` is over `SHA-256  PATH` lines of a
    folder's files, or of the .zip; `newest`: the latest time at which one of them was changed."""

    name: str
    sha256: str
    advisories: int
    newest: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole result. `seal`: how far the artifact was verified, one line. `serial`, `version`:
    of the BOM that was audited. `audited`: how many packages were held against advisories.
    `notes`: what is good to know, a line each."""

    artifact: str
    verified_by: str
    seal: str
    serial: str
    version: int
    audited: int
    vulnerabilities: tuple[Vulnerability, ...]
    unaudited: tuple[Unaudited, ...]
    snapshot: SnapshotFacts | None = None
    service: str = ""
    notes: tuple[str, ...] = field(default=())

    def failing(self, fail_on: Level) -> tuple[Vulnerability, ...]:
        """Those that count: not ignored, and at least that severe. One of unknown severity may be
        as severe as any."""
        return tuple(
            item
            for item in self.vulnerabilities
            if item.ignored is None
            and (item.rating.level >= fail_on or item.rating.level is Level.UNKNOWN)
        )
