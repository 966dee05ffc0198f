"""Colour and width of text for a terminal.

A text carries its tones as control characters that no inert word can hold (bom.report.text), so a
stranger's word can neither set nor end one. `painted` turns them into SGR sequences (ECMA-48
8.3.117), `plain` takes them out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Finish = Callable[[str], str]  # `plain` or `painted`

Tone = Literal["good", "bad", "warn", "dim", "strong", "name"]

_ON: Final = "\x0e"
_OFF: Final = "\x0f"
_MARK: Final = re.compile("\x0e[a-z]|\x0f")
_LETTERS: Final[dict[Tone, str]] = {
    "good": "g",
    "bad": "b",
    "warn": "w",
    "dim": "d",
    "strong": "s",
    "name": "n",
}
# The eight colours and weights that every terminal has, in whatever theme.
_SEQUENCES: Final = {
    "g": "\x1b[32m",
    "b": "\x1b[1;31m",
    "w": "\x1b[33m",
    "d": "\x1b[2m",
    "s": "\x1b[1m",
    "n": "\x1b[36m",
}
_RESET: Final = "\x1b[0m"
# What is copied is not cut in two.
_WHOLE: Final = re.compile(r"(?:[a-z0-9]+:)?[0-9a-f]{32,}[,;)]?")


def toned(tone: Tone, text: str) -> str:
    """`text`, which is inert and without tones, in a tone."""
    return f"{_ON}{_LETTERS[tone]}{text}{_OFF}" if text else ""


def plain(text: str) -> str:
    """Without tones."""
    return _MARK.sub("", text)


def painted(text: str) -> str:
    """With tones as a terminal takes them."""
    return _MARK.sub(lambda mark: _SEQUENCES.get(mark[0][1:], _RESET), text)


def columns(text: str) -> int:
    """How many columns a terminal shows `text` in: wide characters take two, combining ones none
    (Unicode Standard Annex 11)."""
    if _ON in text:
        text = plain(text)
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def wrapped(text: str, width: int, first: str = "", further: str = "") -> list[str]:
    """`text` in lines of at most `width` columns, the first of which begins with `first`, the
    others with `further`; 0: one line. Digests stay whole, whatever the width."""
    if not width or columns(first) + columns(text) <= width:
        return [f"{first}{text}".rstrip()]
    room = max(20, width - columns(further))  # what is deeper than the window is wide
    lines: list[str] = []
    line, used, tone = "", 0, ""
    words = list(reversed(list(_pieces(text, room))))
    while words:
        word = words.pop()
        needed = columns(word)
        if used and used + 1 + needed > room:
            lines.append(line + (_OFF if tone else ""))
            line, used = tone, 0
        if lines and not used and (shown := _begun(word)) != word:
            # a line that goes on is no command to the CI system that shows the log (report.text)
            words += reversed(list(_pieces(shown, room)))
            continue
        line += f" {word}" if used else word
        used += needed + (1 if used else 0)
        for mark in _MARK.findall(word):
            tone = "" if mark == _OFF else mark
    lines.append(line)
    return [f"{further if number else first}{line}".rstrip() for number, line in enumerate(lines)]


def _begun(word: str) -> str:
    """A word as it may stand at the beginning of a line."""
    mark = _MARK.match(word)
    at = mark.end() if mark else 0
    return f"{word[:at]}\\x3a{word[at + 1 :]}" if word.startswith("::", at) else word


def padded(text: str, width: int) -> str:
    """`text` with blanks behind it up to `width` columns."""
    return text + " " * max(0, width - columns(text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _pieces(text: str, room: int) -> Iterator[str]:
    """The words; those that are longer than a line are cut, digests aside."""
    for word in text.split(" "):
        if columns(word) <= room or _WHOLE.fullmatch(plain(word)):
            yield word
            continue
        piece, used = "", 0
        for part in re.split("(\x0e[a-z]|\x0f)", word):
            if _MARK.fullmatch(part):
                piece += part
                continue
            for char in part:
                width = _columns(char)
                if used + width > room:
                    yield piece
                    piece, used = "", 0
                piece += char
                used += width
        yield piece
