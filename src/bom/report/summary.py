"""What `bom build` tells a person at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bom.report.records import ReproductionRecord, ResultRecord


_FINDINGS: Final = 20  # shown of one artifact
_DIFFERENCES: Final = 3


def summary(result: ResultRecord, cwd: Path, left_alone: Sequence[Path]) -> str:
    """A few lines for each artifact; foreign words are made inert."""
    lines: list[str] = []
    for item in result.artifacts:
        inside = "" if item.sealed_as != "beside" else ", BOM beside it"
        word = {"sealed": "sealed", "unchanged": "already sealed", "unsigned": "UNSIGNED"}
        counts = f"{_count(item.components, 'component')}, {_count(item.gaps, 'gap')}"
        if item.findings:
            counts += f", {_count(len(item.findings), 'finding')}"
        lines.append(f"{word[item.state]} {inert(_near(item.path, cwd))}: {counts}{inside}")
        lines.append(f"  sha256:{item.sha256}")
        lines.append(f"  as built sha256:{item.built_sha256}")
        if item.original_sha256 is not None:
            lines[-1] += ", normalised"
            lines.append(f"  the builder wrote sha256:{item.original_sha256}")
        if item.reproducible is not None:
            lines += [f"  {inert(text)}" for text in _again(item.reproducible)]
        lines += [f"  finding: {inert(text)}" for text in item.findings[:_FINDINGS]]
        if len(item.findings) > _FINDINGS:
            rest = len(item.findings) - _FINDINGS
            lines.append(f"  … and {_count(rest, 'finding')} more (`bom show --json` has all)")
    if result.failed_checks:
        names = ", ".join(inert(name) for name in result.failed_checks)
        lines.append(f"failed checks, recorded in the BOM: {names}")
    lines += [
        f"left alone: {inert(_near(str(path), cwd))} is sealed for an earlier build"
        for path in left_alone
    ]
    return "".join(f"{line}\n" for line in lines)


def _again(record: ReproductionRecord) -> Iterator[str]:
    """What came of a second build, and what was varied for it."""
    outcome = {
        "same": "the same bytes",
        "normalised": f"the same after normalising {', '.join(record.normalised)}",
        "different": "DIFFERENT",
        "failed": "FAILED: the second build made no such artifact",
    }[record.outcome]
    if record.first and record.outcome == "different":
        shown = "; ".join(record.first[:_DIFFERENCES])
        rest = record.differences - _DIFFERENCES
        outcome += f": {shown}" + (f"; … and {rest} more" if rest > 0 else "")
    yield f"built again: {outcome}"
    if record.outcome == "failed" and not record.varied:
        return
    parts = [f"varied: {', '.join(record.varied) or 'nothing'}"]
    if record.fixed:
        parts.append(f"fixed by bom: {', '.join(record.fixed)}")
    if record.not_varied:
        parts.append(f"not varied: {', '.join(record.not_varied)} (`bom show` says why)")
    yield "; ".join(parts)


def _near(path: str, cwd: Path) -> str:
    prefix = f"{cwd}/"
    return path.removeprefix(prefix)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
