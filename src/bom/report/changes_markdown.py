"""What changed between two BOMs, as Markdown: for release notes and comments on pull requests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.report.change import sections
from bom.report.changes_text import UNBUILT, totals
from bom.report.markdown import NOTHING, Block, code, folded, items, page, row, table
from bom.report.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.difference import Comparison
    from bom.report.change import Changes, Line

_DIGITS: Final = 24  # of a digest that both sides have
_OPEN: Final = 30  # rows of a table that stands open
_SIGNS: Final = {"upgrade": "upgrade", "downgrade": "**downgrade**", "other": "other"}
_FOLDED: Final = frozenset({"built with", "settings", "gaps"})


def changes_markdown(
    names: tuple[str, str],
    found: Changes | None,
    comparison: Comparison | None = None,
    max_size: int | None = None,
) -> str:
    """GitHub's Markdown, ending in a newline, of at most `max_size` characters. `found`: None where
    a side has no BOM; `comparison`: of the bytes, where they were compared."""
    return page(list(_blocks(names, found, comparison)), max_size)


def _blocks(
    names: tuple[str, str], found: Changes | None, comparison: Comparison | None
) -> Iterator[Block]:
    told = [f"### What changed from {code(names[0])} to {code(names[1])}", ""]
    if found is None:
        told.append("Nothing is known of what they hold: there is no BOM, and none can be made.")
    elif found.any:
        told.append(f"{_emphatic(totals(found))}.")
    else:
        told.append("Nothing that the BOMs say changed.")
    if comparison is not None:
        told += ["", _bytes(comparison)]
    yield Block(tuple(told))
    if found is not None:
        yield from _changed(found)


def _changed(found: Changes) -> Iterator[Block]:
    if found.swapped:
        rows = [
            row(
                f"**{code(item.what)}**",
                code(item.version),
                code(item.of),
                _pair(item.one, item.two),
            )
            for item in found.swapped
        ]
        titles = ("what", "version", "of", "digest")
        yield table("⚠ Same version, other bytes", titles, rows)
    if found.moved:
        rows = [
            row(code(item.what), code(item.one), code(item.two), _SIGNS[item.direction])
            for item in found.moved
        ]
        titles = ("component", "from", "to", "")
        yield _long("Changed", table("", titles, rows))
    for title, held in (("Added", found.added), ("Removed", found.removed)):
        if held:
            rows = [
                row(
                    code(item.what),
                    code(item.version),
                    " ".join(code(text, 80) for text in item.licences[:5]) or NOTHING,
                )
                for item in held
            ]
            yield _long(title, table("", ("component", "version", "licence"), rows))
    for title, lines in sections(found):
        if lines:
            yield _section(title, lines)
    if not found.compared:
        yield Block((f"{UNBUILT.capitalize()}.",))


def _section(title: str, lines: Sequence[Line]) -> Block:
    shown = title.capitalize()
    if title in ("gaps", "findings"):
        block = items(
            "",
            (f"{'new' if line.one is None else 'gone'}: {code(line.name, 300)}" for line in lines),
        )
    else:
        rows = (
            row(code(line.name), _value(line, line.one), _value(line, line.two)) for line in lines
        )
        block = table("", ("", "from", "to"), rows)
    if title in _FOLDED:
        return folded(f"{shown} ({len(lines):,})", block)
    return _long(shown, block)


def _long(title: str, block: Block) -> Block:
    """Open below its heading, or folded where it is long."""
    if len(block.rows) > _OPEN:
        return folded(f"{title} ({len(block.rows):,})", block)
    return Block(
        (f"#### {title} ({len(block.rows):,})", "", *block.head), block.rows, table=block.table
    )


def _pair(one: str, two: str) -> str:
    return f"{code(one[:_DIGITS])} is now {code(two[:_DIGITS])}"


def _value(line: Line, text: str | None) -> str:
    if text is None:
        return "none"
    if line.name == "size" and text.isdigit() and text.isascii():
        return size_text(int(text))
    return code(text)


def _bytes(comparison: Comparison) -> str:
    """One line: the verdict, and how many differences have which cause."""
    if comparison.verdict == "same":
        return "The bytes are the same."
    causes = Counter(item.cause for item in comparison.differences)
    listed = ", ".join(f"{count:,} {cause}" for cause, count in causes.most_common())
    after = " after normalising" if comparison.verdict == "normalised" else ""
    verdict = "the same" if comparison.verdict == "normalised" else "**different**"
    return f"The bytes are {verdict}{after}: {listed}."


def _emphatic(text: str) -> str:
    """`totals` with its capitals as emphasis."""
    for loud, shown in (
        ("DOWNGRADED", "**downgraded**"),
        ("OTHER BYTES", "**other bytes**"),
    ):
        text = text.replace(loud, shown)
    return text.replace("->", "to")
