"""A verdict as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.text import inert
from bom.report.tones import plain, toned, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.model import Finding, Verdict
    from bom.report.tones import Finish


def verdict_text(verdict: Verdict, width: int = 0, finish: Finish = plain) -> str:
    """Lines ending in a newline, of at most `width` columns (0: of any): good or bad first, then
    what it rests on."""
    name = inert(verdict.artifact)
    count = _plural(len(verdict.findings), "finding")
    first = (
        f"{toned('good', 'good')}: {name}"
        if verdict.good
        else f"{toned('bad', 'BAD')}: {name}: {count}"
    )
    lines = wrapped(first, width, "", "  ")
    for label, told in _facts(verdict):
        lines += wrapped(f"{toned('dim', f'{label:<10}')} {told}", width, "  ", " " * 13)
    for finding in verdict.findings:
        lines += _finding(finding, width)
    for text in verdict.warnings:
        lines += wrapped(f"{toned('warn', 'note')}: {inert(text)}", width, "  ", " " * 4)
    return finish("\n".join(lines) + "\n")


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """What it rests on: (label, text)."""
    codes = {finding.code for finding in verdict.findings}
    if verdict.subject_name:
        yield "subject", inert(verdict.subject_name)
    # bytes that are not the signed ones are no artifact "as built": the finding states both
    if verdict.subject_sha256 and not {"subject-digest", "no-seal"} & codes:
        yield "as built", f"sha256:{verdict.subject_sha256} ({verdict.subject_size} bytes)"
        for image in verdict.images:
            yield "image", _image(*image)
    for key in verdict.signed_by:
        names = ", ".join(inert(name) for name in verdict.trusted)
        yield "signed by", f"{key} ({names or toned('warn', 'not trusted here')})"
    if verdict.rebuilt_by:
        yield "rebuilt by", ", ".join(inert(name) for name in verdict.rebuilt_by)
    if verdict.commit:
        yield "commit", inert(verdict.commit)
    if verdict.failed_checks:
        failed = ", ".join(inert(name) for name in verdict.failed_checks)
        yield "checks", f"{toned('bad', 'FAILED')} when it was built: {failed}"
    if verdict.reproducible:
        told = {"same": "the same bytes", "normalised": "the same after normalising"}
        shown = told.get(verdict.reproducible, inert(verdict.reproducible).upper())
        yield "built again", f"{shown}, when it was built"
    if verdict.build_findings:
        count = _plural(verdict.build_findings, "thing")
        yield "then found", f"{count} wrong when it was built (`bom show` lists them)"
    if verdict.gaps:
        yield "gaps", f"{verdict.gaps} (`bom show` lists them)"


def _image(platform: str, manifest: str, config: str) -> str:
    """By its manifest, as registries have it; where the archive has none by its configuration."""
    told = inert(manifest or config)
    return f"{told} ({inert(platform)})" if platform else told


def _finding(finding: Finding, width: int) -> list[str]:
    where = f" ({inert(finding.where)})" if finding.where else ""
    told = f"{toned('bad', inert(finding.code))}: {inert(finding.message)}{where}"
    lines = wrapped(told, width, "  ", " " * 6)
    for label, value in (("expected", finding.expected), ("found", finding.found)):
        if value:
            shown = f"{toned('dim', f'{label:<8}')} {inert(value)}"
            lines += wrapped(shown, width, " " * 4, " " * 13)
    return lines


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
