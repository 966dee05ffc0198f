"""One component for all that a file says of it: a hostile one names it a hundred thousand times,
and to merge them one by one would copy all places each time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.model import Dependency


def merged(items: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """One for each ref, with all that any of its mentions says, sorted."""
    by_ref: dict[str, list[Dependency]] = defaultdict(list)
    for item in items:
        by_ref[item.component.bom_ref].append(item)
    return tuple(sorted(map(_together, by_ref.values())))


def _together(same: list[Dependency]) -> Dependency:
    """Two by two, then those two by two, so that the cost is n log n."""
    while len(same) > 1:
        pairs = [one.merged(two) for one, two in zip(same[::2], same[1::2], strict=False)]
        same = [*pairs, *same[len(pairs) * 2 :]]
    return same[0]
