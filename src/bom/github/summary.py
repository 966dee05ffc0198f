"""The job's summary and the comment: the same sections, each cut to its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.github.changes import Change, changes, identity
from bom.github.markdown import Section, row, table, word
from bom.report.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    parts = [_head(found)]
    several = len(found.artifacts) > 1
    for item in found.artifacts:
        parts.append(_artifact(item))
    for item in found.artifacts:
        suffix = f" of {word(item.path.name)}" if several else ""
        parts += _of_one(item, base, suffix)
    parts += vulnerabilities
    for item in found.artifacts:
        suffix = f" of {word(item.path.name)}" if several else ""
        parts += _details(item.contents, suffix)
    return parts


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
        ("ships", f"{item.record.components} components"),
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


def _of_one(item: Artifact, base: Base | None, suffix: str) -> Iterator[Section]:
    says = item.contents
    if base is not None:
        yield _changes(says, base, suffix)
    if says.checks:
        head = table(("check", "outcome", "tests", "failures", "skipped"))
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
        failed = [
            f"- {word(line.name)}: {word(name)}" for line in says.checks for name in line.failed
        ]
        yield Section(f"Checks{suffix}", (*head, *rows), ("", *failed) if failed else ())
    if says.findings:
        yield Section(
            f"{len(says.findings)} findings{suffix}",
            rows=tuple(f"- {word(text, _LONG)}" for text in says.findings),
        )


def _changes(says: Contents, base: Base, suffix: str) -> Section:
    title = f"Dependency changes{suffix}"
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


def _details(says: Contents, suffix: str) -> Iterator[Section]:
    if says.gaps:
        title = f"{len(says.gaps)} gaps: what could not be had"
        yield Section(
            f"{title}{_plain(suffix)}",
            rows=tuple(f"- {word(line.text, _LONG)}" for line in says.gaps),
            folded=True,
        )
    if says.tools:
        yield Section(
            f"{len(says.tools)} tools{_plain(suffix)}",
            table(("tool", "version", "what", "SHA-256")),
            tuple(
                row((word(part.name), word(part.version), word(part.kind), _sha256(part)))
                for part in says.tools
            ),
            folded=True,
        )
    if says.parts:
        yield Section(
            f"{len(says.parts)} components{_plain(suffix)}",
            table(("component", "version", "licence")),
            tuple(
                row((word(part.full_name), word(part.version), word(", ".join(part.licences))))
                for part in says.parts
            ),
            folded=True,
        )


def _plain(suffix: str) -> str:
    """A folded section's title is HTML, in which a code span is none."""
    return suffix and " (one of several artifacts)"


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
