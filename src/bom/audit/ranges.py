"""Whether a version is affected: the evaluation algorithm of the OSV schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bom.versions import ORDERINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.audit.model import Affected, Lookup, Range

# At one and the same version: what ends a range before what begins the next.
_ENDS_FIRST: Final = {"fixed": 0, "limit": 0, "introduced": 1, "last_affected": 2}
_ANY: Final = "*"  # of a limit
_FIRST: Final = "0"  # of introduced: before every version


class Undecided(Exception):
    """It can't be said whether this version is affected; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    affected: bool
    fixed: tuple[str, ...] = ()  # the versions that end the ranges it is in


def judge(said: Affected, asked: Lookup) -> Answer:
    """Raises Undecided."""
    key = ORDERINGS[asked.ecosystem]
    if asked.version in said.versions:
        return Answer(True, _next(said, asked, key))
    usable = [found for found in said.ranges if found.kind != "GIT"]
    if not usable and not said.versions:
        raise Undecided("an advisory states commits alone, no versions")
    mine = _place(key, asked.version, "its version")
    if _listed(said.versions, mine, key) or any(_inside(found, mine, key) for found in usable):
        return Answer(True, _next(said, asked, key))
    return Answer(False)


def _listed(versions: tuple[str, ...], mine: Any, key: Callable[[str], Any]) -> bool:
    """Whether it is one of those that are spelt in another way. One that has no place in the order
    is not the one that has."""
    for text in versions:
        try:
            if key(text) == mine:
                return True
        except ValueError:
            continue
    return False


def _inside(found: Range, mine: Any, key: Callable[[str], Any]) -> bool:
    events = sorted(
        (
            (
                kind,
                None if (kind, text) == ("introduced", _FIRST) else text,
                _placed(kind, text, key),
            )
            for kind, text in found.events
        ),
        key=lambda event: (event[1] is not None, *_sorting(event)),
    )
    limits = [place for kind, _, place in events if kind == "limit"]
    if limits and not any(place is None or mine < place for place in limits):
        return False
    inside = False
    for kind, text, place in events:
        if kind == "introduced" and (text is None or mine >= place):
            inside = True
        elif (kind == "fixed" and mine >= place) or (kind == "last_affected" and mine > place):
            inside = False
    return inside


def _sorting(event: tuple[str, str | None, Any]) -> tuple[Any, ...]:
    kind, text, place = event
    return () if text is None else (place is None, _Order(place), _ENDS_FIRST[kind])


@dataclass(frozen=True, slots=True)
class _Order:
    """A place that sorts with others, and with none at all (a limit of `*`)."""

    place: Any

    def __lt__(self, other: _Order) -> bool:
        return self.place is not None and other.place is not None and bool(self.place < other.place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Order) and not (self < other or other < self)

    def __hash__(self) -> int:
        raise TypeError("versions that are written in two ways may be equal")


def _placed(kind: str, text: str, key: Callable[[str], Any]) -> Any:
    if (kind, text) in (("introduced", _FIRST), ("limit", _ANY)):
        return None
    return _place(key, text, "a version in an advisory")


def _place(key: Callable[[str], Any], text: str, what: str) -> Any:
    try:
        return key(text)
    except ValueError as error:
        raise Undecided(f"{what} has no place in its ecosystem's order: {error}") from error


def _next(said: Affected, asked: Lookup, key: Callable[[str], Any]) -> tuple[str, ...]:
    """Of each range, the first version after the asked one that has the fix."""
    try:
        mine = key(asked.version)
        fixes = [
            [text for kind, text in found.events if kind == "fixed" and key(text) > mine]
            for found in said.ranges
            if found.kind != "GIT"
        ]
        return tuple(dict.fromkeys(min(texts, key=key) for texts in fixes if texts))
    except ValueError:
        return ()
