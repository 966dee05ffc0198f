"""What probes saw in two places, and what comparing may know of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.vary import FACTORS, probing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.compare.protocol import Circumstances
    from bom.vary.protocol import Factor, Place

UNSEEN: Final = "a program in that place sees no difference"
# Known to comparing also where they are equal: that rules causes out.
_STEERING: Final = ("PYTHONHASHSEED", "SOURCE_DATE_EPOCH", "LC_ALL", "TZ")
_NO_PROBE: Final = "no program could be run there to see it"


@dataclass(frozen=True, slots=True)
class Sight:
    """What each factor's probe saw, by the factor's name; "" where it saw nothing."""

    one: Mapping[str, str]
    two: Mapping[str, str]

    def differs(self, name: str) -> bool:
        first, second = self.one.get(name, ""), self.two.get(name, "")
        return bool(first and second) and first != second


def sight(one: Place, two: Place, factors: Iterable[Factor] = FACTORS) -> Sight:
    """Every probe, in both places."""
    known = tuple(factors)
    return Sight(
        {factor.name: factor.seen(one) for factor in known},
        {factor.name: factor.seen(two) for factor in known},
    )


def claims(
    applied: Iterable[str], seen: Sight
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Of what was changed: the names that a probe saw, and the others with the reason."""
    names = tuple(applied)
    varied = tuple(sorted(name for name in names if seen.differs(name)))
    return varied, tuple(
        (name, UNSEEN if seen.one.get(name) and seen.two.get(name) else _NO_PROBE)
        for name in names
        if name not in varied
    )


def circumstances(
    place: Place, seen: Mapping[str, str], started: int, other: Place
) -> Circumstances:
    """What is known of a build in this place, that ends now. `other`: the other build's."""
    from bom.compare.protocol import Circumstances  # and with it all that compares

    environment = place.environment
    processors = seen.get("processors", "")
    return Circumstances(
        folder=str(place.source),
        home=environment.get("HOME", ""),
        user=environment.get("USER", ""),
        hostname=seen.get("hostname", ""),
        started=started,
        finished=now(place),
        locale=environment.get("LC_ALL", "") or environment.get("LANG", ""),
        timezone=seen.get("timezone", ""),
        processors=int(processors) if processors.isascii() and processors.isdigit() else 0,
        variables={
            name: value
            for name, value in environment.items()
            if value != other.environment.get(name) or name in _STEERING
        },
    )


def now(place: Place) -> int:
    """The time as a program there sees it, in seconds since 1970."""
    told = probing.output(place, "date +%s")
    return int(told) if told.isascii() and told.isdigit() else int(time.time())
