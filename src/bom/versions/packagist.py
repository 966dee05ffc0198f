"""Packagist: Composer's ordering. A version is brought into Composer's normal form (four numbers,
then its stability), and then compared as PHP's version_compare does."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final, Self

from bom.versions.ordered import Ordered

_FORM: Final = re.compile(
    r"v?([0-9]{1,5})(\.[0-9]+)?(\.[0-9]+)?(\.[0-9]+)?"
    r"[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?[0-9]+)*)?)?([.-]?dev)?"
    r"(?:\+[^\s]+)?",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    r"v?([0-9]{4}(?:[.:-]?[0-9]{2}){1,6}(?:[.:-]?[0-9]{1,3}){0,2})"
    r"[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?[0-9]+)*)?)?([.-]?dev)?",
    re.IGNORECASE,
)
_STABILITIES: Final = {
    "a": "alpha",
    "b": "beta",
    "p": "patch",
    "pl": "patch",
    "rc": "RC",
}
# The order of PHP's version_compare: any other word, then these; a number has the place of "#".
_RANKS: Final = {"dev": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "RC": 3, "rc": 3, "pl": 5, "p": 5}
_OTHER: Final = -1
_NUMBER: Final = 4
_PIECE: Final = re.compile(r"[0-9]+|[A-Za-z]+")


class _Version(Ordered):
    __slots__ = ("pieces",)

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces

    def _order(self, other: Self) -> int:
        for mine, theirs in zip_longest(self.pieces, other.pieces, fillvalue=""):
            if mine.isdigit() and theirs.isdigit():
                left, right = int(mine), int(theirs)
            elif not theirs:
                left, right = (_NUMBER + 1 if mine.isdigit() else _rank(mine)), _NUMBER
            elif not mine:
                left, right = _NUMBER, (_NUMBER + 1 if theirs.isdigit() else _rank(theirs))
            else:
                left, right = _rank(mine), _rank(theirs)
            if left != right:
                return -1 if left < right else 1
        return 0


def key(text: str) -> _Version:
    """A version's place. Raises ValueError, for a branch (`dev-main`) too."""
    text = text.strip()
    found = _FORM.fullmatch(text)
    if found is not None:
        numbers = found[1] + "".join(part or ".0" for part in found.groups()[1:4])
        stability, number, dev = found.groups()[4:]
    elif (found := _DATE.fullmatch(text)) is not None:
        numbers = re.sub(r"[^0-9]", ".", found[1])
        stability, number, dev = found.groups()[1:]
    else:
        raise ValueError(f"{text!r} is no version of a Composer package")
    whole = numbers
    if stability and stability.lower() != "stable":
        whole += f"-{_STABILITIES.get(stability.lower(), stability.lower())}"
        whole += (number or "").lstrip(".-")
    if dev:
        whole += "-dev"
    return _Version(_PIECE.findall(whole))


def _rank(piece: str) -> int:
    if piece.isdigit():
        return _NUMBER
    # by its beginning, as version_compare does: "patch" has the place of "p"
    return next((_RANKS[word] for word in _RANKS if piece.startswith(word)), _OTHER)
