"""Where the bytes of two builds differ, why, and what to do, as a page or a part of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.report.comparison import CHAPTER, groups, summary
from bom.report.html.element import Html, element, joined
from bom.report.html.frame import page as framed
from bom.report.html.frame import section
from bom.report.html.tables import bullets, folded, pill, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from bom.difference import Comparison, Difference, Level

_MOODS: Final[dict[Level, Literal["good", "warn", "bad"]]] = {
    "same": "good",
    "normalised": "warn",
    "different": "bad",
}
_CODE: Final = re.compile(r"`([^`]*)`")
_SHOWN: Final = 50  # rows of one cause that are open
_TITLES: Final = ("where", "what was seen")


def page(comparison: Comparison, name: str) -> str:
    """One page that needs nothing else, ending in a newline: `bom rebuild --html`."""
    header = (
        element("p", "Two builds compared", class_="eyebrow"),
        element("h1", name),
        verdict(comparison),
    )
    parts = list(sections(comparison))
    menu = [(place, heading, "") for place, heading, _ in parts]
    body = [made for _, _, made in parts]
    return framed(f"{comparison.verdict}: {name}", header, body, menu if len(menu) > 1 else ())


def verdict(comparison: Comparison, label: str = "") -> Html:
    """The verdict, and what had to be made stable first."""
    shown = pill(comparison.verdict, _MOODS[comparison.verdict])
    told = element("p", label, shown, f" {summary(comparison)}")
    if not comparison.normalised:
        return told
    return joined((told, element("p", "Made stable first:"), bullets(comparison.normalised)))


def sections(comparison: Comparison) -> Iterator[tuple[str, str, Html]]:
    """One for each cause: (its place on the page, its heading, the section)."""
    for number, (heading, parts) in enumerate(groups(comparison.differences)):
        place = f"cause-{number}"
        inside = [made for remedy, found in parts for made in _part(remedy, found)]
        yield place, heading, section(place, heading, *inside)
    if comparison.differences:
        told = f"The chapter “Causes” of {CHAPTER} says how each cause is told."
        yield "causes", "More", section("causes", "More", element("p", told, class_="note"))


def _part(remedy: str, found: Sequence[Difference]) -> Iterator[Html]:
    """What to do, once, and the differences that it is about."""
    pieces = _CODE.split(remedy)
    yield element(
        "p",
        *(element("code", text) if at % 2 else text for at, text in enumerate(pieces)),
        class_="remedy",
    )
    rows = [(item.path, item.evidence) for item in found]
    yield table("Differences", _TITLES, rows[:_SHOWN])
    if more := rows[_SHOWN:]:
        yield folded(f"{len(more):,} more", table("Further differences", _TITLES, more))
