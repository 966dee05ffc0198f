"""A verdict as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.text import inert

if TYPE_CHECKING:
    from bom.model import Finding, Verdict


def verdict_text(verdict: Verdict) -> str:
    """Lines ending in a newline: good or bad first, then what it rests on."""
    count = len(verdict.findings)
    codes = {finding.code for finding in verdict.findings}
    name = inert(verdict.artifact)
    lines = [f"good: {name}" if verdict.good else f"BAD: {name}: {_plural(count, 'finding')}"]
    if verdict.subject_name:
        lines.append(f"  subject    {inert(verdict.subject_name)}")
    # bytes that are not the signed ones are no artifact "as built": the finding states both
    if verdict.subject_sha256 and not {"subject-digest", "no-seal"} & codes:
        lines.append(f"  as built   sha256:{verdict.subject_sha256} ({verdict.subject_size} bytes)")
        lines += [_image(*image) for image in verdict.images]
    for key in verdict.signed_by:
        names = ", ".join(inert(name) for name in verdict.trusted)
        lines.append(f"  signed by  {key} ({names or 'not trusted here'})")
    if verdict.rebuilt_by:
        names = ", ".join(inert(name) for name in verdict.rebuilt_by)
        lines.append(f"  rebuilt by {names}")
    if verdict.commit:
        lines.append(f"  commit     {inert(verdict.commit)}")
    if verdict.failed_checks:
        failed = ", ".join(inert(name) for name in verdict.failed_checks)
        lines.append(f"  checks     FAILED when it was built: {failed}")
    if verdict.reproducible:
        told = {"same": "the same bytes", "normalised": "the same after normalising"}
        shown = told.get(verdict.reproducible, inert(verdict.reproducible).upper())
        lines.append(f"  built again {shown}, when it was built")
    if verdict.build_findings:
        count_then = _plural(verdict.build_findings, "thing")
        lines.append(f"  then found {count_then} wrong when it was built (`bom show` lists them)")
    if verdict.gaps:
        lines.append(f"  gaps       {verdict.gaps} (`bom show` lists them)")
    for finding in verdict.findings:
        lines += _finding(finding)
    lines += [f"  note: {inert(text)}" for text in verdict.warnings]
    return "\n".join(lines) + "\n"


def _image(platform: str, manifest: str, config: str) -> str:
    """By its manifest, as registries have it; where the archive has none by its configuration."""
    told = f"  image      {inert(manifest or config)}"
    return f"{told} ({inert(platform)})" if platform else told


def _finding(finding: Finding) -> list[str]:
    where = f" ({inert(finding.where)})" if finding.where else ""
    lines = [f"  {inert(finding.code)}: {inert(finding.message)}{where}"]
    if finding.expected:
        lines.append(f"    expected {inert(finding.expected)}")
    if finding.found:
        lines.append(f"    found    {inert(finding.found)}")
    return lines


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
