"""What the causes are judged by: one place where two contents differ, and what is known of the
two builds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.compare.protocol import Cause, Circumstances, Leaf

# What a piece of text is by its shape, or by what is known of the build.
Kind = Literal[
    "folder", "home", "host", "user",  # known values
    "time", "uuid", "path", "access", "locale", "number", "word", "space", "mark",  # shapes
    "several",  # more than one token
    "permuted",  # the same elements in another order; `elements` holds them
    "only",  # there is nothing at this place in the other one
    "bytes",  # not text; one character a byte
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Spot:
    """One place where the two contents differ.

    `before`, `after`: what stands around it in the same line or string, as in the first one.
    `elements`: for what is permuted, the elements in the order of either.
    """

    one: Token
    two: Token
    before: str = ""
    after: str = ""
    elements: tuple[tuple[str, ...], tuple[str, ...]] = field(default=((), ()))

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        return self.one.kind, self.two.kind


@dataclass(frozen=True, slots=True)
class Judgement:
    """The cause of one spot. `evidence` doesn't name the file."""

    cause: Cause
    evidence: str
    remedy: str
    candidates: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """Said instead of a spot: there are more differences than were looked at."""

    what: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The leaf in which a spot is, and what is known of the two builds."""

    leaf: Leaf
    known: tuple[Circumstances, Circumstances]

    @property
    def in_a_section(self) -> bool:
        """Whether the leaf is a section of a program: `lib/x.so > .debug_str`."""
        last = self.leaf.path.rpartition(" > ")[2]
        return last.startswith(".") and last != self.leaf.name.rpartition("/")[2]


if TYPE_CHECKING:
    # None: this family of causes has nothing to say about the spot.
    Judge = Callable[[Spot, Scene], Judgement | None]
