"""Drawing a tree of lines, of any size, on a page of limited size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHILDREN: Final = 40  # shown under one branch
WORD: Final = 160  # characters of a foreign word


@dataclass(frozen=True, slots=True)
class Branch:
    """A line and what hangs below it. `text` is one line and inert already."""

    text: str
    children: tuple[Branch, ...] = ()


def word(value: object, limit: int = WORD) -> str:
    """A foreign value as one inert word; "" for what is no text, cut after `limit`."""
    if not isinstance(value, str):
        return ""
    shown = inert(value[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def leaves(texts: Sequence[str]) -> tuple[Branch, ...]:
    """A branch for each text that is not empty."""
    return tuple(Branch(text) for text in texts if text)


def limited(branches: Sequence[Branch], total: int | None = None) -> tuple[Branch, ...]:
    """The first ones, and a line that counts the rest."""
    kept = tuple(branches[:CHILDREN])
    rest = (len(branches) if total is None else total) - len(kept)
    return (*kept, Branch(f"… and {rest} more")) if rest > 0 else kept


def drawn(top: Branch) -> str:
    """The tree's lines, each ending in a newline."""
    return "".join(f"{line}\n" for line in (top.text, *_below(top, "")))


def _below(branch: Branch, indent: str) -> Iterator[str]:
    for number, child in enumerate(branch.children, 1):
        last = number == len(branch.children)
        yield f"{indent}{'└─' if last else '├─'} {child.text}".rstrip()
        yield from _below(child, indent + ("   " if last else "│  "))
