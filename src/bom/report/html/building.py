"""How it was built: checks, the second build, tools, environment, steps, what only built it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.foreign import as_objects, as_text, facts_of
from bom.report.html.element import Html, element, joined
from bom.report.html.frame import section
from bom.report.html.nodes import cut, ecosystem, hashed, label
from bom.report.html.tables import (
    Column,
    bullets,
    code,
    folded,
    long_table,
    pairs,
    pill,
    plural,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.report.contents import CheckLine, Contents, Part, SecondBuild

_EVIDENCE = {
    "used": "it was run",
    "stated": "the engine or the artifact states it",
    "path": "found on PATH, not known to have been used",
}
_OUTCOMES = {
    "same": "the same bytes",
    "normalised": "the same after normalising",
    "different": "different",
    "failed": "the second build made no such artifact",
}


def checks(found: Contents) -> Html:
    rows = [_check(line) for line in found.checks]
    titles = ("Check", "Outcome", "Tests", "Failures", "Skipped", "What failed")
    shown = (
        table(f"{plural(len(rows), 'check')} of this very revision", titles, rows)
        if rows
        else element("p", "No check is recorded.", class_="note")
    )
    return section(
        "checks",
        "Checks",
        shown,
        *(_again(item) for item in found.again),
        count=str(len(rows) + len(found.again)),
    )


def _check(line: CheckLine) -> tuple[str | None, ...]:
    passed = line.outcome == "passed"
    failed = line.outcome == "failed"
    outcome = pill(line.outcome or "unknown", "good" if passed else "bad" if failed else "warn")
    failures = None
    if line.failed:
        listed = bullets(line.failed)
        few = len(line.failed) <= 5
        failures = listed if few else folded(plural(len(line.failed), "name"), listed)
    counts = (line.tests, line.failures, line.skipped)
    return (line.name or "?", outcome, *(cut(count, 20) for count in counts), failures)


def _again(item: SecondBuild) -> Html:
    mood = {"same": "good", "normalised": "good"}.get(item.outcome, "bad")
    told = _OUTCOMES.get(item.outcome, item.outcome or "unknown")
    facts = pairs(
        (
            ("varied", ", ".join(item.varied) or "nothing"),
            ("fixed by bom", ", ".join(item.fixed)),
            ("normalised", ", ".join(item.normalised)),
            ("not varied", bullets(item.not_varied) if item.not_varied else None),
            ("differences", bullets(item.differences) if item.differences else None),
        )
    )
    heading = element(
        "h3", "Built a second time: ", pill(told, "good" if mood == "good" else "bad")
    )
    return joined((heading, facts))


def tools(found: Contents) -> Html:
    rows = [
        (
            label(part),
            part.kind,
            _EVIDENCE.get(part.fact("evidence"), part.fact("evidence")),
            _digests(part),
            code(part.fact("tool:package")),
        )
        for part in found.tools
    ]
    titles = ("Tool", "Kind", "How it is known", "Digest", "Out of the package")
    shown = (
        table(f"{plural(len(rows), 'tool')} that took part, or may have", titles, rows)
        if rows
        else element("p", "No tool of the build is recorded.", class_="note")
    )
    return section("tools", "Tools", shown, count=str(len(rows)))


def _digests(part: Part) -> Html | None:
    told = [
        f"{algorithm.lower().replace('sha-', 'sha')}:{value}" for algorithm, value in part.hashes
    ]
    return joined(element("div", code(text)) for text in told) if told else None


def environment(found: Contents) -> Html:
    """Settings, and what the build was given that is no package."""
    settings = [
        (name if name == kind else f"{kind} {name}".strip() or "?", code(cut(value)))
        for kind, name, value in found.settings
    ]
    materials = [(label(part), part.kind, _digests(part)) for part in found.materials]
    inside = []
    if settings:
        inside.append(table("What steered the build", ("Setting", "Value"), settings))
    if materials:
        inside.append(element("h3", "Materials"))
        inside.append(table("What the build was given", ("Material", "Kind", "Digest"), materials))
    names = found.subject.facts.get("bom-seal:image:env", ())
    if names:
        inside.append(element("h3", "Variables in the image's own configuration"))
        inside.append(element("p", "Names only: their values are not recorded.", class_="note"))
        inside.append(bullets(names))
    inside += _steps(found)
    if not inside:
        inside.append(
            element("p", "Nothing of the build's environment is recorded.", class_="note")
        )
    return section("environment", "Environment", *inside, count=str(len(settings)))


def steps_of(found: Contents) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, commands, digests of the layers that it added) of each step of an image's build."""
    for formula in as_objects(found.document.get("formulation")):
        for flow in as_objects(formula.get("workflows")):
            for task in as_objects(flow.get("tasks")):
                for step in as_objects(task.get("steps")):
                    commands = [
                        as_text(item.get("executed")) for item in as_objects(step.get("commands"))
                    ]
                    layers = facts_of(step).get("bom-seal:step:layer", ())
                    yield as_text(step.get("name")), "\n".join(filter(None, commands)), layers


def _steps(found: Contents) -> Iterator[Html]:
    rows = [(name or "?", code(" ".join(cut(told).split()))) for name, told, _ in steps_of(found)]
    if rows:
        yield element("h3", "Steps")
        shown = table("Steps of the build", ("Step", "What it ran or did"), rows)
        yield shown if len(rows) <= 12 else folded(plural(len(rows), "step"), shown)


def built_with(found: Contents) -> Html | None:
    """Packages that built it and don't ship with it as such."""
    if not found.built_with:
        return None
    stages = any("bom-seal:stage" in part.facts for part in found.built_with)
    columns = [
        Column("Package", "text"),
        Column("Type", choose=True),
        Column("Licence"),
        Column("Digest of", choose=True),
    ]
    if stages:
        columns.append(Column("Stage", choose=True))
    rows = [
        (
            label(part),
            ecosystem(part),
            part.licences,
            hashed(part),
            *((part.facts.get("bom-seal:stage", ()),) if stages else ()),
        )
        for part in found.built_with
    ]
    return section(
        "built-with",
        "Built with",
        element(
            "p",
            "What only built it. It doesn't ship in the artifact, unless it stands among the"
            " components as well.",
            class_="note",
        ),
        long_table("packages", "Packages of the build", columns, rows, searched="Search packages"),
        count=f"{len(rows):,}",
    )
