"""What checksums are about: files that a project downloads. Frozen values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IMAGE: Final = "oci"


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """A file that a lock asks for. `file` may be empty (a requirements file states digests alone);
    digests are hex, `own` as the ecosystem writes it, each "" where the lock doesn't state it.
    `place`: the lock; `why`: why it can't have a checksum at all, as the lock's reader says."""

    ecosystem: str
    name: str
    version: str
    file: str = ""
    url: str = ""
    sha256: str = ""
    own: str = ""
    place: str = ""
    why: str = ""

    @property
    def shown(self) -> str:
        named = f"{self.ecosystem} {self.name} {self.version}".strip()
        return f"{named} ({self.file})" if self.file else named


@dataclass(frozen=True, slots=True, order=True)
class Lacking:
    """A package that has no checksum, and why. Sorts by reason."""

    reason: str
    what: str


@dataclass(frozen=True, slots=True)
class Project:
    """What the locks of a project ask for: files, images (name, `sha256:HEX`), commits (name, hex);
    and what they leave open."""

    files: tuple[Wanted, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    commits: tuple[tuple[str, str], ...] = ()
    lacking: tuple[Lacking, ...] = ()


@dataclass(frozen=True, slots=True)
class Digests:
    """Of one file's content: hex, and `own` as the ecosystem writes it."""

    sha256: str
    sha1: str
    sha512: str
    own: str = ""
