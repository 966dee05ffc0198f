"""What differs between the bytes of two builds, as a person reads it on a terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from bom.report.text import inert
from bom.report.tones import plain, toned, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.difference import Comparison, Difference, Level
    from bom.report.tones import Finish, Tone

_LISTED: Final = 10  # differences of one cause and remedy on a terminal
CHAPTER: Final = "docs/reproducibility.md"
_TONES: Final[dict[Level, Tone]] = {"same": "good", "normalised": "warn", "different": "bad"}
_VERDICTS: Final = {
    "same": "the same bytes",
    "normalised": "the same after normalising",
    "different": "",
}


def comparison_text(
    comparison: Comparison,
    name: str,
    before: Sequence[str] = (),
    width: int = 0,
    finish: Finish = plain,
) -> str:
    """Lines ending in a newline: the verdict first, `before`, then each cause with what it is
    about and, once, what to do. Lines are at most `width` columns long (0: of any length)."""
    lines = [f"{toned(_TONES[comparison.verdict], comparison.verdict)}: {inert(name)}"]
    if comparison.normalised:
        lines.append(f"  made stable first: {inert(', '.join(comparison.normalised))}")
    lines += [*before, *_differences(comparison, width)]
    return finish("".join(f"{line}\n" for line in lines))


def _differences(comparison: Comparison, width: int) -> Iterator[str]:
    for heading, parts in groups(comparison.differences):
        yield ""
        yield f"  {toned('strong', heading)}"
        for remedy, group in parts:
            for difference in group[:_LISTED]:
                yield from wrapped(inert(difference.path), width, " " * 4, " " * 6)
                yield from wrapped(inert(difference.evidence), width, " " * 6, " " * 8)
            if len(group) > _LISTED:
                yield f"    ... and {len(group) - _LISTED:,} more (--json lists them)"
            yield from wrapped(f"{toned('name', 'do:')} {inert(remedy)}", width, " " * 4, " " * 8)
    if comparison.differences:
        told = f"{CHAPTER}#causes says how each cause is told, and more of what to do"
        yield ""
        yield from wrapped(toned("dim", told), width, "  ", "  ")


def groups(
    differences: Sequence[Difference],
) -> Iterator[tuple[str, list[tuple[str, list[Difference]]]]]:
    """(heading, (remedy, differences)...) of each cause. `unknown` stands last."""

    def key(item: Difference) -> tuple[bool, str, tuple[str, ...]]:
        return (item.cause == "unknown", item.cause, item.candidates)

    for (_, cause, candidates), found in groupby(sorted(differences, key=key), key=key):
        parts: dict[str, list[Difference]] = {}
        for item in sorted(found):
            parts.setdefault(item.remedy, []).append(item)
        total = sum(map(len, parts.values()))
        heading = f"{cause}: {_plural(total, 'difference')}"
        if candidates:
            heading += f"; may be {_or(candidates)}"
        yield heading, list(parts.items())


def _plural(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def summary(comparison: Comparison) -> str:
    """The verdict in a sentence, and how much there is."""
    causes = len({item.cause for item in comparison.differences})
    count = _plural(len(comparison.differences), "difference")
    told = f"{count} of {_plural(causes, 'cause')}" if comparison.differences else ""
    return f"{', '.join(filter(None, (_VERDICTS[comparison.verdict], told)))}."
