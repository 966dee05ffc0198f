"""What content alone doesn't decide: what it may be, by its shape."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot
    from bom.compare.protocol import Cause

REMEDY: Final = (
    "Build again with one thing changed at a time (`bom rebuild --investigate`) to see what it is."
)
_HEX: Final = re.compile(r"[0-9A-Fa-f]{8,}")
_TOKEN: Final = re.compile(r"[\w+/=-]{12,}")
_ANY: Final[tuple[Cause, ...]] = (
    "dependency-version", "environment", "hash-seed", "locale", "parallelism", "timestamp",
    "tool-version",
)  # fmt: skip


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    return Judgement(
        "unknown", _evidence(spot, scene), REMEDY, tuple(sorted(_may_be(one, two, spot)))
    )


def _evidence(spot: Spot, scene: Scene) -> str:
    if scene.leaf.only:
        return f"only in build {scene.leaf.only}"
    if "only" in spot.kinds:
        return f"only in one: {spot.one.text or spot.two.text}"
    if "bytes" in spot.kinds:
        return f"{_hex(spot.one.text)} and {_hex(spot.two.text)}"
    return f"{spot.one.text} and {spot.two.text}"


def _hex(text: str) -> str:
    return text[:16].encode("latin-1", "replace").hex(" ")


def _may_be(one: str, two: str, spot: Spot) -> tuple[Cause, ...]:
    if "bytes" in spot.kinds:
        return _ANY
    if "only" in spot.kinds:
        return ("dependency-version", "environment", "locale", "tool-version")
    if set(spot.kinds) & {"path", "folder", "home"}:
        return ("dependency-version", "environment", "path", "tool-version")
    if _HEX.fullmatch(one) and _HEX.fullmatch(two) and len(one) == len(two):
        return ("build-id", "uuid")
    if one.isdigit() and two.isdigit():
        return ("environment", "hash-seed", "owner", "parallelism", "timestamp", "uuid")
    if one[:1].isdigit() and two[:1].isdigit():
        return ("dependency-version", "timestamp", "tool-version")
    if _TOKEN.fullmatch(one) and _TOKEN.fullmatch(two) and len(one) == len(two):
        return ("environment", "hostname", "uuid")
    return ("environment", "hostname", "locale", "owner")
