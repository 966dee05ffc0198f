"""Debian and Ubuntu: dpkg's ordering (deb-version(7), Debian Policy 5.6.12)."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Final

_FORM: Final = re.compile(r"(?:([0-9]+):)?([0-9A-Za-z.+~:-]*?)(?:-([0-9A-Za-z.+~]*))?")
_PARTS: Final = re.compile(r"([^0-9]*)([0-9]*)")


@total_ordering
class _Text:
    """An upstream version or a revision: parts without digits and numbers take turns."""

    __slots__ = ("parts",)

    def __init__(self, text: str) -> None:
        self.parts = tuple(
            ((*map(_weight, word), 0), int(number or 0))
            for word, number in _PARTS.findall(text)
            if word or number
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text) and not (self < other or other < self)

    def __lt__(self, other: _Text) -> bool:
        mine, theirs = self.parts, other.parts
        length = max(len(mine), len(theirs))
        return _padded(mine, length) < _padded(theirs, length)

    def __hash__(self) -> int:
        raise TypeError("versions that are written in two ways may be equal")


_Part = tuple[tuple[int, ...], int]
_NOTHING: Final[_Part] = ((0,), 0)


def _padded(parts: tuple[_Part, ...], length: int) -> tuple[_Part, ...]:
    return parts + (_NOTHING,) * (length - len(parts))


def _weight(char: str) -> int:
    """A tilde before the end (0), letters after it, all else after the letters."""
    if char == "~":
        return -1
    return ord(char) if char.isalpha() else ord(char) + 256


def key(text: str) -> tuple[int, _Text, _Text]:
    """A version's place: epoch, upstream version, revision. Raises ValueError."""
    text = text.strip()
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    if not upstream or (dash and not revision) or not epoch.isdigit() or not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is no version of a Debian package")
    return (int(epoch), _Text(upstream), _Text(revision))
