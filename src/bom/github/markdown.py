"""A page of Markdown within a limit, out of words that come from strangers.

Every foreign word stands in a code span: there GitHub makes no links, mentions, references, images
or formulas out of it, and no HTML. Out of such a span leads only a backtick, out of a table's cell
a `|`; both stand as `\\xNN`, as unprintable characters do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST: Final = 200  # characters of a word
_ACTIVE: Final = str.maketrans({"`": "\\x60", "|": "\\x7c"})


def word(text: str, longest: int = _LONGEST) -> str:
    """A foreign word as a code span; "" stays so."""
    shown = inert(text).translate(_ACTIVE)
    if len(shown) > longest:
        shown = shown[: longest - 1] + "…"
    if not shown.strip():
        return ""
    return f"`{shown}`"


def link(text: str, url: str) -> str:
    """A link of our own making; both are ours."""
    return f"[{text}]({url})"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and lines below it. Of `rows` some may be left out, and are then counted; `head`
    stays. `folded`: shown only when it is opened."""

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    folded: bool = False

    def about(self, name: str) -> Section:
        """With the name of what it is about. A folded section's title is HTML, any other
        Markdown."""
        shown = f"<code>{escape(inert(name)[:_LONGEST])}</code>" if self.folded else word(name)
        return replace(self, title=f"{self.title} ({shown})")


def table(columns: Sequence[str]) -> tuple[str, str]:
    """The two lines that a table begins with."""
    return f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def page(sections: Iterable[Section], limit: int) -> str:
    """The sections in order, in at most `limit` bytes of UTF-8 (and so of characters).

    What no longer fits is counted, so that a shorter page never looks like a whole one.
    """
    written: list[str] = []
    left = limit - _size(_left_out(10**9))
    missing = 0
    for section in sections:
        text = _written(section, left) if not missing else ""
        if not text:
            missing += 1
            continue
        written.append(text)
        left -= _size(text)
    if missing:
        written.append(_left_out(missing))
    return "".join(written)


def _written(section: Section, room: int) -> str:
    """As many rows as there is room for; "" where not even the head fits."""
    opening, closing = "", "\n"
    if section.folded:
        opening = f"<details><summary>{section.title}</summary>\n\n"
        closing = "\n</details>\n\n"
    elif section.title:
        opening = f"### {section.title}\n\n"
    head = opening + "".join(f"{line}\n" for line in section.head)
    more = f"\n… and {len(section.rows)} more lines\n"
    room -= _size(head) + _size(closing) + _size(more)
    if room < 0:
        return ""
    rows: list[str] = []
    for line in section.rows:
        room -= _size(line) + 1
        if room < 0:
            break
        rows.append(f"{line}\n")
    cut = len(section.rows) - len(rows)
    end = f"\n… and {cut} more lines\n" if cut else ""
    return head + "".join(rows) + end + closing


def _left_out(count: int) -> str:
    return f"\n… {count} more sections have no room here\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))
