"""How rpm compares versions and version ranges (rpm-version(7), rpm-dependencies(7))."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import zip_longest
from typing import Final

LESS: Final = 2
GREATER: Final = 4
EQUAL: Final = 8
SENSE: Final = LESS | GREATER | EQUAL

_SEGMENT: Final = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")


@lru_cache(65_536)
def compare(one: str, two: str) -> int:
    """-1, 0 or 1, of two versions or releases, by rpm's segments."""
    if one == two:
        return 0
    for left, right in zip_longest(_SEGMENT.findall(one), _SEGMENT.findall(two), fillvalue=""):
        if left == right:
            continue
        # A tilde sorts before the end of a version, a caret after it but before all else.
        if "~" in (left, right):
            return -1 if left == "~" else 1
        if "^" in (left, right) and left and right:
            return -1 if left == "^" else 1
        if not left or not right:
            return 1 if left else -1
        if left.isdigit() != right.isdigit():
            return 1 if left.isdigit() else -1
        if left.isdigit():
            left, right = left.lstrip("0"), right.lstrip("0")
            if len(left) != len(right):
                return 1 if len(left) > len(right) else -1
        if left != right:
            return 1 if left > right else -1
    return 0


def overlap(one: str, one_sense: int, two: str, two_sense: int) -> bool:
    """Whether two ranges (`>= 1:2.0-1`) have a version in common; a range without an operator is
    every version."""
    if not one_sense & SENSE or not two_sense & SENSE or not one or not two:
        return True
    left, right = _parts(one), _parts(two)
    order = compare(left[0] or "0", right[0] or "0") or compare(left[1], right[1])
    if not order:
        if left[2] and right[2]:
            order = compare(left[2], right[2])
        elif (left[2] and two_sense & EQUAL) or (right[2] and one_sense & EQUAL):
            return True  # a version without a release stands for all of them
    if order < 0:
        return bool(one_sense & GREATER or two_sense & LESS)
    if order > 0:
        return bool(one_sense & LESS or two_sense & GREATER)
    return bool(one_sense & two_sense & SENSE)


@lru_cache(65_536)
def _parts(text: str) -> tuple[str, str, str]:
    """Epoch, version and release."""
    epoch, colon, rest = text.partition(":")
    if not colon or not epoch.isdecimal():
        epoch, rest = "", text
    version, dash, release = rest.rpartition("-")
    return (epoch, version, release) if dash else (epoch, rest, "")
