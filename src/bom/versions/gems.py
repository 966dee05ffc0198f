"""RubyGems: Gem::Version's ordering. Numbers and words are segments of their own, a word sorts
before a number and before nothing, zeros at the end of the numbers don't count."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final, Self

from bom.versions.ordered import Ordered

_FORM: Final = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_SEGMENT: Final = re.compile(r"[0-9]+|[a-zA-Z]+")


class _Version(Ordered):
    __slots__ = ("segments",)

    def __init__(self, segments: tuple[int | str, ...]) -> None:
        self.segments = segments

    def _order(self, other: Self) -> int:
        for mine, theirs in zip_longest(self.segments, other.segments, fillvalue=0):
            if mine == theirs:
                continue
            if isinstance(mine, str) != isinstance(theirs, str):
                return -1 if isinstance(mine, str) else 1
            return -1 if mine < theirs else 1  # type: ignore[operator]
        return 0


def key(text: str) -> _Version:
    """A version's place. Raises ValueError."""
    text = text.strip()
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is no version of a gem")
    found = _SEGMENT.findall(text.replace("-", ".pre."))
    segments = [int(part) if part.isdigit() else part for part in found]
    first = next((n for n, part in enumerate(segments) if isinstance(part, str)), len(segments))
    return _Version((*_without_zeros(segments[:first]), *_without_zeros(segments[first:])))


def _without_zeros(segments: list[int | str]) -> list[int | str]:
    end = len(segments)
    while end and segments[end - 1] == 0:
        end -= 1
    return segments[:end]
