"""Alpine, Wolfi and relatives: apk's ordering (apk-package(5), "Package version").

`NUMBER{.NUMBER}…{LETTER}{_SUFFIX{NUMBER}}…{~COMMIT}{-rREVISION}`
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Final

_FORM: Final = re.compile(
    r"([0-9]+(?:\.[0-9]+)*)([a-z]?)"
    r"((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(~[0-9a-f]+)?(?:-r([0-9]+))?"
)
_SUFFIX: Final = re.compile(r"_([a-z]+)([0-9]*)")
# 4 is no suffix at all
_RANKS: Final = {
    "alpha": 0,
    "beta": 1,
    "pre": 2,
    "rc": 3,
    "cvs": 5,
    "svn": 6,
    "git": 7,
    "hg": 8,
    "p": 9,
}
_NO_SUFFIX: Final = (4, 0)


@total_ordering
class _Number:
    """One after the first dot: where either begins with a zero they are compared as text, as a
    fraction's digits are."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Number) and not (self < other or other < self)

    def __lt__(self, other: _Number) -> bool:
        if self.text.startswith("0") or other.text.startswith("0"):
            return self.text < other.text
        return int(self.text) < int(other.text)

    def __hash__(self) -> int:
        raise TypeError("numbers that are written in two ways may be equal")


def key(text: str) -> tuple[object, ...]:
    """A version's place. Raises ValueError."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no version of an apk package")
    first, *others = found[1].split(".")
    suffixes = [(_RANKS[word], int(number or 0)) for word, number in _SUFFIX.findall(found[3])]
    return (
        int(first),
        [_Number(part) for part in others],
        found[2],
        [*suffixes, _NO_SUFFIX],
        found[4] or "",
        int(found[5] or 0),
    )
