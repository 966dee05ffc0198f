"""What changed between two BOMs, as plain values: what `bom diff` prints in every format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    # (purl type, one version, another) -> below, equal to or above 0; ValueError: no order
    Order = Callable[[str, str, str], int]

Direction = Literal["upgrade", "downgrade", "other"]


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """A component that only one side has. `what`: its name, for a system's package or an image
    with what tells it apart."""

    what: str
    version: str
    licences: tuple[str, ...] = ()
    ecosystem: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Moved:
    """A component that both have, in two versions."""

    what: str
    one: str
    two: str
    direction: Direction
    ecosystem: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Swapped:
    """The same version with other bytes: of a component, a tool or an image that it was built
    with. `of`: what the digests are of; they are `alg:hex`."""

    what: str
    version: str
    of: str
    one: str
    two: str
    ecosystem: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """What the two say of one thing; None where one doesn't name it."""

    name: str
    one: str | None
    two: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from `one` to `two`, sorted. `compared`: False where only one says how it was
    built; then tools, images, settings, checks and gaps are not compared."""

    added: tuple[Held, ...] = ()
    removed: tuple[Held, ...] = ()
    moved: tuple[Moved, ...] = ()
    swapped: tuple[Swapped, ...] = ()
    licences: tuple[Line, ...] = ()
    artifact: tuple[Line, ...] = ()
    source: tuple[Line, ...] = ()
    images: tuple[Line, ...] = ()
    tools: tuple[Line, ...] = ()
    built_with: tuple[Line, ...] = ()
    settings: tuple[Line, ...] = ()
    checks: tuple[Line, ...] = ()
    gaps: tuple[Line, ...] = ()
    findings: tuple[Line, ...] = ()
    compared: bool = True
    components: tuple[int, int] = (0, 0)

    @property
    def any(self) -> bool:
        """Whether anything changed at all."""
        return bool(
            self.added
            or self.removed
            or self.moved
            or self.swapped
            or any(lines for _, lines in sections(self))
        )


def sections(found: Changes) -> tuple[tuple[str, tuple[Line, ...]], ...]:
    """What is told in lines, in the order in which it is read: (title, lines)."""
    return (
        ("licences", found.licences),
        ("artifact", found.artifact),
        ("source", found.source),
        ("base images and materials", found.images),
        ("tools", found.tools),
        ("built with", found.built_with),
        ("settings", found.settings),
        ("checks", found.checks),
        ("findings", found.findings),
        ("gaps", found.gaps),
    )
