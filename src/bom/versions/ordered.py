"""What a place in an order is: comparable with others of its module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import total_ordering
from typing import Self


@total_ordering
class Ordered(ABC):
    """Versions that are written in two ways (1.0 and 1.0.0) may be equal, so none has a hash."""

    __slots__ = ()

    @abstractmethod
    def _order(self, other: Self) -> int:
        """Below 0, 0 or above 0: before `other`, equal to it, after it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._order(other) == 0

    def __lt__(self, other: Self) -> bool:
        return self._order(other) < 0

    def __hash__(self) -> int:
        raise TypeError("versions that are written in two ways may be equal")
