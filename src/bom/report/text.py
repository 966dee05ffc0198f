"""Foreign words made harmless for a terminal and a log.

Names in a BOM come from strangers. One may hold terminal commands (ESC]0;...), turn the reading
direction round, start a line of its own, or be a command to the CI system that shows the log.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

# GitHub's runner takes `::command::` at a line's start, blanks before it or not; `##[command]`
# and its relatives (`##vso[`, `##teamcity[`) anywhere in a line.
_LEADING_COLONS: Final = re.compile(r"(\s*):(?=:)")
_MARKS: Final = 4  # on one character; no language writes more
_HASHES: Final = re.compile(r"##(?=\w*\[)")


def inert(text: str) -> str:
    r"""`text` on one line, of printable characters only; others stand as \xNN, \uNNNN.

    Not printable (Unicode categories C* and Z*, the plain space aside) are all controls, line
    ends, directional overrides, invisible and unassigned characters. Of marks that are put onto
    one another the first few stay: a pile of them covers the lines around. Doing it twice changes
    nothing more.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    if not text.isascii():
        text = _without_piles(text)
    text = _HASHES.sub(r"#\\x23", text)
    leading = _LEADING_COLONS.match(text)
    return f"{leading[1]}\\x3a{text[leading.end() :]}" if leading else text


def inert_json(text: str) -> str:
    r"""JSON `text` of the same value, in which what `inert` takes out stands as \uNNNN.

    JSON itself allows C1 controls, directional overrides and halves of surrogate pairs as they
    are. Line ends stay: between values they are layout, and inside of one they can't stand.
    """
    lines = text.split("\n")
    if not all(map(str.isprintable, lines)):
        lines = [
            "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)
            for line in lines
        ]
    return _HASHES.sub(r"#\\u0023", "\n".join(lines))


def json_lines(value: object) -> str:
    """`value` as inert JSON for people and scripts, indented, without a newline at its end."""
    return inert_json(json.dumps(value, indent=2, ensure_ascii=False))


def size_text(size: int) -> str:
    """Bytes as a person reads them, in powers of 1000: `999 B`, `1.2 kB`, `3.4 GB`."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"


def share_text(part: int, whole: int) -> str:
    """A percentage that says 100 only where it is all, 0 only where it is nothing."""
    if part == whole:
        return "100 %"
    tenths = min(max(round(1000 * part / whole), 1 if part else 0), 999)
    return f"{tenths / 10:.1f} %"


def _without_piles(text: str) -> str:
    found: list[str] = []
    pile = 0
    for char in text:
        pile = pile + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        found.append(char if pile <= _MARKS else _escaped(char))
    return "".join(found)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
