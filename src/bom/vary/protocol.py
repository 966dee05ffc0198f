"""What varies between two builds: a factor changes the circumstances, and its probe says what a
program in that place sees of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class NotVaried(Exception):
    """A factor can't be changed here. The message is the reason, the same on every such machine."""


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Where and how a build runs.

    `parent`: the folder that the source is put into. `name`: of the source's own folder there.
    `checkout_umask`: under which its files are written. `reverse`: whether the entries of its
    folders are made in reverse. `prefix`: words before every command.
    """

    parent: Path
    name: str
    environment: Mapping[str, str]
    checkout_umask: int = 0o022
    reverse: bool = False
    prefix: tuple[str, ...] = ()

    @property
    def source(self) -> Path:
        """The top of the source."""
        return self.parent / self.name


@dataclass(frozen=True, slots=True)
class Place:
    """A source that is there, and how commands run in it: what a probe looks at.

    `files`: paths of files that the source has in every clone, relative to its top, sorted.
    """

    source: Path
    environment: Mapping[str, str]
    prefix: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """What a factor has to work with. `scratch`: a private folder on the disk that is removed
    afterwards. `first`: where the first build ran."""

    scratch: Path
    first: Place


class Factor(Protocol):
    """One thing that may differ between two machines, two users or two hours.

    `fixed`: whether `bom build` sets it itself, so that it can't differ (but for `--as-is`).
    `invasive`: whether a command may fail under it for reasons of its own (it loses privileges,
    a certificate has not begun yet), so that it is left out where the build fails with it.
    """

    name: str
    fixed: bool
    invasive: bool

    def apply(self, circumstance: Circumstance, host: Host) -> Circumstance:
        """The circumstances with this changed. Raises NotVaried."""

    def seen(self, place: Place) -> str:
        """What is seen of it in this place; equal texts: it doesn't differ."""


@dataclass(frozen=True, slots=True)
class Varied:
    """What was made of all factors. `applied`: those that are changed, not yet known to be seen.
    `fixed`: names of what `bom` sets. `kept`: name and reason of those that can't be changed."""

    circumstance: Circumstance
    applied: tuple[Factor, ...] = ()
    fixed: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = field(default=())
