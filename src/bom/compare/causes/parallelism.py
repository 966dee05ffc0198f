"""Numbers of processors and of jobs that got into content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene, Spot

_REMEDY: Final = "Fix the number of jobs (`make -j1`, a number in the build file), or leave it out."
_NAMED: Final = re.compile(
    r"(?:(?<![a-z])(?:n?cpus?|n?procs?|processors?|cores?|n?threads?|n?jobs?|n?workers?|parallel"
    r"(?:ism)?|nproc)(?:[ _-]?(?:count|num(?:ber)?|online|total))?|--jobs|--parallel|-j)"
    r"[\"']?\)?\s*[:=]?\s*[\"']?$",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"[ -]?(?:x )?(?:cpus?|processors?|cores?|threads?|jobs?|workers?)\b", re.IGNORECASE
)
_JOBS: Final = re.compile(r"j\d{1,4}")
_COUNT: Final = re.compile(r"[1-9]\d{0,3}")


def judge(spot: Spot, scene: Scene) -> Judgement | None:
    one, two = spot.one.text, spot.two.text
    jobs = bool(_JOBS.fullmatch(one) and _JOBS.fullmatch(two) and spot.before.endswith("-"))
    counts = bool(_COUNT.fullmatch(one) and _COUNT.fullmatch(two))
    known = [item.processors for item in scene.known]
    numbers = counts and all(known) and known == [int(one), int(two)]
    named = counts and (_NAMED.search(spot.before) or _AFTER.match(spot.after))
    if jobs or numbers or named:
        return Judgement("parallelism", f"{one} and {two}", _REMEDY)
    return None
