"""A BOM as one HTML page that needs nothing else: to look at, to search, to print.

The same document gives the same bytes. The document may be anybody's: `report.contents` takes
nothing for granted, and every word of it goes through `element`, which escapes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.contents import contents
from bom.report.html import building, layers, overview, review, vulnerabilities
from bom.report.html.components import components, files, graph
from bom.report.html.frame import page as framed
from bom.report.html.nodes import nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.model import Verdict
    from bom.report.audit_record import AuditRecord
    from bom.report.contents import Contents
    from bom.report.html.element import Html
    from bom.report.html.overview import Mood, Tile
    from bom.report.html.vulnerabilities import Audit


def page(
    document: Mapping[str, object],
    verdict: Verdict | None = None,
    audit: AuditRecord | None = None,
) -> str:
    """The page, ending in a newline. Never raises for bad content.

    `verdict`: what `bom.verify` said of the artifact, where it was asked; without it the page says
    that nothing was verified. `audit`: what `bom audit` found; without it what the document itself
    lists, and where it lists nothing the page says that nothing was audited.
    """
    found = contents(document)
    nodes = nodes_of(found)
    known = vulnerabilities.audited(audit, nodes) if audit else None
    known = known or vulnerabilities.stated(found, nodes)
    vulnerable = vulnerabilities.by_node(known)
    parts: list[tuple[str, str, str, Html | None]] = [
        ("components", "Components", f"{len(nodes) - 1:,}", components(nodes, vulnerable)),
        ("graph", "Dependency graph", "", graph(nodes, vulnerable)),
        (
            "vulnerabilities",
            "Vulnerabilities",
            f"{len(known.found):,}" if known else "?",
            vulnerabilities.vulnerabilities(known, nodes),
        ),
        ("licences", "Licences", "", review.licences(nodes, "components-table:2")),
        ("checks", "Checks", str(len(found.checks) + len(found.again)), building.checks(found)),
        ("gaps", "Gaps", f"{len(found.gaps):,}", review.gaps(found, nodes)),
        ("layers", "Layers", str(len(found.layers)), layers.layers(found)),
        ("files", "Files", "", files(found)),
        ("tools", "Tools", str(len(found.tools)), building.tools(found)),
        ("environment", "Environment", str(len(found.settings)), building.environment(found)),
        (
            "built-with",
            "Built with",
            f"{len(found.built_with):,}",
            building.built_with(found),
        ),
    ]
    shown = [(place, name, count, html) for place, name, count, html in parts if html]
    menu = [("overview", "Overview", ""), *(entry[:3] for entry in shown)]
    first = overview.overview(found, list(_tiles(found, len(nodes) - 1, known)))
    return framed(
        f"{overview.title(found)}: bill of materials",
        overview.header(found, verdict),
        [first, *(html for _, _, _, html in shown)],
        menu,
        interactive=True,
    )


def _tiles(found: Contents, count: int, audit: Audit | None) -> Iterator[Tile]:
    """The numbers that a reader wants first."""
    mood: Mood
    yield "components", _named(count, "component"), f"{count:,}", ""
    if audit is None:
        yield "vulnerabilities", "vulnerabilities: not audited", "?", "warn"
    else:
        number = len({line.name for line in audit.found if line.open})
        partly = audit.not_audited or audit.refused
        label = "open vulnerability" if number == 1 else "open vulnerabilities"
        if partly:
            label += f": {len(audit.not_audited):,} not audited"
        mood = "bad" if number else "warn" if partly else "good"
        yield "vulnerabilities", label, "?" if audit.refused else f"{number:,}", mood
    passed = sum(line.outcome == "passed" for line in found.checks)
    if found.checks:
        failed = any(line.outcome == "failed" for line in found.checks)
        mood = "bad" if failed else "good" if passed == len(found.checks) else "warn"
        yield "checks", "checks passed", f"{passed} of {len(found.checks)}", mood
    else:
        yield "checks", "checks", "0", "warn"
    yield (
        "gaps",
        _named(len(found.gaps), "gap"),
        f"{len(found.gaps):,}",
        "warn" if found.gaps else "",
    )
    if found.findings:
        yield "findings", "found wrong when built", f"{len(found.findings):,}", "bad"
    yield "tools", _named(len(found.tools), "tool"), str(len(found.tools)), ""
    if found.layers:
        yield "layers", _named(len(found.layers), "layer"), str(len(found.layers)), ""


def _named(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
