"""The job's summary and the comment: the same sections, each cut to its limit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from bom.github.changes import Change, changes, identity
from bom.github.markdown import Section, row, table, word
from bom.report.text import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bom.github.base import Base
    from bom.github.gathering import Artifact, Built
    from bom.report.contents import Contents, Part

_MARKS: Final = {
    "passed": "✅",
    "failed": "❌",
    "good": "✅",
    "bad": "❌",
    "unsigned": "⚠️",
    "same": "✅",
}
_LONG: Final = 1000  # characters of a gap or a finding


def sections(found: Built, base: Base | None, vulnerabilities: Sequence[Section]) -> list[Section]:
    """All of the page, the most important first. `base`: None where none was asked for."""
    parts = [_head(found), *map(_artifact, found.artifacts)]
    changed = partial(_changes, base) if base is not None else _nothing
    for kind in (changed, _checks, _findings):
        parts += _of_each(found.artifacts, kind)
    parts += vulnerabilities
    for kind in (_gaps, _tools, _components):
        parts += _of_each(found.artifacts, kind)
    return parts


def _of_each(
    artifacts: Sequence[Artifact], kind: Callable[[Contents], Section | None]
) -> Iterator[Section]:
    """One section for each artifact; once where it says the same of all."""
    made = [(item, kind(item.contents)) for item in artifacts]
    alike = len({section for _, section in made}) == 1
    for item, section in made[:1] if alike else made:
        if section is not None:
            yield section if alike else section.about(item.path.name)


def _nothing(_says: Contents) -> Section | None:
    return None


def _head(found: Built) -> Section:
    lines: list[str] = []
    if found.failed:
        title = "bom: the build failed"
        failure = found.result.failure if found.result else None
        if failure is not None:
            lines.append(f"{word(failure.reason, _LONG)}")
            if failure.hint:
                lines += ["", f"hint: {word(failure.hint, _LONG)}"]
        elif found.result is not None:
            lines.append(f"The command ended with exit code {found.result.exit_code}.")
        else:
            lines.append("It came to no result: the steps' log says why.")
    elif any(item.judged == "bad" for item in found.artifacts):
        title = "bom: what was sealed does not verify"
    elif not found.artifacts:
        title = "bom: the command made nothing to seal"
    elif all(item.judged == "good" for item in found.artifacts):
        title = "bom: sealed, signed and verified"
    else:
        title = "bom: sealed, UNSIGNED"
    if found.how is not None and found.how.how == "unsigned":
        lines += ["", f"**Not signed:** {found.how.reason}."]
        if found.how.limited:
            lines.append("There is no comment on the pull request either: the token may only read.")
    if found.result is not None:
        lines += [f"- note: {word(text, _LONG)}" for text in found.result.warnings[:20]]
    return Section(title, tuple(lines))


def _artifact(item: Artifact) -> Section:
    says = item.contents
    verdict = {
        "good": f"✅ good, signed by {word(item.verdict.signed_by[0])}"
        if item.verdict.signed_by
        else "✅ good",
        "bad": "❌ BAD",
        "unsigned": "⚠️ not signed",
    }[item.judged]
    state = f" ({word(says.source.state)})" if says.source.state else ""
    command = next((value for kind, _, value in says.settings if kind == "command"), "")
    images = [part for part in says.materials if part.kind in ("base-image", "build-image")]
    again = next((line.outcome for line in says.again), "")
    size = f", {size_text(says.size)}" if says.size >= 0 else ""
    values = [
        ("verdict", verdict),
        ("what", f"{word(says.kind)} {word(_title(says))}{size}"),
        ("SHA-256", word(item.record.sha256)),
        ("as built", word(item.record.built_sha256)),
        ("revision", f"{word(says.source.commit)}{state}" if says.source.commit else ""),
        ("source", word(says.source.remote)),
        ("command", word(command)),
        ("base images", ", ".join(_image(part) for part in images)),
        ("built again", f"{_MARKS.get(again, '❌')} {word(again)}" if again else ""),
        ("ships", _count(item.record.components, "component")),
        ("checks", _outcomes(says)),
        ("findings", str(len(says.findings)) if says.findings else "none"),
        ("gaps", str(len(says.gaps)) if says.gaps else "none"),
    ]
    head = table((word(item.path.name), ""))
    rows = tuple(row(pair) for pair in values if pair[1])
    bad = [
        f"- ❌ {word(one.code)}: {word(one.message, _LONG)}"
        for one in item.verdict.findings
        if item.judged == "bad"
    ]
    return Section("", (*head, *rows, *(["", *bad] if bad else []), ""))


def _checks(says: Contents) -> Section | None:
    if not says.checks:
        return None
    rows = [
        row(
            (
                word(line.name),
                f"{_MARKS.get(line.outcome, '⚠️')} {word(line.outcome)}",
                word(line.tests),
                word(line.failures),
                word(line.skipped),
            )
        )
        for line in says.checks
    ]
    failed = [f"- {word(line.name)}: {word(name)}" for line in says.checks for name in line.failed]
    head = table(("check", "outcome", "tests", "failures", "skipped"))
    return Section("Checks", (*head, *rows), ("", *failed) if failed else ())


def _findings(says: Contents) -> Section | None:
    if not says.findings:
        return None
    rows = tuple(f"- {word(text, _LONG)}" for text in says.findings)
    return Section(_count(len(rows), "finding"), rows=rows)


def _changes(base: Base, says: Contents) -> Section:
    title = "Dependency changes"
    if base.missing:
        return Section(title, (f"Not compared: {word(base.missing, _LONG)}.",))
    alike = [item for item in base.boms if identity(item) == identity(says)]
    if not alike:
        return Section(title, (f"Not compared: {base.origin} is about no such artifact.",))
    found = changes(alike[0], says)
    against = f"Against {base.origin}"
    if commit := alike[0].source.commit:
        against += f", of {word(commit)}"
    if not found:
        return Section(title, (f"{against}: none.",))
    counts = [
        f"{count} {kind}"
        for kind in ("added", "removed", "changed", "other content")
        if (count := sum(1 for item in found if item.kind == kind))
    ]
    loud = [item for item in found if item.kind == "other content"]
    lines = [f"{against}: {', '.join(counts)}."]
    if loud:
        lines += ["", "**❗ The same version with another hash:**", ""]
        lines += [f"- {word(item.name)} {word(item.after)}" for item in loud[:20]]
        lines += [f"- … and {len(loud) - 20} more"] if len(loud) > 20 else []
    return Section(
        title,
        (*lines, "", *table(("package", "change", "before", "after"))),
        tuple(map(_change, found)),
    )


def _change(item: Change) -> str:
    kind = f"❗ {item.kind}" if item.kind == "other content" else item.kind
    return row((word(item.name), kind, word(item.before), word(item.after)))


def _gaps(says: Contents) -> Section | None:
    if not says.gaps:
        return None
    rows = tuple(f"- {word(line.text, _LONG)}" for line in says.gaps)
    title = f"{_count(len(rows), 'gap')}: what could not be had"
    return Section(title, rows=rows, folded=True)


def _tools(says: Contents) -> Section | None:
    if not says.tools:
        return None
    rows = tuple(
        row((word(part.name), word(part.version), word(part.kind), _sha256(part)))
        for part in says.tools
    )
    head = table(("tool", "version", "what", "SHA-256"))
    return Section(_count(len(rows), "tool"), head, rows, folded=True)


def _components(says: Contents) -> Section | None:
    if not says.parts:
        return None
    rows = tuple(
        row((word(part.full_name), word(part.version), word(", ".join(part.licences))))
        for part in says.parts
    )
    head = table(("component", "version", "licence"))
    return Section(_count(len(rows), "component"), head, rows, folded=True)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _title(says: Contents) -> str:
    name, version = says.subject.full_name, says.subject.version
    return f"{name} {version}".strip() or says.file


def _image(part: Part) -> str:
    digest = _sha256(part)
    return f"{word(part.name)} {digest}".strip()


def _sha256(part: Part) -> str:
    return word(dict(reversed(part.hashes)).get("SHA-256", "")[:12])


def _outcomes(says: Contents) -> str:
    outcomes = [line.outcome for line in says.checks]
    told = [
        f"{_MARKS.get(kind, '⚠️')} {outcomes.count(kind)} {kind}"
        for kind in ("passed", "failed", "skipped", "not-run")
        if kind in outcomes
    ]
    return ", ".join(told) or "none was run"
