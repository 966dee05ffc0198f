"""The same elements in another order.

What order they have in the two says why, sometimes: bytes in one and a language's order in the
other is a locale's doing; the elements of a Python set stand in the order of their hashes. For the
rest, what is known to be equal in both builds is ruled out; one cause that is left is the cause.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from bom.compare.causes.lines import ELEMENTS
from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.compare.causes.model import Scene, Spot
    from bom.compare.protocol import Cause

_LOCALE: Final = (
    "Sort with LC_ALL=C (`LC_ALL=C sort`), which every machine has and orders by bytes."
)
_REMEDIES: Final[dict[Cause, str]] = {
    "order": "Sort what a folder lists (`LC_ALL=C sort`, `sorted(os.listdir())`).",
    "locale": _LOCALE,
    "hash-seed": "Sort what comes out of a set (`sorted(...)`), or set PYTHONHASHSEED=0.",
    "parallelism": "Run one job at a time (`make -j1`), or sort what parallel jobs write.",
    "unknown": "Sort it (`LC_ALL=C sort`); `bom rebuild --investigate` finds out what decides it.",
}
_SET: Final = re.compile(r"\{\s*(?:[bru]?'[^']*'|[bru]?\"[^\"]*\"|\d+)(?:\s*,|\s*\})")
_ELEMENTS: Final = 3  # with less, two orders prove nothing
_SHOWN: Final = 3


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    if spot.kinds != ("permuted", "permuted"):
        return None
    one, two = spot.elements
    decided = _decided(spot, scene, one, two)
    left = (decided,) if decided else _candidates(scene, one, two)
    cause: Cause = left[0] if len(left) == 1 else "unknown"
    count = f"{len(one)} or more" if len(one) >= ELEMENTS else len(one)
    seen = f"{count} elements in another order: {_first(one)} and {_first(two)}"
    return Judgement(cause, seen, _REMEDIES[cause], left if cause == "unknown" else ())


def _first(elements: Sequence[str]) -> str:
    return ", ".join(element.strip()[:40] for element in elements[:_SHOWN]) + (
        ", ..." if len(elements) > _SHOWN else ""
    )


def _decided(spot: Spot, scene: Scene, one: Sequence[str], two: Sequence[str]) -> Cause | None:
    # Bytecode is in the order of its source, but for constant sets.
    if _python_set(spot) or scene.leaf.name.endswith(".pyc"):
        return "hash-seed"
    if len(one) >= _ELEMENTS and (
        (_by_bytes(one) and _by_language(two)) or (_by_bytes(two) and _by_language(one))
    ):
        return "locale"
    return None


def _python_set(spot: Spot) -> bool:
    """A set as Python prints it; a dictionary has a colon, and keeps the order of insertion."""
    brace = spot.before.rfind("{")
    if brace < 0 or "}" in spot.before[brace:]:
        return False
    inside = spot.before[brace:] + spot.one.text + spot.after.partition("}")[0] + "}"
    return bool(_SET.match(inside)) and not re.search(r"['\"]\s*:", inside)


def _by_bytes(elements: Sequence[str]) -> bool:
    raw = [element.encode("utf-8", "surrogateescape") for element in elements]
    return all(first <= second for first, second in itertools.pairwise(raw))


def _by_language(elements: Sequence[str]) -> bool:
    """Whether letters alone order them (ISO 14651, level 1: case, accents and marks come after),
    and bytes do not."""
    keys = [_letters(element) for element in elements]
    rising = all(first <= second for first, second in itertools.pairwise(keys))
    return rising and not _by_bytes(elements) and len(set(keys)) > 1


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())


def _candidates(scene: Scene, one: Sequence[str], two: Sequence[str]) -> tuple[Cause, ...]:
    """What may order them, without what is known to have been the same in both builds."""
    first, second = scene.known
    found: list[Cause] = ["order"]
    seeds = [known.variables.get("PYTHONHASHSEED", "random") for known in scene.known]
    if seeds[0] != seeds[1] or seeds[0] == "random":
        found.append("hash-seed")
    if not (first.locale and first.locale == second.locale):
        found.append("locale")
    if not first.processors == second.processors == 1:
        found.append("parallelism")
    return tuple(sorted(found))
