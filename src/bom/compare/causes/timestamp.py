"""Dates and times: written out, and counted in seconds since 1970."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_DAY: Final = 86_400
REMEDY: Final = "Take the time from SOURCE_DATE_EPOCH instead of the clock, or leave it out."
_ZONES: Final = "Set TZ=UTC for the build, or write times in UTC (`date -u`)."
_MACROS: Final = (
    "Don't use __DATE__ and __TIME__, or set SOURCE_DATE_EPOCH, which gcc and clang take for them."
)
_PROPERTIES: Final = (
    "Write the properties file without java.util.Properties' date comment "
    "(maven-archiver does with project.build.outputTimestamp)."
)
# Ten digits are seconds between 2001 and 2286, and so on; 2040 is late enough here.
_UNITS: Final = {10: 1, 13: 1000, 16: 1_000_000, 19: 1_000_000_000}
_RECENT: Final = 1_420_070_400  # 2015: before it, nothing was built with this
_COPYRIGHT: Final = re.compile(
    r"copyright|\(c\)|©|year|built|date|generated|compiled|since|all rights", re.IGNORECASE
)
_YEAR: Final = re.compile(r"(?:19[89]\d|20\d\d)")
_NAMED: Final = re.compile(
    r"(?:time|date|epoch|stamp|built|created|generated|modified|now|started|finished|mtime)"
    r"[\w\"']*\s*[:=(]?\s*[\"']?$",
    re.IGNORECASE,
)
_DURATION: Final = re.compile(
    r"(?:\b(?:in|took|after|time|elapsed|duration|real|user|sys)\b[\w\"']*\s*[:=]?\s*)$",
    re.IGNORECASE,
)
_LASTED: Final = re.compile(
    r"\d+(?:\.\d+)?\s?(?:s|ms|secs?|seconds?|milliseconds|m|min|minutes)\b.*", re.DOTALL
)
# A date inside a word or a version: `1.0.dev20261125`.
_COMPACT: Final = re.compile(
    r"(?<!\d)20\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?:T?\d{4}(?:\d\d)?Z?)?(?!\d)"
)


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    if spot.kinds == ("time", "time"):
        return _told(spot, _remedy(spot, scene))
    if _seconds(spot, scene) or _year(spot, scene):
        return _told(spot, REMEDY)
    if _inside(one) is not None and _inside(one) == _inside(two):
        return _told(spot, REMEDY)
    if _DURATION.search(spot.before) and all(
        _LASTED.fullmatch(token.text + spot.after[:15]) for token in (spot.one, spot.two)
    ):
        return Judgement(
            "timestamp", f"a duration: {one} and {two}", "Leave out how long a step took."
        )
    return None


def _inside(text: str) -> str | None:
    """A token without the dates in it; None where there are none."""
    rest, count = _COMPACT.subn("", text)
    return rest if count else None


def _told(spot: Spot, remedy: str) -> Judgement:
    return Judgement("timestamp", f"{spot.one.text} and {spot.two.text}", remedy)


def _remedy(spot: Spot, scene: Scene) -> str:
    one, two = spot.one.text, spot.two.text
    if spot.before == "#" and scene.leaf.name.endswith(".properties"):
        return _PROPERTIES
    if _instant(one) is not None and _instant(one) == _instant(two):
        return _ZONES
    if b"\0" in scene.leaf.one and re.fullmatch(r"[A-Z][a-z]{2} [ \d]\d \d{4}|\d\d:\d\d:\d\d", one):
        return _MACROS
    return REMEDY


def _instant(text: str) -> float | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def _seconds(spot: Spot, scene: Scene) -> bool:
    """Whether the two numbers are seconds (or thousandths, ...) since 1970."""
    one, two = _value(spot.one.text), _value(spot.two.text)
    if one is None or two is None:
        return False
    near = [_near(value, known) for value, known in zip((one, two), scene.known, strict=True)]
    if all(near):
        return True
    # The clocks of the builds aren't known, or were set back: two moments of one decade that are
    # called a time, or stand where a time would.
    plausible = all(978_307_200 <= value < 2_208_988_800 for value in (one, two))
    return (
        plausible
        and abs(one - two) < 3660 * _DAY
        and (
            bool(_NAMED.search(spot.before))
            or (min(one, two) > _RECENT and abs(one - two) < 8 * _DAY)
        )
    )


def _value(text: str) -> float | None:
    whole, _, fraction = text.partition(".")
    unit = _UNITS.get(len(whole))
    if unit is None or not whole.isascii() or not whole.isdigit():
        return None
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    return int(whole) / unit


def _near(value: float, known: object) -> bool:
    started = getattr(known, "started", 0)
    finished = getattr(known, "finished", 0) or started
    return bool(started) and started - _DAY <= value <= finished + _DAY


def _year(spot: Spot, scene: Scene) -> bool:
    one, two = spot.one.text, spot.two.text
    if not (_YEAR.fullmatch(one) and _YEAR.fullmatch(two)):
        return False
    known = [
        datetime.datetime.fromtimestamp(item.started, datetime.UTC).year
        for item in scene.known
        if item.started
    ]
    if len(known) == 2 and known == [int(one), int(two)]:
        return True
    return bool(_COPYRIGHT.search(spot.before[-60:] + " " + spot.after[:30]))
