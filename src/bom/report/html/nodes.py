"""The components as the page's script has them: nodes of a graph, each with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.report.html.element import Html, data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.report.contents import Contents, Part

_WORD: Final = 300  # characters of a name
_TEXT: Final = 2000  # of a longer text
_SHOWN_FACTS: Final = {
    "bom-seal:integrity": "integrity",
    "bom-seal:deb:source": "source package",
    "bom-seal:rpm:source": "source package",
    "bom-seal:apk:origin": "source package",
    "bom-seal:python:installer": "installed by",
    "bom-seal:python:editable": "editable",
    "bom-seal:scope": "scope",
    "bom-seal:marker": "only where",
    "bom-seal:stated-by": "stated by",
}
_HASH_OF: Final = {"file": "of the file", "installed-files": "of the installed files"}


@dataclass(frozen=True, slots=True)
class Node:
    """A component, the artifact itself at first. `needs`: what it depends on, as numbers."""

    part: Part
    needs: tuple[int, ...]
    inside: int = -1  # of a component that stands in another one: that one

    @property
    def label(self) -> str:
        return label(self.part)


def label(part: Part) -> str:
    """How a component is called, its version with it."""
    return f"{named(part)} {cut(part.version, _WORD)}" if part.version else named(part)


def named(part: Part) -> str:
    return cut(part.full_name, _WORD) if part.full_name.strip() else "(no name)"


def cut(word: str, limit: int = _TEXT) -> str:
    return word if len(word) <= limit else f"{word[: limit - 1]}…"


def nodes_of(found: Contents) -> tuple[Node, ...]:
    """The artifact, then every component that ships, in the document's order. What one needs that
    is not in the document is left out."""
    order: list[tuple[Part, int]] = [(found.subject, -1)]
    for part in found.parts:
        order += _opened(part, -1, len(order))
    for part in found.subject.parts:
        if part.type != "file":  # files of the artifact have a table of their own
            order += _opened(part, 0, len(order))
    numbers: dict[str, int] = {}
    for number, (part, _) in enumerate(order):
        if part.ref:
            numbers.setdefault(part.ref, number)
    return tuple(
        Node(
            part,
            tuple(
                dict.fromkeys(
                    numbers[ref]
                    for ref in found.edges.get(part.ref, ())
                    if ref in numbers and numbers[ref] != number
                )
            )
            if part.ref
            else (),
            inside,
        )
        for number, (part, inside) in enumerate(order)
    )


def _opened(part: Part, inside: int, number: int) -> Iterator[tuple[Part, int]]:
    yield part, inside
    further = number + 1
    for inner in part.parts:
        below = list(_opened(inner, number, further))
        yield from below
        further += len(below)


def ecosystem(part: Part) -> str:
    """By its purl (`deb`, `pypi`), else CycloneDX's type."""
    if part.purl.startswith("pkg:"):
        return part.purl[4:].partition("/")[0].lower()[:40]
    return cut(part.type, 40) or "unknown"


def hashed(part: Part) -> str:
    """What it has a digest of."""
    if part.hashes:
        return {"file": "file", "installed-files": "installed files"}.get(part.hash_of, "stated")
    return "distribution" if any(hashes for _, hashes in part.files) else "none"


def graph_data(nodes: Sequence[Node], vulnerable: dict[int, list[str]]) -> Html:
    """All of it as JSON: names, edges, and the details that are shown of a component.

    `vulnerable`: the vulnerabilities' names by node.
    """
    return data(
        "graph-data",
        {
            "names": [named(node.part) for node in nodes],
            "versions": [cut(node.part.version, _WORD) for node in nodes],
            "needs": [node.needs for node in nodes],
            "details": [_details(node, nodes, vulnerable.get(n)) for n, node in enumerate(nodes)],
            "flagged": sorted(vulnerable),
        },
    )


def _details(
    node: Node, nodes: Sequence[Node], vulnerable: list[str] | None
) -> list[tuple[str, str]]:
    """(what, its value), as the page shows it."""
    part = node.part
    found = [
        ("purl", part.purl),
        ("type", part.type),
        ("licence", ", ".join(part.licences)),
        ("supplier", part.supplier),
        ("description", " ".join(part.description.split())),
        ("vulnerabilities", ", ".join(vulnerable or ())),
        ("inside of", nodes[node.inside].label if node.inside >= 0 else ""),
        ("platform", part.platform),
        ("layer", part.fact("layer")),
    ]
    whose = _HASH_OF.get(part.hash_of, "")
    found += [(f"{algorithm} {whose}".rstrip(), value) for algorithm, value in part.hashes]
    for name, hashes in part.files[:20]:
        of = cut(name, 160) or "a published file"
        found += [(f"{algorithm} of {of}", value) for algorithm, value in hashes]
    if len(part.files) > 20:
        found.append(("more files", str(len(part.files) - 20)))
    found += [
        (_SHOWN_FACTS[name], ", ".join(values))
        for name, values in part.facts.items()
        if name in _SHOWN_FACTS
    ]
    return [(name, cut(value)) for name, value in found if value]
