"""How far two texts, or two byte strings, are the same from their beginning on."""

from __future__ import annotations

from typing import AnyStr


def common_start(one: AnyStr, two: AnyStr) -> int:
    """How many characters, or bytes, they have in common at their start. Bisected: they may be
    large, and slices of them are compared at once."""
    low, high = 0, min(len(one), len(two))
    if one[:high] == two[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle
    return low
