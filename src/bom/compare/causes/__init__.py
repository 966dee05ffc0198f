"""Why one leaf differs: content decides, and what it doesn't decide stays unknown, with what it
may be.

The two contents are laid side by side (`content`); each place where they differ goes through
JUDGES, and the first that knows the cause has said it. So two causes in one file are both found.
One module a family of causes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.compare.causes import (
    build_id,
    content,
    installed,
    locales,
    mode,
    order,
    parallelism,
    path,
    people,
    places,
    timestamp,
    unknown,
    uuid,
    variables,
    versions,
)
from bom.compare.causes.model import Cut, Judgement, Scene
from bom.compare.protocol import Difference
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.compare.causes.model import Judge, Spot
    from bom.compare.protocol import Cause, Circumstances, Leaf

# In this order: shapes that say it all come before names that stand beside a value, those before
# values that are known of the build, and `unknown`, which always has an answer, is last.
JUDGES: Final[tuple[Judge, ...]] = (
    order.judge,
    build_id.judge,
    locales.judge,
    path.judge,
    timestamp.judge,
    uuid.judge,
    mode.judge,
    people.owner,
    people.hostname,
    versions.dependency,
    versions.tool,
    parallelism.judge,
    variables.judge,
    unknown.judge,
)
_EVIDENCE: Final = 200  # characters


def explain(leaf: Leaf, known: tuple[Circumstances, Circumstances]) -> tuple[Difference, ...]:
    """The causes of one leaf whose contents differ, one Difference each, sorted; never empty.

    Where one of the contents is empty, the leaf is taken for one that only the other build has.
    """
    scene = Scene(leaf, known)
    placed = places.judge(scene) or installed.judge(scene)
    if placed is not None:
        return (_difference(leaf, [placed]),)
    found: dict[Cause, list[Judgement]] = {}
    cut = ""
    for judgement in _judgements(scene):
        if isinstance(judgement, Cut):
            cut = f"; {judgement.what}"
        else:
            found.setdefault(judgement.cause, []).append(judgement)
    if not found:
        sizes = f"{len(leaf.one)} and {len(leaf.two)} bytes"
        found["unknown"] = [Judgement("unknown", sizes, unknown.REMEDY)]
    if len(found) > 1:
        # a build ID is computed of all that differs
        found.pop("build-id", None)
    return tuple(sorted(_difference(leaf, said, cut) for said in found.values()))


def _judgements(scene: Scene) -> Iterator[Judgement | Cut]:
    for seen in content.differing(scene):
        if isinstance(seen, Judgement | Cut):
            yield seen
            continue
        judgement = _judged(seen, scene)
        yield judgement
        language = locales.of_dates(seen)
        if language is not None and judgement.cause != language.cause:
            yield language


def _judged(spot: Spot, scene: Scene) -> Judgement:
    for judge in JUDGES:
        judgement = judge(spot, scene)
        if judgement is not None:
            return judgement
    raise AssertionError("the last judge has an answer to everything")


def _difference(leaf: Leaf, said: list[Judgement], cut: str = "") -> Difference:
    first = said[0]
    more = len(said) - 1
    places = f" (and {more} more place{'s'[: more > 1]} like it)" if more else ""
    candidates = tuple(sorted({name for judgement in said for name in judgement.candidates}))
    return Difference(
        leaf.path, first.cause, _shown(first.evidence) + places + cut, first.remedy, candidates
    )


def _shown(evidence: str) -> str:
    safe = evidence.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    text = inert(safe)
    return text if len(text) <= _EVIDENCE else text[: _EVIDENCE - 1] + "…"
