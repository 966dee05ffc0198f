"""What a reviewer asks: which licences, and what is not known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bom.report.contents import flat
from bom.report.html.element import Html, element
from bom.report.html.frame import section
from bom.report.html.nodes import cut, label
from bom.report.html.tables import Column, long_table, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.report.contents import Contents
    from bom.report.html.nodes import Node

NO_LICENCE = "none stated"


def licences_of(node: Node) -> tuple[str, ...]:
    stated = (cut(text, 200) for text in node.part.licences if text.strip())
    return tuple(dict.fromkeys(stated)) or (NO_LICENCE,)


def licences(nodes: Sequence[Node], column: str) -> Html:
    """How many components state which licence. `column`: of the table of components, by which one
    is chosen."""
    counted = Counter(text for node in nodes[1:] for text in licences_of(node))
    without = counted.pop(NO_LICENCE, 0)
    rows: list[tuple[str, int]] = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    if without:
        rows.insert(0, (NO_LICENCE, without))
    note = (
        f"{plural(without, 'component')} of {len(nodes) - 1:,} state none."
        if without
        else "Every component states one."
    )
    return section(
        "licences",
        "Licences",
        element(
            "p",
            "As the components state them, by their names or SPDX identifiers; nothing is judged."
            f" {note if len(nodes) > 1 else ''}",
            class_="note",
        ),
        long_table(
            "licences-table",
            "Licences, and how many components state them",
            (Column("Licence", filters=column), Column("Components", "share")),
            rows,
            searched="Search licences",
        )
        if rows
        else None,
        count=f"{len(counted):,}",
    )


def gaps(found: Contents, nodes: Sequence[Node]) -> Html:
    """What could not be observed, resolved or hashed, and why."""
    built = flat((*found.built_with, *found.tools, *found.materials))
    names = {part.ref: label(part) for part in built}
    names |= {node.part.ref: node.label for node in nodes}
    rows = []
    for line in found.gaps:
        what, where, why = (*line.text.split(": ", 2), "", "")[:3]
        about = tuple(dict.fromkeys(names.get(ref) or cut(ref, 300) for ref in line.about))
        rows.append((cut(what, 100), cut(where), cut(why), about))
    columns = (
        Column("What", choose=True),
        Column("Where"),
        Column("Why"),
        Column("About"),
    )
    return section(
        "gaps",
        "Gaps",
        element(
            "p",
            "Facts that could not be had, with the reason. What is not known never reads as good.",
            class_="note",
        ),
        long_table("gaps-table", "Gaps", columns, rows, searched="Search gaps")
        if rows
        else element("p", "The document states no gap.", class_="note"),
        count=f"{len(rows):,}",
    )
