"""Environment variables that got into content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_LINE: Final = re.compile(r"^(?:export |declare -x |ENV )?([A-Z_][A-Z0-9_]*)=")
_NAME: Final = re.compile(r"([A-Za-z_]\w*)[\"']?\s?[=:]\s?[\"']?[^\s=]*$")
_SHORT: Final = 3  # characters: a shorter value is found anywhere


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    if "only" in spot.kinds:
        found = _LINE.match(one or two)
        return _told(found[1], "set in one only", scene) if found else None
    name = _known(one, two, scene)
    if name:
        return _told(name, f"{one} and {two}", scene)
    found = _LINE.match(spot.before.lstrip())
    if not found:
        found = _NAME.search(spot.before)
        if not found or not any(found[1] in known.variables for known in scene.known):
            return None
    return _told(found[1], f"{one} and {two}", scene)


def _known(one: str, two: str, scene: Scene) -> str:
    """The variable that had these two values."""
    first, second = (known.variables for known in scene.known)
    for name in sorted(first.keys() & second.keys()):
        if first[name] == one and second[name] == two and min(len(one), len(two)) >= _SHORT:
            return name
    return ""


def _told(name: str, seen: str, scene: Scene) -> Judgement:
    return Judgement(
        "environment",
        f"the variable {name}: {seen}",
        f"Set {name} to one value for the build, unset it (`env -u {name}`), or don't write it.",
    )
