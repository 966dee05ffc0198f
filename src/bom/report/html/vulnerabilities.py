"""Known vulnerabilities: those that the document itself lists (CycloneDX `vulnerabilities`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.report.foreign import as_object, as_objects, as_text
from bom.report.html.element import Html, element, joined
from bom.report.html.frame import section
from bom.report.html.nodes import cut, label
from bom.report.html.tables import Column, bullets, folded, long_table, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.report.contents import Contents
    from bom.report.html.nodes import Node

SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "none", "unknown")
# CycloneDX 1.6, `analysis.state`: in these it is no matter for this artifact.
_SETTLED: Final = frozenset(
    {"resolved", "resolved_with_pedigree", "false_positive", "not_affected", "ignored"}
)


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One in one component. `node`: its number, None where the page has no such component, which
    `about` then names. `state`: what was said of it (`not_affected`, `ignored`), "" nothing."""

    name: str
    severity: str
    node: int | None
    about: str
    state: str = ""
    fixed: str = ""
    told: str = ""

    @property
    def open(self) -> bool:
        return self.state not in _SETTLED


@dataclass(frozen=True, slots=True)
class Audit:
    """`sources`: what the advisories were, with dates and digests; `not_audited`: (component,
    why)."""

    found: tuple[Vulnerability, ...]
    sources: tuple[str, ...] = ()
    not_audited: tuple[tuple[str, str], ...] = ()


def stated(found: Contents, nodes: Sequence[Node]) -> Audit | None:
    """What the document says, None where it says nothing of vulnerabilities."""
    if not isinstance(found.document.get("vulnerabilities"), list):
        return None
    numbers: dict[str, int] = {}
    for number, node in enumerate(nodes):
        numbers.setdefault(node.part.ref, number)
    built = {part.ref: label(part) for part in (*found.built_with, *found.tools)}
    lines = [
        line
        for entry in as_objects(found.document.get("vulnerabilities"))
        for line in _lines(entry, numbers, built)
    ]
    return Audit(tuple(sorted(lines, key=_rank)))


def _rank(line: Vulnerability) -> tuple[bool, int, str]:
    return (not line.open, SEVERITIES.index(line.severity), line.name)


def _lines(
    entry: dict[str, object], numbers: Mapping[str, int], built: Mapping[str, str]
) -> Iterator[Vulnerability]:
    stated = [as_text(item.get("severity")) for item in as_objects(entry.get("ratings"))]
    severity = min(filter(SEVERITIES.__contains__, stated), key=SEVERITIES.index, default="unknown")
    analysis = as_object(entry.get("analysis"))
    told = as_text(entry.get("description")) or as_text(entry.get("detail"))
    affects = [as_text(item.get("ref")) for item in as_objects(entry.get("affects"))]
    for ref in affects or [""]:
        yield Vulnerability(
            as_text(entry.get("id")) or "(no identifier)",
            severity,
            numbers.get(ref) if ref else None,
            built.get(ref) or ref,
            as_text(analysis.get("state")),
            as_text(entry.get("recommendation")),
            told,
        )


def by_node(audit: Audit | None) -> dict[int, list[str]]:
    """The open ones by the component's number."""
    found: dict[int, list[str]] = {}
    for line in audit.found if audit else ():
        if line.node is not None and line.open and line.name not in found.get(line.node, ()):
            found.setdefault(line.node, []).append(line.name)
    return found


def vulnerabilities(audit: Audit | None, nodes: Sequence[Node]) -> Html:
    if audit is None:
        told = element(
            "div",
            element(
                "p",
                element("strong", "Not audited. "),
                "Nothing here says that there are none: ",
                element("code", "bom audit"),
                " looks for known vulnerabilities.",
            ),
            class_="banner warn",
        )
        return section("vulnerabilities", "Vulnerabilities", told, count="not audited")
    names = [node.label for node in nodes]
    columns = (
        Column("Vulnerability"),
        Column("Severity", "severity", choose=True),
        Column("Component", "node"),
        Column("State", choose=True),
        Column("What to do"),
        Column("Description"),
    )
    rows = [
        (
            cut(line.name, 200),
            line.severity,
            line.node if line.node is not None else cut(line.about, 300),
            line.state or "open",
            cut(" ".join(line.fixed.split()), 400),
            cut(" ".join(line.told.split()), 400),
        )
        for line in audit.found
    ]
    return section(
        "vulnerabilities",
        "Vulnerabilities",
        *_scope(audit),
        long_table(
            "vulnerabilities-table",
            "Known vulnerabilities",
            columns,
            rows,
            names,
            searched="Search vulnerabilities",
        )
        if rows
        else element("p", "None is known of what was audited.", class_="note"),
        count=f"{len(rows):,}",
    )


def _scope(audit: Audit) -> Iterator[Html]:
    """What was looked at, and what was not."""
    if audit.sources:
        yield element("p", "Looked up in:", class_="note")
        yield bullets(audit.sources)
    if audit.not_audited:
        listed = bullets(f"{name}: {why}" for name, why in audit.not_audited)
        count = plural(len(audit.not_audited), "component")
        heading = element(
            "p", element("strong", f"Not audited: {count}. "), "Not known to be clean."
        )
        yield element(
            "div", joined((heading, folded("Which, and why", listed))), class_="banner warn"
        )
