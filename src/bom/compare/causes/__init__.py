"""Why one leaf differs: content decides, and what it doesn't decide stays unknown, with what it
may be.

The two contents are laid side by side (`lines`, `tokens`, `binary`); each place where they differ
goes through JUDGES, and the first that knows the cause has said it. So two causes in one file are
both found. One module a family of causes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.compare.causes import path, timestamp, unknown
from bom.compare.causes.lines import align
from bom.compare.causes.model import Judgement, Scene, Spot, Token
from bom.compare.causes.tokens import spots, tokeniser
from bom.compare.protocol import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.compare.causes.model import Judge
    from bom.compare.protocol import Cause, Circumstances, Leaf

# In this order: the first that has an answer is right. `unknown` always has one.
JUDGES: Final[tuple[Judge, ...]] = (
    path.judge,
    timestamp.judge,
    unknown.judge,
)
_EVIDENCE: Final = 200  # characters


def explain(leaf: Leaf, known: tuple[Circumstances, Circumstances]) -> tuple[Difference, ...]:
    """The causes of one leaf whose contents differ, one Difference each, sorted; never empty."""
    scene = Scene(leaf, known)
    found: dict[Cause, list[Judgement]] = {}
    for spot in _spots(scene):
        for judge in JUDGES:
            judgement = judge(spot, scene)
            if judgement is not None:
                found.setdefault(judgement.cause, []).append(judgement)
                break
    return tuple(sorted(_difference(leaf, said) for said in found.values()))


def _spots(scene: Scene) -> Iterator[Spot]:
    one, two = (
        content.decode("utf-8", "surrogateescape") for content in (scene.leaf.one, scene.leaf.two)
    )
    split = tokeniser(scene.known[0]), tokeniser(scene.known[1])
    aligned = align(one.splitlines(), two.splitlines(), split)
    for first, second in aligned.pairs:
        yield from spots(split[0](first), split[1](second))
    if aligned.moved[0]:
        yield Spot(Token("permuted", ""), Token("permuted", ""), elements=aligned.moved)
    for side, line in aligned.added:
        only = Token("only", "")
        yield (
            Spot(Token("several", line), only) if side == 0 else Spot(only, Token("several", line))
        )


def _difference(leaf: Leaf, said: list[Judgement]) -> Difference:
    first = said[0]
    more = f" (and at {len(said) - 1} more places)" if len(said) > 1 else ""
    candidates = tuple(sorted({name for judgement in said for name in judgement.candidates}))
    return Difference(
        leaf.path, first.cause, _inert(first.evidence) + more, first.remedy, candidates
    )


def _inert(text: str) -> str:
    """One line without anything that a terminal would act on."""
    safe = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in safe
    )
    return shown if len(shown) <= _EVIDENCE else shown[: _EVIDENCE - 1] + "…"
