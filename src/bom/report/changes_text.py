"""What changed between two BOMs, on a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.report.branches import word
from bom.report.change import sections
from bom.report.comparison import comparison_text
from bom.report.text import inert, size_text
from bom.report.tones import columns, padded, plain, toned, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bom.difference import Comparison
    from bom.report.change import Changes, Held, Line, Moved, Swapped
    from bom.report.tones import Finish, Tone

_LISTED: Final = 100  # of one section
_NAME: Final = 40  # columns that names are padded to at most
_VALUE: Final = 300  # characters of a value
_SIZES: Final = frozenset({"size"})
_LONG: Final = re.compile(r"(?<![0-9a-f])([0-9a-f]{16})[0-9a-f]{48,}(?![0-9a-f])")  # a digest
_ARROWS: Final = {"upgrade": "↑", "downgrade": "↓", "other": "→"}


def changes_text(
    name: str,
    found: Changes | None,
    comparison: Comparison | None,
    width: int = 0,
    finish: Finish = plain,
) -> str:
    """The report, ending in a newline: what the BOMs say, then where the bytes differ. `found` is
    None where a side has no BOM, `comparison` where bytes were not compared."""
    told = [] if found is None else changes_lines(found, width)
    if comparison is not None:
        return comparison_text(comparison, name, told, width, finish)
    verdict = toned("bad", "different") if found and found.any else toned("good", "same")
    if found is None:
        verdict = toned("warn", "not known")
        told = ["  there is no BOM of one or both, and none can be made of it"]
    return finish("".join(f"{line}\n" for line in (f"{verdict}: {inert(name)}", *told)))


def changes_lines(found: Changes, width: int = 0) -> list[str]:
    """Lines without line ends, with tones, of at most `width` columns (0: of any length). What is
    easily overlooked stands first: the same version with other bytes."""
    lines: list[str] = []
    if found.added or found.removed or found.moved or found.swapped:
        lines += wrapped(totals(found), width, "  ", "  ")
    for title, tone, entries in (
        ("SAME VERSION, OTHER BYTES", "bad", _swapped(found.swapped)),
        ("changed", "strong", _moved(found.moved)),
        ("added", "strong", _held("+", found.added)),
        ("removed", "strong", _held("-", found.removed)),
    ):
        listed = list(entries)
        if listed:
            heading = f"  {toned('bad' if tone == 'bad' else 'strong', title)}"
            lines += ["", f"{heading} ({_count(title, found):,})", *_fitted(listed, width)]
    for title, told in sections(found):
        if told:
            heading = f"  {toned('strong', title)} ({len(told):,})"
            lines += ["", heading, *_fitted(list(_lines(title, told)), width)]
    if not found.compared:
        lines += ["", f"  {toned('dim', UNBUILT)}"]
    return lines


UNBUILT: Final = (
    "not compared: tools, base images, settings, checks and gaps, for one of the two is a scan,"
    " which says nothing of a build"
)


def totals(found: Changes) -> str:
    """Plain words: how many came, went and are others now."""
    ups, downs = (
        sum(1 for item in found.moved if item.direction == direction)
        for direction in ("upgrade", "downgrade")
    )
    told = [
        f"{count:,} {name}"
        for count, name in (
            (len(found.added), "added"),
            (len(found.removed), "removed"),
            (ups, "upgraded"),
            (downs, "DOWNGRADED"),
            (len(found.moved) - ups - downs, "changed"),
        )
        if count
    ]
    one, two = found.components
    same = f"; {len(found.swapped):,} in the same version with OTHER BYTES" if found.swapped else ""
    return f"{one:,} -> {two:,} components: {', '.join(told) or 'no version changed'}{same}"


def _count(title: str, found: Changes) -> int:
    return {
        "SAME VERSION, OTHER BYTES": len(found.swapped),
        "changed": len(found.moved),
        "added": len(found.added),
        "removed": len(found.removed),
    }[title]


def _fitted(entries: Sequence[str], width: int) -> Iterator[str]:
    for entry in entries[:_LISTED]:
        yield from wrapped(entry, width, "    ", "        ")
    if len(entries) > _LISTED:
        yield f"    … and {len(entries) - _LISTED:,} more (--format json lists all)"


def _swapped(found: Iterable[Swapped]) -> Iterator[str]:
    for item in found:
        named = f"{word(item.what)} {word(item.version)}".rstrip()
        of = f" ({word(item.of)})" if item.of != "its bytes" else ""
        yield f"{toned('bad', f'! {named}')}{of}: {_pair(item.one, item.two)}"


def _moved(found: Sequence[Moved]) -> Iterator[str]:
    names = [f"{word(item.what)}" for item in found]
    room = _room(names)
    for name, item in zip(names, found, strict=True):
        arrow = _ARROWS[item.direction]
        told = f"{word(item.one) or 'none'} -> {word(item.two) or 'none'}"
        if item.direction == "downgrade":
            yield f"{toned('warn', arrow)} {padded(name, room)} {told} {toned('warn', 'DOWNGRADE')}"
        else:
            tone: Tone = "good" if item.direction == "upgrade" else "dim"
            yield f"{toned(tone, arrow)} {padded(name, room)} {told}"


def _held(sign: str, found: Sequence[Held]) -> Iterator[str]:
    names = [word(item.what) for item in found]
    room = _room(names)
    for name, item in zip(names, found, strict=True):
        licences = ", ".join(word(text, 40) for text in item.licences[:3])
        version = word(item.version) or toned("warn", "no version")
        told = f" {toned('name', f'({licences})')}" if licences else ""
        mark = toned("good" if sign == "+" else "bad", sign)
        yield f"{mark} {padded(name, room)} {version}{told}"


def _room(names: Iterable[str]) -> int:
    """As wide as the longest name, as far as a line is left for the rest."""
    return min(max(map(columns, names), default=0), _NAME)


def _lines(title: str, found: Sequence[Line]) -> Iterator[str]:
    for item in found:
        if title in ("gaps", "findings"):
            sign = toned("bad" if item.one is None else "good", "+" if item.one is None else "-")
            yield f"{sign} {word(item.name, _VALUE)}"
        elif title == "artifact" and item.name in _SIZES:
            yield f"{word(item.name)}: {_size(item.one)} -> {_size(item.two)}{_by(item)}"
        elif title == "checks" and item.two is not None and not item.two.startswith("passed"):
            outcome, comma, counts = word(item.two, _VALUE).partition(",")
            told = f"{toned('bad', outcome.upper())}{comma}{counts}"
            yield f"{word(item.name)}: {value(item.one)} -> {told}"
        else:
            yield f"{word(item.name)}: {_pair(item.one, item.two)}"


def value(text: str | None) -> str:
    """What one side says; inert."""
    return "none" if text is None else word(text, _VALUE) or "(empty)"


def _pair(one: str | None, two: str | None) -> str:
    """Both values; long digests by their beginning, where that tells them apart."""
    whole = f"{value(one)} -> {value(two)}"
    short = [_LONG.sub(r"\1…", value(text)) for text in (one, two)]
    return " -> ".join(short) if short[0] != short[1] else whole


def _size(text: str | None) -> str:
    return size_text(int(text)) if text is not None and text.isdigit() else "none"


def _by(item: Line) -> str:
    """By how much it grew or shrank."""
    if item.one is None or item.two is None or not int(item.one):
        return ""
    grown = int(item.two) - int(item.one)
    sign = "+" if grown >= 0 else "-"
    return f" ({sign}{size_text(abs(grown))}, {sign}{abs(grown) / int(item.one):.1%})"
