"""Two contents that are no text, side by side.

Folders are replaced first, for they have different lengths; then contents of one length are
compared byte by byte, others by the strings in them. A number that differs by as much as the
replaced strings are longer is a length or an offset, and says nothing of its own.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.compare.causes import lines
from bom.compare.causes.model import Cut, Spot, Token
from bom.compare.causes.tokens import in_lines, skeleton

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.compare.causes.tokens import Tokeniser

_RUNS: Final = 5000
_DIFFERING: Final = 64 * 1024  # bytes; what differs in more is nothing that a field explains
_BLOCK: Final = 64 * 1024
_SMALL: Final = 64
_STRING: Final = re.compile(rb"[\t\x20-\x7e]{4,}")
_STRINGS: Final = 200_000
_AROUND: Final = 2000  # characters of a string on either side of what differs
_HEAD: Final = 2000  # characters of a string that say what string it is
_TEXT: Final = frozenset(b"\t" + bytes(range(0x20, 0x7F)))
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PATHS: Final = re.compile(rb"/[\w.+~@%,-]+(?:/[\w.+~@%,-]+)+", re.ASCII)


def is_binary(content: bytes) -> bool:
    """Whether it is no text: by the controls in its first part, as git and grep judge it."""
    return b"\0" in content[:8192] or len(_CONTROLS.findall(content[:8192])) > 16


def paths(content: bytes) -> list[str]:
    """The absolute paths in a content, in order, each once."""
    found = _PATHS.findall(content[: 2 * 1024 * 1024])
    return [path.decode("ascii", "replace") for path in dict.fromkeys(found)][: lines.LIMIT]


def spots(
    one: bytes,
    two: bytes,
    folders: tuple[tuple[str, str], ...],
    split: tuple[Tokeniser, Tokeniser],
) -> Iterator[Spot | Cut]:
    """Where two contents differ. `folders`: of the two builds, which stand for each other."""
    grown: Counter[int] = Counter()
    for first, second in folders:
        ours, theirs = first.encode(), second.encode()
        count = one.count(ours)
        if count and count > two.count(ours) and theirs in two:
            one = one.replace(ours, theirs)
            grown[len(theirs) - len(ours)] += count
            yield Spot(Token("folder", first), Token("folder", second))
    if one == two:
        return
    texts, others = _texts(one), _texts(two)
    if texts != others and Counter(texts) == Counter(others):
        moved = lines.align(texts, others, split).moved
        yield Spot(Token("permuted", ""), Token("permuted", ""), elements=moved)
        return
    if len(one) != len(two):
        pairs = _strings(texts, others, split)
        if pairs is None:
            yield _bytes(one[:16], two[:16])
            return
        for ours, theirs in pairs.items():
            yield from in_lines(ours.decode("ascii"), theirs.decode("ascii"), split)
            grown[len(theirs) - len(ours)] += 1
        one = _STRING.sub(lambda found: pairs.get(found[0], found[0]), one)
        if len(one) != len(two):
            yield _bytes(one[:16], two[:16])
            return
    yield from _raw(one, two, grown, split)


def _texts(content: bytes) -> list[str]:
    found = itertools.islice(_STRING.finditer(content), _STRINGS)
    return [match.group().decode("ascii") for match in found]


def _strings(
    one: list[str], two: list[str], split: tuple[Tokeniser, Tokeniser]
) -> dict[bytes, bytes] | None:
    """The strings that say the same of the two builds with other values; None where there are
    strings that don't, for then it is the program that differs and not what it was told."""
    aligned = lines.align(one, two, split)
    if aligned.moved[0] or not aligned.complete:
        return None
    found: dict[bytes, bytes] = {}
    for ours, theirs in aligned.pairs:
        rows = skeleton(split[0](ours[:_HEAD])), skeleton(split[1](theirs[:_HEAD]))
        # a letter in front may be the length of the string
        if rows[0] != rows[1] and rows[0][1:] != rows[1][1:]:
            return None
        found[ours.encode()] = theirs.encode()
    return found


def _raw(
    one: bytes, two: bytes, grown: Counter[int], split: tuple[Tokeniser, Tokeniser]
) -> Iterator[Spot | Cut]:
    """What differs in contents of one length."""
    strings: dict[tuple[int, int], None] = {}
    covered = 0
    for count, (start, end) in enumerate(runs(one, two)):
        if count == _RUNS:
            yield Cut(f"only the first {_RUNS} places that differ were looked at")
            break
        if end <= covered:
            continue
        place = _string(one, two, start, end)
        if place is not None:
            strings[place] = None
            covered = place[1]
        elif not _follows(one, two, start, end, grown):
            yield _bytes(one[start:end], two[start:end])
    for start, end in strings:
        ours, theirs = one[start:end].decode("ascii"), two[start:end].decode("ascii")
        if len(ours) < 8 and grown and _follows(one, two, start, end, grown):
            continue
        for spot in in_lines(ours, theirs, split):
            if not _length(spot, grown):
                yield spot


def _bytes(one: bytes, two: bytes) -> Spot:
    return Spot(Token("bytes", one.decode("latin-1")), Token("bytes", two.decode("latin-1")))


def runs(one: bytes, two: bytes) -> Iterator[tuple[int, int]]:
    """From where to where two contents of one length differ."""
    start = end = -1
    differing = 0
    for block in range(0, len(one), _BLOCK):
        if one[block : block + _BLOCK] == two[block : block + _BLOCK]:
            continue
        for small in range(block, min(block + _BLOCK, len(one)), _SMALL):
            ours, theirs = one[small : small + _SMALL], two[small : small + _SMALL]
            if ours == theirs:
                continue
            for index, (a, b) in enumerate(zip(ours, theirs, strict=True), small):
                if a == b:
                    continue
                differing += 1
                if start >= 0 and index == end:
                    end = index + 1
                    continue
                if start >= 0:
                    yield start, end
                start, end = index, index + 1
            if differing > _DIFFERING:
                yield start, end
                return
    if start >= 0:
        yield start, end


def _string(one: bytes, two: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The string around a run, where both are printable there; at least four characters."""
    if not all(byte in _TEXT for byte in one[start:end] + two[start:end]):
        return None
    first, last = max(0, start - _AROUND), min(len(one), end + _AROUND)
    while start > first and one[start - 1] in _TEXT and two[start - 1] in _TEXT:
        start -= 1
    while end < last and one[end] in _TEXT and two[end] in _TEXT:
        end += 1
    return (start, end) if end - start >= 4 else None


def _follows(one: bytes, two: bytes, start: int, end: int, grown: Counter[int]) -> bool:
    """Whether a number around the run differs just by what replaced strings are longer."""
    if not grown or end - start > 8:
        return False
    total = sum(delta * count for delta, count in grown.items())
    for width in (1, 2, 4, 8):
        for place in range(max(0, end - width), start + 1):
            for order in ("little", "big"):
                ours = int.from_bytes(one[place : place + width], order)
                theirs = int.from_bytes(two[place : place + width], order)
                delta = theirs - ours
                if delta in grown or delta == total:
                    return True
                if width >= 4 and any(
                    step and delta % step == 0 and 0 < delta // step <= count
                    for step, count in grown.items()
                ):
                    return True
    return False


def _length(spot: Spot, grown: Counter[int]) -> bool:
    """A printable byte that holds a length (`z(` in front of a string of 40 bytes)."""
    one, two = spot.one.text, spot.two.text
    return (
        len(one) == len(two)
        and one[:-1] == two[:-1]
        and bool(one)
        and ord(two[-1]) - ord(one[-1]) in grown
    )
