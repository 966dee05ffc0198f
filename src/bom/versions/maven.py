"""Maven: ComparableVersion's ordering (Maven's POM reference, "Version Order Specification").

Dots make items of one list, hyphens and changes between digits and letters begin a list inside.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final, Self

from bom.versions.ordered import Ordered

_TOKEN: Final = re.compile(r"[.-]|[0-9]+|[^.0-9-]+")
_QUALIFIERS: Final = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_ALIASES: Final = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT: Final = {"a": "alpha", "b": "beta", "m": "milestone"}  # before a number
_LENGTH: Final = 1000  # characters; more is no version, and each hyphen is a level of nesting
_RELEASE: Final = _QUALIFIERS.index("")
_Item = int | str | list["_Item"]


class _Version(Ordered):
    __slots__ = ("items",)

    def __init__(self, items: list[_Item]) -> None:
        self.items = items

    def _order(self, other: Self) -> int:
        return _order(self.items, other.items)


def key(text: str) -> _Version:
    """A version's place. Raises ValueError."""
    text = text.strip().lower()
    if not text or len(text) > _LENGTH or not text.isprintable() or " " in text:
        raise ValueError(f"{text[:100]!r} is no version of a Maven artifact")
    return _Version(_parsed(text))


def _parsed(text: str) -> list[_Item]:
    whole: list[_Item] = []
    lists = [whole]
    tokens = _TOKEN.findall(text)
    before = "."  # what stands before an item: a separator, or an item of the other kind
    for number, token in enumerate(tokens):
        if token in ".-":
            if before in ".-":
                lists[-1].append(0)
            if token == "-":
                _nest(lists)
        else:
            digits = token[0].isdigit()
            following = tokens[number + 1] if number + 1 < len(tokens) else ""
            if before not in ".-" or (lists[-1] and not digits and following not in (".", "-")):
                _nest(lists)
            lists[-1].append(int(token) if digits else _qualifier(token, following))
        before = token
    for items in reversed(lists):
        _trim(items)
    return whole


def _nest(lists: list[list[_Item]]) -> None:
    inner: list[_Item] = []
    lists[-1].append(inner)
    lists.append(inner)


def _qualifier(token: str, following: str) -> str:
    if following[:1].isdigit():
        token = _SHORT.get(token, token)
    return _ALIASES.get(token, token)


def _trim(items: list[_Item]) -> None:
    """Without zeros and releases at the end, and before a list at the end."""
    for place in range(len(items) - 1, -1, -1):
        if items[place] in (0, "", []):
            del items[place]
        elif not isinstance(items[place], list):
            break


def _rank(qualifier: str) -> tuple[int, str]:
    if qualifier in _QUALIFIERS:
        return (_QUALIFIERS.index(qualifier), "")
    return (len(_QUALIFIERS), qualifier)


def _order(one: _Item | None, two: _Item | None) -> int:
    """-1, 0 or 1; None stands for nothing there."""
    if one is None:
        return 0 if two is None else -_order(two, None)
    if two is None:
        return _against_nothing(one)
    if isinstance(one, list) and isinstance(two, list):
        orders = (_order(left, right) for left, right in zip_longest(one, two))
        return next(filter(None, orders), 0)
    if isinstance(one, int) and isinstance(two, int):
        return (one > two) - (one < two)
    if isinstance(one, str) and isinstance(two, str):
        left, right = _rank(one), _rank(two)
        return (left > right) - (left < right)
    kinds = [
        2 if isinstance(item, int) else 1 if isinstance(item, list) else 0 for item in (one, two)
    ]
    return 1 if kinds[0] > kinds[1] else -1


def _against_nothing(item: _Item) -> int:
    if isinstance(item, int):
        return 1 if item else 0
    if isinstance(item, str):
        rank = _rank(item)
        return (rank > (_RELEASE, "")) - (rank < (_RELEASE, ""))
    return next(filter(None, (_order(inner, None) for inner in item)), 0)
