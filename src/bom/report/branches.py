"""Drawing a tree of lines, of any size, on a page of limited size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.report.text import inert
from bom.report.tones import plain, toned, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.report.tones import Finish

CHILDREN: Final = 40  # shown under one branch
WORD: Final = 160  # characters of a foreign word


@dataclass(frozen=True, slots=True)
class Branch:
    """A line and what hangs below it. `text` is one line and inert already; it may have tones."""

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


def drawn(top: Branch, width: int = 0, finish: Finish = plain) -> str:
    """The tree's lines, each ending in a newline; lines longer than `width` columns go on below,
    unless it is 0. A digest that is longer still stays in one piece, to be copied."""
    lines = (*wrapped(top.text, width), *_below(top, "", width))
    return finish("".join(f"{line}\n" for line in lines))


def _below(branch: Branch, indent: str, width: int) -> Iterator[str]:
    for number, child in enumerate(branch.children, 1):
        last = number == len(branch.children)
        inner = indent + ("   " if last else "│  ")
        goes_on = inner + ("│  " if child.children else "   ")
        first = f"{indent}{'└─' if last else '├─'} "
        yield from wrapped(child.text, width, toned("dim", first), toned("dim", goes_on))
        yield from _below(child, inner, width)
