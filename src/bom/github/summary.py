"""The job's summary and the comment: the same blocks, each page cut to its limit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

from bom.github.base import identity
from bom.report.bom_markdown import hashed, licences, outcomes
from bom.report.changes import changes
from bom.report.changes_markdown import changes_markdown
from bom.report.markdown import NOTHING, Block, code, folded, items, row, table
from bom.report.text import inert, size_text
from bom.versions import compared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bom.github.base import Base
    from bom.github.gathering import Artifact, Built
    from bom.report.contents import CheckLine, Contents, Part

_LONG: Final = 1000  # characters of a reason, a gap or a finding
_NOTES: Final = 20
_CHANGES: Final = 24_000  # characters of what changed, so that a comment has room for the rest
_VERDICTS: Final = {"bad": "❌ **BAD**", "unsigned": "⚠️ not signed"}


def blocks(found: Built, base: Base | None, vulnerabilities: Sequence[Block]) -> list[Block]:
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
    artifacts: Sequence[Artifact], kind: Callable[[Contents], Block | None]
) -> Iterator[Block]:
    """One block for each artifact; once where it says the same of all."""
    made = [(item, kind(item.contents)) for item in artifacts]
    alike = len({block for _, block in made}) == 1
    for item, block in made[:1] if alike else made:
        if block is not None:
            yield block if alike else _about(block, item.path.name)


def _about(block: Block, name: str) -> Block:
    """With the artifact's name: in a folded block's HTML, else below the heading."""
    if block.head[0] == "<details>":
        shown = f" of <code>{escape(inert(name))}</code></summary>"
        head = tuple(line.replace("</summary>", shown) for line in block.head)
        return replace(block, head=head)
    return replace(block, head=(f"{block.head[0]} of {code(name)}", *block.head[1:]))


def _nothing(_says: Contents) -> Block | None:
    return None


def _head(found: Built) -> Block:
    judged = {item.judged for item in found.artifacts}
    lines: list[str] = []
    if found.failed:
        title = "the build failed"
        lines += _failure(found)
    elif not judged:
        title = "the command made nothing to seal"
    elif "bad" in judged:
        title = "what was sealed does not verify"
    elif judged == {"good"}:
        title = "sealed, signed and verified"
    else:
        title = "sealed, UNSIGNED"
    if found.how is not None and found.how.how == "unsigned":
        lines += ["", f"**Not signed:** {found.how.reason}."]
        if found.how.limited:
            lines.append("There is no comment on the pull request either: the token may only read.")
    if found.result is not None and found.result.warnings:
        notes = found.result.warnings[:_NOTES]
        lines += ["", *(f"- note: {code(text, _LONG)}" for text in notes)]
        if left := len(found.result.warnings) - len(notes):
            lines.append(f"- … and {left} more notes")
    return Block((f"### bom: {title}", *([""] if lines and lines[0] else []), *lines))


def _failure(found: Built) -> Iterator[str]:
    if found.result is None:
        yield "It came to no result: the steps' log says why."
    elif found.result.failure is None:
        yield f"The command ended with exit code {found.result.exit_code}."
    else:
        yield code(found.result.failure.reason, _LONG)
        if found.result.failure.hint:
            yield from ("", f"hint: {code(found.result.failure.hint, _LONG)}")


def _artifact(item: Artifact) -> Block:
    says = item.contents
    lines = [row(code(item.path.name), ""), "|---|---|"]
    lines += [row(name, value) for name, value in _facts(item) if value and value != NOTHING]
    if item.judged == "bad":
        lines.append("")
        lines += [
            f"- ❌ {code(finding.code)}: {code(finding.message, _LONG)}"
            for finding in item.verdict.findings
        ]
    if says.again and says.again[0].differences:
        lines.append("")
        lines += [f"- built again: {code(text, _LONG)}" for text in says.again[0].differences[:5]]
    return Block(tuple(lines))


def _facts(item: Artifact) -> Iterator[tuple[str, str]]:
    """A row each; ours in plain words, what the BOM says as code."""
    says = item.contents
    signer = f", signed by {code(item.verdict.signed_by[0])}" if item.verdict.signed_by else ""
    yield "verdict", _VERDICTS.get(item.judged, f"✅ good{signer}")
    size = f", {size_text(says.size)}" if says.size >= 0 else ""
    title = f"{says.subject.full_name} {says.subject.version}".strip() or says.file
    yield "what", f"{code(says.kind)} {code(title)}{size}"
    yield "SHA-256", code(item.record.sha256)
    normalised = ", normalised" if item.record.original_sha256 else ""
    yield "as built", f"{code(item.record.built_sha256)}{normalised}"
    source = says.source
    if source.commit:
        remote = f" of {code(source.remote)}" if source.remote else ""
        state = f" ({code(source.state)})" if source.state else ""
        yield "revision", f"{code(source.commit)}{remote}{state}"
    yield "command", code(next((text for kind, _, text in says.settings if kind == "command"), ""))
    images = [part for part in says.materials if part.kind in ("base-image", "build-image")]
    yield "base images", "<br>".join(f"{code(part.name)} {hashed(part)}" for part in images)
    for again in says.again:
        same = again.outcome in ("same", "normalised")
        yield "built again", f"{'✅' if same else '❌'} {code(again.outcome)}"
    yield "ships", _count(item.record.components, "component")
    yield "checks", outcomes(says.checks) if says.checks else "none was run"
    yield "findings", f"**{len(says.findings):,}**" if says.findings else "none"
    yield "gaps", f"{len(says.gaps):,}" if says.gaps else "none"


def _checks(says: Contents) -> Block | None:
    if not says.checks:
        return None
    titles = ("check", "outcome", "tests", "failures", "skipped", "failed")
    return table("Checks", titles, map(_check, says.checks))


def _check(line: CheckLine) -> str:
    sign = {"passed": "✅", "failed": "❌"}.get(line.outcome, "⚠️")
    failed = " ".join(code(name, 80) for name in line.failed[:5]) or NOTHING
    if (left := len(line.failed) - 5) > 0:
        failed += f" and {left:,} more"
    counts = (code(text) for text in (line.tests, line.failures, line.skipped))
    return row(code(line.name), f"{sign} {code(line.outcome)}", *counts, failed)


def _findings(says: Contents) -> Block | None:
    if not says.findings:
        return None
    count = _count(len(says.findings), "finding")
    return items(count, (code(text, _LONG) for text in says.findings))


def _changes(base: Base, says: Contents) -> Block:
    title = "### Dependency changes"
    if base.missing:
        return Block((title, "", f"Not compared: {code(base.missing, _LONG)}."))
    before = next((item for item in base.boms if identity(item) == identity(says)), None)
    if before is None:
        return Block((title, "", f"Not compared: {base.origin} is of no such artifact."))
    # of two commits these always differ, and the page says above what they are now
    found = replace(changes(before, says, compared), artifact=(), source=(), checks=())
    names = (f"{base.origin}, {before.source.commit[:12]}".rstrip(", "), "this build")
    return Block(tuple(changes_markdown(names, found, max_size=_CHANGES).splitlines()))


def _gaps(says: Contents) -> Block | None:
    if not says.gaps:
        return None
    title = f"{_count(len(says.gaps), 'gap')}: what could not be had"
    return folded(title, items("", (code(line.text, _LONG) for line in says.gaps)))


def _tools(says: Contents) -> Block | None:
    if not says.tools:
        return None
    rows = (
        row(code(part.name), code(part.version), code(part.kind), hashed(part))
        for part in says.tools
    )
    block = table("", ("tool", "version", "what", "hash"), rows)
    return folded(_count(len(says.tools), "tool"), block)


def _components(says: Contents) -> Block | None:
    if not says.parts:
        return None
    block = table("", ("component", "version", "licence"), map(_component, says.parts))
    return folded(_count(len(says.parts), "component"), block)


def _component(part: Part) -> str:
    return row(code(part.full_name), code(part.version), licences(part))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
