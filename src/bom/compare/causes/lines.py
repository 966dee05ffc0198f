"""Two texts side by side: which line of one says what which line of the other says.

Linear but for sorting: equal starts and ends are taken off, lines that are there once in both are
anchors (Bram Cohen's patience diff), what has only moved is told as permuted, and what is left
between two anchors is paired by what it says without the values (`tokens.skeleton`).
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.compare.causes.tokens import skeleton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.compare.causes.tokens import Tokeniser

LIMIT: Final = 2000  # differing lines that are looked at
ELEMENTS: Final = 10_000  # permuted lines that are kept
_LINES: Final = 200_000  # lines between equal starts and ends that are laid side by side
_HEAD: Final = 2000  # characters of a line that say what line it is


class Alignment(NamedTuple):
    """`pairs`: lines of either that stand for each other and differ. `moved`: the lines that are
    only permuted, in the order of either. `added`: lines that only one has (0 or 1, and the line).
    `complete`: whether all differing lines were looked at."""

    pairs: list[tuple[str, str]]
    moved: tuple[tuple[str, ...], tuple[str, ...]]
    added: list[tuple[int, str]]
    complete: bool


def align(one: list[str], two: list[str], split: tuple[Tokeniser, Tokeniser]) -> Alignment:
    """Where the two texts differ."""
    start = 0
    limit = min(len(one), len(two))
    while start < limit and one[start] == two[start]:
        start += 1
    end = 0
    while end < limit - start and one[-1 - end] == two[-1 - end]:
        end += 1
    one, two = one[start : len(one) - end], two[start : len(two) - end]
    if _permuted(one, two):
        return Alignment([], (tuple(one[:ELEMENTS]), tuple(two[:ELEMENTS])), [], True)
    if max(len(one), len(two)) > _LINES:
        return align(one[:_LINES], two[:_LINES], split)._replace(complete=False)
    pairs: list[tuple[str, str]] = []
    added: list[tuple[int, str]] = []
    if len(one) == len(two):
        differing = [index for index in range(len(one)) if one[index] != two[index]]
        looked = differing[:LIMIT]
        tokens = [(split[0](one[index][:_HEAD]), split[1](two[index][:_HEAD])) for index in looked]
        if all(skeleton(first) == skeleton(second) for first, second in tokens):
            pairs = [(one[index], two[index]) for index in looked]
            return Alignment(pairs, ((), ()), [], len(looked) == len(differing))
    hunks = _hunks(one, two)
    first = [line for hunk in hunks for line in hunk[0]]
    second = [line for hunk in hunks for line in hunk[1]]
    both = Counter(first) & Counter(second)
    moved = (_taken(first, both), _taken(second, both))
    complete = len(first) <= LIMIT and len(second) <= LIMIT
    budget = LIMIT
    left, right = both.copy(), both.copy()
    for hunk in hunks:
        if budget <= 0:
            break
        ours = _left(hunk[0], left)[:budget]
        theirs = _left(hunk[1], right)[:budget]
        budget -= max(len(ours), len(theirs), 1)
        _pair(ours, theirs, split, pairs, added)
    return Alignment(pairs, moved, added, complete)


def _permuted(one: list[str], two: list[str]) -> bool:
    """Whether both have the same lines. However many there are: that is the whole answer then."""
    # The sums first, which cost a tenth of what counting does; and as dictionaries, for counters
    # are compared by a loop in Python.
    return (
        len(one) == len(two)
        and sum(map(hash, one)) == sum(map(hash, two))
        and dict(Counter(one)) == dict(Counter(two))
    )


def _taken(lines: list[str], both: Counter[str]) -> tuple[str, ...]:
    rest = both.copy()
    found: list[str] = []
    for line in lines:
        if rest[line] > 0:
            rest[line] -= 1
            found.append(line)
            if len(found) == ELEMENTS:
                break
    return tuple(found)


def _left(lines: Sequence[str], moved: Counter[str]) -> list[str]:
    """The lines that have not moved; `moved` is used up."""
    found: list[str] = []
    for line in lines:
        if moved[line] > 0:
            moved[line] -= 1
        else:
            found.append(line)
    return found


def _pair(
    one: list[str],
    two: list[str],
    split: tuple[Tokeniser, Tokeniser],
    pairs: list[tuple[str, str]],
    added: list[tuple[int, str]],
) -> None:
    if len(one) == len(two) == 1:
        pairs.append((one[0], two[0]))
        return
    waiting: defaultdict[tuple[str, ...], deque[int]] = defaultdict(deque)
    for index, line in enumerate(two):
        waiting[skeleton(split[1](line[:_HEAD]))].append(index)
    alone: list[str] = []
    used: set[int] = set()
    for line in one:
        same = waiting.get(skeleton(split[0](line[:_HEAD])))
        if same:
            index = same.popleft()
            used.add(index)
            pairs.append((line, two[index]))
        else:
            alone.append(line)
    rest = [line for index, line in enumerate(two) if index not in used]
    if len(alone) == len(rest):
        pairs.extend(zip(alone, rest, strict=True))
    else:
        added.extend((0, line) for line in alone)
        added.extend((1, line) for line in rest)


def _hunks(one: list[str], two: list[str]) -> list[tuple[list[str], list[str]]]:
    """What lies between the lines that are there once in both and in the same order."""
    in_one, in_two = Counter(one), Counter(two)
    place = {line: index for index, line in enumerate(two) if in_two[line] == 1}
    common = [
        (index, place[line])
        for index, line in enumerate(one)
        if in_one[line] == 1 and line in place
    ]
    hunks: list[tuple[list[str], list[str]]] = []
    left = right = 0
    for index, other in [*_rising(common), (len(one), len(two))]:
        # lines that are there more than once match in step, from either side
        while left < index and right < other and one[left] == two[right]:
            left, right = left + 1, right + 1
        until, until_other = index, other
        while until > left and until_other > right and one[until - 1] == two[until_other - 1]:
            until, until_other = until - 1, until_other - 1
        if left < until or right < until_other:
            hunks.append((one[left:until], two[right:until_other]))
        left, right = index + 1, other + 1
    return hunks


def _rising(common: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest row in which both numbers rise (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for position, (_, other) in enumerate(common):
        pile = bisect.bisect_left(tops, other)
        before.append(ends[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(other)
            ends.append(position)
        else:
            tops[pile] = other
            ends[pile] = position
    found: list[tuple[int, int]] = []
    position = ends[-1] if ends else -1
    while position >= 0:
        found.append(common[position])
        position = before[position]
    return found[::-1]
