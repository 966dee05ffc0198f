"""What changed between two BOMs: everything that both say, held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.change import Changes, Line
from bom.report.component_changes import components, is_image, named, what

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.report.change import Order
    from bom.report.contents import CheckLine, Contents, Part


def changes(one: Contents, two: Contents, order: Order, *, alike: bool = True) -> Changes:
    """What changed. `alike`: whether both were made in the same way; a scan says nothing of a
    build, and what it doesn't say is not gone."""
    found = components(one.parts, two.parts, order)
    tools: list[Line] = []
    images: list[Line] = []
    swapped = list(found.swapped)
    if alike:
        tools, other_tools = named(one.tools, two.tools)
        images, other_images = named(
            *([part for part in side.materials if is_image(part)] for side in (one, two))
        )
        images += _lines(_materials(one), _materials(two))
        swapped += [*other_tools, *other_images]
    return Changes(
        added=tuple(sorted(found.added)),
        removed=tuple(sorted(found.removed)),
        moved=tuple(sorted(found.moved)),
        swapped=tuple(sorted(swapped)),
        licences=tuple(sorted(found.licences, key=lambda line: line.name)),
        artifact=_known(_lines(_artifact(one), _artifact(two)), alike),
        source=_known(_lines(_source(one), _source(two)), alike),
        images=tuple(images),
        tools=tuple(tools),
        built_with=_lines(_versions(one.built_with), _versions(two.built_with)) if alike else (),
        settings=_lines(_settings(one), _settings(two)) if alike else (),
        checks=tuple(_checks(one.checks, two.checks)) if alike else (),
        gaps=tuple(_texts((gap.text for gap in one.gaps), (gap.text for gap in two.gaps)))
        if alike
        else (),
        findings=tuple(_texts(one.findings, two.findings)),
        compared=alike,
        components=(len(one.parts), len(two.parts)),
    )


# --- lines ---------------------------------------------------------------------------------------


def _lines(one: Mapping[str, str], two: Mapping[str, str]) -> tuple[Line, ...]:
    return tuple(
        Line(name, one.get(name), two.get(name))
        for name in sorted({*one, *two})
        if one.get(name) != two.get(name)
    )


def _known(lines: tuple[Line, ...], alike: bool) -> tuple[Line, ...]:
    """What a scan can't know is not told as gone."""
    return tuple(line for line in lines if alike or None not in (line.one, line.two))


def _texts(one: Iterable[str], two: Iterable[str]) -> Iterator[Line]:
    """Sentences that only one of the two has."""
    before, after = set(one), set(two)
    for text in sorted(before ^ after):
        yield Line(text, "there" if text in before else None, "there" if text in after else None)


def _artifact(found: Contents) -> dict[str, str]:
    facts: dict[str, str] = {
        # a file's own name is chosen by who builds, and stands above
        "name": found.subject.full_name if found.subject.name != found.file else "",
        "kind": found.kind,
        "version": found.subject.version,
        "licence": ", ".join(found.subject.licences),
        "size": str(found.size) if found.size >= 0 else "",
        "layers": str(len(found.layers)) if found.layers else "",
        "platform": ", ".join(found.subject.facts.get("bom-seal:image:platform", ())),
        "files": found.subject.fact("files:count"),
        "tags": ", ".join(found.tags),
        "sha256": found.sha256,
        "content": found.subject.fact("files:digest"),
        "signed by key": found.signature[1] if found.signature else "",
        "built again": ", ".join(again.outcome for again in found.again),
    }
    return {name: value for name, value in facts.items() if value}


def _source(found: Contents) -> dict[str, str]:
    source = found.source
    facts = {
        "commit": source.commit,
        "state": source.state,
        "remote": source.remote,
        "changes": source.tree_digest,
        "commit signed by": source.signer,
        **{
            f"submodule {path}": commit
            for commit, _, path in (text.partition(" ") for text in source.submodules)
        },
    }
    return {name: value for name, value in facts.items() if value}


def _versions(parts: tuple[Part, ...]) -> dict[str, str]:
    told: dict[str, set[str]] = {}
    for part in parts:
        told.setdefault(what(part), set()).add(part.version or "version unknown")
    return {name: ", ".join(sorted(values)) for name, values in told.items()}


def _materials(found: Contents) -> dict[str, str]:
    """Those that are no images, by their digests: their content is what changes."""
    return {
        f"{part.kind} {part.name}": ", ".join(
            f"{algorithm.lower().replace('sha-', 'sha')}:{value}"
            for algorithm, value in part.hashes
        )
        or "no digest"
        for part in found.materials
        if not is_image(part)
    }


def _settings(found: Contents) -> dict[str, str]:
    told: dict[str, str] = {}
    for kind, name, value in found.settings:
        shown = "variable" if kind == "environment" else kind
        key = name if name == kind else f"{shown} {name}".strip()
        # an option may stand more than once
        told[key] = f"{told[key]}, {value}" if key in told else value
    return told


def _checks(one: Sequence[CheckLine], two: Sequence[CheckLine]) -> Iterator[Line]:
    before, after = ({check.name: check for check in checks} for checks in (one, two))
    for name in sorted({*before, *after}):
        was, now = before.get(name), after.get(name)
        if was != now:
            yield Line(name, _outcome(was), _outcome(now))
        new = sorted({*(now.failed if now else ())} - {*(was.failed if was else ())})
        yield from (Line(f"{name}: {test}", None, "failed") for test in new)


def _outcome(check: CheckLine | None) -> str | None:
    if check is None:
        return None
    counts = [
        f"{count} {one if count == '1' else more}"
        for count, one, more in (
            (check.tests, "test", "tests"),
            (check.failures, "failure", "failures"),
            (check.skipped, "skipped", "skipped"),
        )
        if count
    ]
    return ", ".join([check.outcome or "unknown", *counts])
