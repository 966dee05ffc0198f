"""What `bom install` did, or would do: for a person and for a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from bom.report.records import InstallRecord, InstallStepRecord, finding_records
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bom.model import Finding

_WORDS: Final = {
    "install": "installed",
    "replace": "replaced",
    "keep": "kept",
    "remove": "removed",
    "load": "loaded",
    "tag": "tagged",
    "restore": "restored",
}


class _Step(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def detail(self) -> str: ...


class _Plan(Protocol):
    @property
    def where(self) -> str: ...
    @property
    def steps(self) -> Sequence[_Step]: ...
    @property
    def warnings(self) -> Sequence[str]: ...


class _Install(Protocol):
    kind: str
    name: str
    sha256: str
    built_sha256: str


def install_text(install: _Install, plan: _Plan, *, dry_run: bool) -> str:
    """Lines ending in a newline: what it is about first, then a line for each step."""
    verb = "would install" if dry_run else "installed"
    if plan.steps and all(step.action == "keep" for step in plan.steps):
        verb = "nothing to do"
    lines = [f"{verb}: {inert(install.name)} into {inert(plan.where)}"]
    lines += _step_lines(plan.steps, dry_run=dry_run)
    lines += [f"  warning: {inert(text)}" for text in plan.warnings]
    if dry_run:
        lines.append("  nothing was changed (--dry-run)")
    return "\n".join(lines) + "\n"


def _step_lines(steps: Iterable[_Step], *, dry_run: bool) -> list[str]:
    rows = []
    for step in steps:
        word = step.action if dry_run else _WORDS[step.action]
        rows.append((word, f"{step.name} {step.version}".rstrip(), step.digest, step.detail))
    widest = max((len(row[0]) for row in rows), default=0)
    return [
        "  " + "  ".join(filter(None, (word.ljust(widest), *map(inert, rest))))
        for word, *rest in rows
    ]


def install_record(install: _Install, plan: _Plan, *, dry_run: bool) -> InstallRecord:
    return InstallRecord(
        artifact=install.name,
        installed=not dry_run,
        dry_run=dry_run,
        kind=install.kind,
        sha256=install.sha256,
        built_sha256=install.built_sha256,
        where=plan.where,
        steps=[
            InstallStepRecord(
                action=step.action,
                name=step.name,
                version=step.version,
                digest=step.digest,
                detail=step.detail,
            )
            for step in plan.steps
        ],
        findings=[],
        warnings=list(plan.warnings),
    )


def refusal_record(artifact: str, findings: Sequence[Finding]) -> InstallRecord:
    """Of what was not installed: something is not as its BOM says."""
    return InstallRecord(
        artifact=artifact,
        installed=False,
        findings=finding_records(findings),
    )
