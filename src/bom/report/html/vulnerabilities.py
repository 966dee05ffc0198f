"""Known vulnerabilities: what `bom audit` found, or what the document itself lists (CycloneDX
`vulnerabilities`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bom.report.foreign import as_object, as_objects, as_text
from bom.report.html.element import Html, element, joined
from bom.report.html.frame import section
from bom.report.html.nodes import cut, label
from bom.report.html.tables import Column, bullets, folded, long_table, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.report.audit_record import AuditRecord
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
    """`sources`: what it rests on, a line each; `not_audited`: (component, why); `refused`: why
    nothing was looked up at all."""

    found: tuple[Vulnerability, ...]
    sources: tuple[str, ...] = ()
    not_audited: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()


def stated(found: Contents, nodes: Sequence[Node]) -> Audit | None:
    """What the document says, None where it says nothing of vulnerabilities."""
    if not isinstance(found.document.get("vulnerabilities"), list):
        return None
    numbers = _numbers(nodes)
    built = {part.ref: label(part) for part in (*found.built_with, *found.tools)}
    lines = [
        line
        for entry in as_objects(found.document.get("vulnerabilities"))
        for line in _lines(entry, numbers, built)
    ]
    return Audit(tuple(sorted(lines, key=_rank)))


def audited(record: AuditRecord, nodes: Sequence[Node]) -> Audit:
    """What `bom audit --json` has written."""
    numbers = _numbers(nodes)
    found = []
    for item in record.vulnerabilities:
        places: list[int | None] = [numbers[ref] for ref in item.components if ref in numbers]
        told = item.summary
        if item.aliases:
            told = f"{told} (also {', '.join(item.aliases)})".lstrip()
        state = ""
        if item.ignored is not None:
            state = "ignored"
            told = f"Ignored until {item.ignored.until}: {item.ignored.reason}. {told}"
        fixed = f"update to {' or '.join(item.fixed)}" if item.fixed else ""
        for node in places or [None]:
            about = f"{item.package} {item.version}"
            line = Vulnerability(item.id, item.severity, node, about, state, fixed, told)
            found.append(line)
    return Audit(
        tuple(sorted(found, key=_rank)),
        tuple(_sources(record)),
        tuple((item.what, item.reason) for item in record.not_audited),
        tuple(f"{item.code}: {item.message}" for item in record.refused),
    )


def _sources(record: AuditRecord) -> Iterator[str]:
    yield f"the audit of {record.artifact}"
    if record.advisories is not None:
        told = record.advisories
        yield (
            f"{told.name}: {plural(told.advisories, 'advisory', 'advisories')}, the newest of"
            f" {told.newest or 'an unknown time'}, sha256:{told.sha256}"
        )
    if record.service is not None:
        yield record.service
    yield f"{plural(record.audited, 'package was', 'packages were')} looked up"
    yield from record.notes


def _numbers(nodes: Sequence[Node]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, node in enumerate(nodes):
        if node.part.ref:
            numbers.setdefault(node.part.ref, number)
    return numbers


def _rank(line: Vulnerability) -> tuple[bool, int, str]:
    return (not line.open, SEVERITIES.index(line.severity), line.name)


def _lines(
    entry: dict[str, object], numbers: Mapping[str, int], built: Mapping[str, str]
) -> Iterator[Vulnerability]:
    stated = [as_text(item.get("severity")) for item in as_objects(entry.get("ratings"))]
    severity = min(filter(SEVERITIES.__contains__, stated), key=SEVERITIES.index, default="unknown")
    analysis = as_object(entry.get("analysis"))
    told = as_text(entry.get("description")) or as_text(entry.get("detail"))
    affects = [_ref(as_text(item.get("ref"))) for item in as_objects(entry.get("affects"))]
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


def _ref(text: str) -> str:
    """A bom-ref, or the one that a BOM-Link (`urn:cdx:SERIAL/VERSION#REF`) ends in."""
    _, hash_sign, ref = text.partition("#")
    return unquote(ref) if hash_sign and text.startswith("urn:cdx:") else text


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
        else None
        if audit.refused
        else element("p", "None is known of what was audited.", class_="note"),
        count=f"{len(rows):,}",
    )


def _scope(audit: Audit) -> Iterator[Html]:
    """What was looked at, and what was not."""
    if audit.refused:
        heading = element("p", element("strong", "Not audited: "), "it is not what was sealed.")
        yield element("div", heading, bullets(audit.refused), class_="banner bad")
    if audit.sources:
        yield element("p", "What this rests on:", class_="note")
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
