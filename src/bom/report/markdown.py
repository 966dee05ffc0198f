"""Markdown that stays what it was written as, whatever the words in it say.

Every foreign word is a code span (CommonMark 0.31 6.1): in one there are no links, images, tags,
entities, and those who render it (GitHub, GitLab) look there for no mentions, references and
addresses either. A backtick would end it, and a pipe a table's cell (GFM 0.29 4.10): both stand as
`inert` writes what is not printable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COMMENT_LIMIT: Final = 65_536  # characters of a comment on GitHub
NOTHING: Final = "–"
_WORD: Final = 200  # characters of a foreign word


def code(foreign: str, limit: int = _WORD) -> str:
    """A foreign word, cut after `limit` characters; a dash where it is empty."""
    shown = inert(foreign[: limit + 1])
    if len(shown) > limit:
        shown = f"{shown[: limit - 1]}…"
    shown = shown.replace("`", "\\x60").replace("|", "\\x7c")
    return f"`{shown}`" if shown else NOTHING


def row(*cells: str) -> str:
    """A row of a table. What is foreign in a cell is `code` already."""
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page. Lines; of `rows` those at the end may be left out where room is short, and
    are then counted. `table`: they are rows of a table, else of a list."""

    head: tuple[str, ...]
    rows: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    table: bool = True

    def lines(self, most: int) -> list[str]:
        left = len(self.rows) - most
        kept = list(self.rows[:most])
        if left > 0:
            told = f"… and {left:,} more"
            kept.append(row(told) if self.table else f"- {told}")
        return [*self.head, *kept, *self.foot, ""]


def table(title: str, titles: Sequence[str], rows: Iterable[str]) -> Block:
    """A table below a heading ("": none)."""
    above = (f"#### {title}", "") if title else ()
    return Block((*above, row(*titles), f"|{'---|' * len(titles)}"), tuple(rows))


def items(title: str, texts: Iterable[str]) -> Block:
    """A list below a heading ("": none)."""
    above = (f"#### {title}", "") if title else ()
    return Block(above, tuple(f"- {text}" for text in texts), table=False)


def folded(summary: str, block: Block) -> Block:
    """The block, closed until it is asked for. `summary` is our own words."""
    head = ("<details>", f"<summary>{summary}</summary>", "", *block.head)
    return replace(block, head=head, foot=(*block.foot, "", "</details>"))


def page(blocks: Sequence[Block], max_size: int | None = None) -> str:
    """The page, ending in a newline, of at most `max_size` characters: long lists are cut first,
    then blocks at the end are left out, and that is said."""
    longest = max((len(block.rows) for block in blocks), default=0)
    whole = _joined(blocks, longest)
    if max_size is None or len(whole) <= max_size:
        return whole
    low, high = 0, longest  # the most rows of each list with which it fits
    while low < high:
        middle = (low + high + 1) // 2
        if len(_joined(blocks, middle)) <= max_size:
            low = middle
        else:
            high = middle - 1
    for count in range(len(blocks), 0, -1):
        kept = blocks[:count]
        if count < len(blocks):
            kept = [*kept, Block((f"… {len(blocks) - count} more sections are left out.",))]
        text = _joined(kept, low)
        if len(text) <= max_size:
            return text
    return "The report is left out: it is too long.\n"[:max_size]


def _joined(blocks: Sequence[Block], most: int) -> str:
    lines = [line for block in blocks for line in block.lines(most)]
    return "\n".join(lines).rstrip("\n") + "\n"
