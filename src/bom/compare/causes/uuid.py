"""UUIDs (RFC 9562), drawn anew for each build. No shape tells other random tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_REMEDY: Final = (
    "Derive the UUID from what it names (version 5, of a fixed name space), or write a fixed one."
)
_VERSIONS: Final = "12345678"
_VARIANT: Final = "89abAB"  # RFC 9562, 4.1


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    if spot.kinds != ("uuid", "uuid"):
        return None
    if all(_shaped(token.text) for token in (spot.one, spot.two)):
        return Judgement("uuid", f"{spot.one.text} and {spot.two.text}", _REMEDY)
    return None


def _shaped(text: str) -> bool:
    return text[14] in _VERSIONS and text[19] in _VARIANT
