"""What `bom build` tells a person at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bom.report.records import ResultRecord


_FINDINGS: Final = 20  # shown of one artifact


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
        if item.original_sha256 is None:
            lines.append(f"  as built sha256:{item.built_sha256}")
        else:
            lines.append(f"  normalised sha256:{item.built_sha256}")
            lines.append(f"  as built sha256:{item.original_sha256}")
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


def _near(path: str, cwd: Path) -> str:
    prefix = f"{cwd}/"
    return path.removeprefix(prefix)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
