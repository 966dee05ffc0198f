"""Known vulnerabilities: `bom audit` of what was sealed, and what the page says of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from bom.errors import FINDING, GOOD, BomError, EnvironmentLacks
from bom.github import building, gathering, signing
from bom.github.commands import Annotation
from bom.github.inputs import OWN
from bom.report.audit_record import AuditRecord
from bom.report.markdown import NOTHING, Block, code, items, row, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.github.gathering import Artifact
    from bom.github.inputs import Inputs
    from bom.report.audit_record import VulnerabilityRecord

_FOLDER: Final = "audits"
_LIMIT: Final = 256 * 1024 * 1024  # bytes of a report
_LONG: Final = 300  # characters


def wanted(inputs: Inputs) -> bool:
    return bool(inputs.text("advisories") or inputs.text("audit-service"))


def run(inputs: Inputs, environment: Mapping[str, str], folder: Path) -> int:
    """Audit every sealed artifact; what was found is for the report to judge. Raises BomError where
    one could not be audited at all: that is never a clean one."""
    own = {name: value for name, value in environment.items() if not name.startswith(OWN)}
    result = gathering.result(folder)
    reports = folder / _FOLDER
    reports.mkdir(mode=0o700)
    for number, record in enumerate(result.artifacts if result else (), start=1):
        report = reports / f"{number}.json"
        command = building.bom(arguments(inputs, record.path, report, folder / signing.PUBLIC))
        code = subprocess.run(command, env=own, check=False).returncode
        if code not in (GOOD, FINDING):
            raise EnvironmentLacks(
                "an artifact could not be audited", hint="the lines above say why"
            )
    return GOOD


def arguments(inputs: Inputs, artifact: str, report: Path, public: Path) -> list[str]:
    """Those of `bom audit`."""
    found = ["audit", "--json", f"--output={report}"]
    if public.exists():
        found.append(f"--key={public}")
    for name, option in (
        ("advisories", "advisories"),
        ("audit-service", "service"),
        ("fail-on-severity", "fail-on"),
    ):
        if value := inputs.text(name):
            found.append(f"--{option}={value}")
    if inputs.flag("allow-unaudited"):
        found.append("--allow-unaudited")
    return [*found, "--", artifact]


def read(folder: Path, artifacts: Sequence[Artifact]) -> list[tuple[Artifact, AuditRecord]]:
    """The reports; empty where none was asked for, or none came to an end."""
    found = []
    for number, item in enumerate(artifacts, start=1):
        try:
            with (folder / _FOLDER / f"{number}.json").open("rb") as stream:
                found.append((item, AuditRecord.model_validate_json(stream.read(_LIMIT))))
        except FileNotFoundError:
            continue
        except (OSError, ValidationError) as error:
            raise BomError("what bom audit wrote can't be read") from error
    return found


def blocks(audits: Sequence[tuple[Artifact, AuditRecord]], *, asked: bool) -> Iterator[Block]:
    """For the page; that nothing was audited is said, where it was `asked` for."""
    if asked and not audits:
        yield Block(("#### Vulnerabilities", "", "❌ **Not audited**: the steps' log says why."))
    for item, audit in audits:
        suffix = f" of {code(item.path.name)}" if len(audits) > 1 else ""
        yield from _blocks(audit, suffix)


def unmet(audits: Sequence[tuple[Artifact, AuditRecord]]) -> Iterator[str]:
    """A sentence for each audit that is no good one."""
    for item, audit in audits:
        if audit.verdict == "bad":
            failing = sum(1 for one in audit.vulnerabilities if one.fails)
            known = "vulnerability counts" if failing == 1 else "vulnerabilities count"
            left = len(audit.not_audited)
            rest = "1 package was" if left == 1 else f"{left} packages were"
            yield f"{item.path.name}: {failing} known {known}, {rest} not audited"


def remarks(audits: Sequence[tuple[Artifact, AuditRecord]]) -> Iterator[Annotation]:
    """One for each vulnerability that counts, at the manifest that asks for the package."""
    for item, audit in audits:
        places = _places(item.contents.document)
        for one in audit.vulnerabilities:
            if one.fails:
                file, line = next((places[ref] for ref in one.components if ref in places), ("", 0))
                fixed = f"; fixed in {', '.join(one.fixed)}" if one.fixed else ""
                yield Annotation(
                    "error",
                    f"bom: {one.id}",
                    f"{one.package} {one.version}: {one.summary or one.id}"
                    f" (severity {one.severity}{fixed})",
                    file,
                    line,
                )


def _blocks(audit: AuditRecord, suffix: str) -> Iterator[Block]:
    counted = [one for one in audit.vulnerabilities if one.ignored is None]
    sign = "❌" if audit.verdict == "bad" else "⚠️" if audit.not_audited else "✅"
    told = [f"{sign} {len(counted):,} known in {audit.audited:,} packages that were audited"]
    if audit.not_audited:
        told.append(f"**{len(audit.not_audited):,} not audited**")
    lines = [f"#### Vulnerabilities{suffix}", "", f"{', '.join(told)}."]
    if audit.advisories is not None:
        facts = audit.advisories
        lines += [
            "",
            f"Held against {code(facts.name)}, {facts.advisories:,} advisories, the newest of"
            f" {code(facts.newest)}, {code(f'sha256:{facts.sha256}')}.",
        ]
    if audit.service:
        lines += ["", f"Asked: {code(audit.service)}."]
    yield Block(tuple(lines))
    if audit.vulnerabilities:
        titles = ("ID", "package", "version", "severity", "fixed in", "what")
        yield table("", titles, map(_vulnerability, audit.vulnerabilities))
    if audit.not_audited:
        texts = (f"{code(one.what)}: {code(one.reason, _LONG)}" for one in audit.not_audited)
        yield items(f"Not audited{suffix}", texts)


def _vulnerability(one: VulnerabilityRecord) -> str:
    severity = one.severity + (f" {one.score:.1f}" if one.score is not None else "")
    if one.ignored is not None:
        severity = f"ignored until {code(one.ignored.until)}: {code(one.ignored.reason)}"
    elif one.fails:
        severity = f"❌ **{severity}**"
    fixed = code(", ".join(one.fixed)) if one.fixed else NOTHING
    what = code(one.summary, _LONG)
    return row(code(one.id), code(one.package), code(one.version), severity, fixed, what)


def _places(document: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """bom-ref -> the first file, and the line there, in which a component was seen."""
    found: dict[str, tuple[str, int]] = {}
    waiting = list(_objects(document.get("components")))
    while waiting:
        part = waiting.pop()
        waiting += _objects(part.get("components"))
        evidence = part.get("evidence")
        seen = _objects(evidence.get("occurrences") if isinstance(evidence, dict) else None)
        for entry in seen:
            place, line, ref = entry.get("location"), entry.get("line"), part.get("bom-ref")
            if isinstance(place, str) and isinstance(ref, str):
                found[ref] = (place, line if isinstance(line, int) and line > 0 else 0)
                break
    return found


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
