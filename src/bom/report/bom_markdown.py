"""`bom show --format markdown`: a BOM for release notes and comments on pull requests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bom.report.contents import contents
from bom.report.markdown import NOTHING, Block, code, folded, items, page, row, table
from bom.report.text import share_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.report.contents import CheckLine, Contents, Part


def bom_markdown(document: Mapping[str, object], max_size: int | None = None) -> str:
    """GitHub's Markdown, ending in a newline, of at most `max_size` characters. Never raises for
    bad content."""
    return page(list(_blocks(contents(document))), max_size)


def _blocks(found: Contents) -> Iterator[Block]:
    named = " ".join(code(text) for text in (found.subject.name, found.subject.version) if text)
    yield Block((f"### {named or 'Artifact'}", "", row("", ""), "|---|---|", *_overview(found)))
    if found.findings:
        yield items("Findings", (code(text, 500) for text in found.findings))
    if found.checks:
        yield table("Checks", ("check", "outcome", "tests", "failed"), map(_check, found.checks))
    if found.tools:
        rows = (
            row(code(part.fact("tool:kind")), code(part.name), _version(part), hashed(part))
            for part in found.tools
        )
        block = table("", ("kind", "tool", "version", "hash"), rows)
        yield folded(f"Tools ({len(found.tools):,})", block)
    if found.materials:
        rows = (
            row(code(part.fact("material")), code(part.name), hashed(part))
            for part in found.materials
        )
        block = table("", ("kind", "material", "digest"), rows)
        yield folded(f"Base images and other materials ({len(found.materials):,})", block)
    if found.settings:
        rows = (row(code(kind), code(name), code(value)) for kind, name, value in found.settings)
        block = table("", ("kind", "setting", "value"), rows)
        yield folded(f"Settings ({len(found.settings):,})", block)
    if found.layers:
        rows = (
            row(code(item.number), code(item.diff_id), _size(item.size), code(item.platform))
            for item in found.layers
        )
        block = table("", ("layer", "diff ID", "size", "platform"), rows)
        yield folded(f"Layers ({len(found.layers):,})", block)
    if found.parts:
        rows = (
            row(code(part.full_name), _version(part), licences(part), hashed(part))
            for part in found.parts
        )
        block = table("", ("component", "version", "licence", "hash"), rows)
        yield folded(f"Components ({len(found.parts):,})", block)
        yield folded("Licences", table("", ("licence", "components"), _licence_rows(found.parts)))
    if found.gaps:
        yield folded(
            f"Gaps ({len(found.gaps):,}): what could not be had",
            items("", (code(gap.text, 300) for gap in found.gaps)),
        )


def _overview(found: Contents) -> Iterator[str]:
    if found.file:
        yield row("file", code(found.file))
    if found.tags:
        yield row("tags", " ".join(map(code, found.tags[:10])))
    if found.sha256:
        size = f" ({size_text(found.size)})" if found.size >= 0 else ""
        yield row("as built", code(f"sha256:{found.sha256}") + size)
    if found.subject.licences:
        yield row("licence", licences(found.subject))
    source = found.source
    if source.commit:
        remote = f" of {code(source.remote)}" if source.remote else ""
        state = f", {code(source.state)}" if source.state else ""
        yield row("revision", f"{code(source.commit)}{remote}{state}")
    else:
        yield row("revision", "unknown")
    if found.signature is None:
        yield row("signature", "**none**")
    else:
        algorithm, key = found.signature
        yield row("signature", f"{code(algorithm)} by key {code(key)}, not checked here")
    if found.checks:
        yield row("checks", outcomes(found.checks))
    for again in found.again:
        told = code(again.outcome)
        yield row("built again", told if again.outcome in ("same", "normalised") else f"**{told}**")
    unhashed = sum(1 for part in found.parts if not (part.hashes or part.files))
    note = f", {unhashed:,} without a hash" if unhashed else ""
    yield row("components", f"{len(found.parts):,}{note}" if found.parts else "none known")
    count, known = (found.subject.fact(f"files:{name}") for name in ("count", "accounted"))
    if _is_count(count) and _is_count(known) and int(known) <= int(count):
        share = share_text(int(known), int(count))
        yield row("files", f"{int(count):,}, {share} accounted for")
    yield row("findings", f"**{len(found.findings):,}**" if found.findings else "none")
    yield row("gaps", f"{len(found.gaps):,}" if found.gaps else "none")


def outcomes(checks: Sequence[CheckLine]) -> str:
    """How many came out how, passed ones last."""
    counted = Counter(check.outcome for check in checks)
    passed = counted.pop("passed", 0)
    told = [f"**{count:,}** {code(outcome)}" for outcome, count in sorted(counted.items())]
    return ", ".join([*told, f"{passed:,} passed"])


def licences(part: Part) -> str:
    return " ".join(code(text, 80) for text in part.licences[:5]) or NOTHING


def hashed(part: Part) -> str:
    """The hash of its bytes, else of the first file by which it is distributed."""
    for hashes in (part.hashes, *(hashes for _, hashes in part.files)):
        for algorithm, value in sorted(hashes, key=lambda pair: pair[0] != "SHA-256"):
            return code(f"{algorithm.lower().replace('sha-', 'sha')}:{value}")
    return "none"


def _check(check: CheckLine) -> str:
    outcome = code(check.outcome)
    failed = " ".join(code(name, 80) for name in check.failed[:5])
    if len(check.failed) > 5:
        failed += f" and {len(check.failed) - 5:,} more"
    return row(
        code(check.name),
        outcome if check.outcome == "passed" else f"**{outcome}**",
        code(check.tests),
        failed or NOTHING,
    )


def _version(part: Part) -> str:
    return code(part.version)


def _size(size: int) -> str:
    return size_text(size) if size >= 0 else NOTHING


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _licence_rows(parts: Sequence[Part]) -> Iterator[str]:
    counted = Counter(name for part in parts for name in set(part.licences))
    for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        yield row(code(name), f"{count:,}")
    if without := sum(1 for part in parts if not part.licences):
        yield row("none known", f"{without:,}")
