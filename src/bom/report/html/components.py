"""What ships: the table of components, and the graph of what needs what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.report.contents import flat
from bom.report.html.element import Html, element
from bom.report.html.frame import section
from bom.report.html.nodes import cut, ecosystem, graph_data, hashed
from bom.report.html.review import licences_of
from bom.report.html.tables import Column, long_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.report.contents import Contents
    from bom.report.html.nodes import Node
    from bom.report.html.tables import Cell


def components(nodes: Sequence[Node], vulnerable: dict[int, list[str]]) -> Html:
    needed_by = [0] * len(nodes)
    for node in nodes:
        for number in node.needs:
            needed_by[number] += 1
    # the licence stays the third: the table of licences filters by it
    columns = [
        Column("Component", "node"),
        Column("Type", choose=True),
        Column("Licence", choose=True),
        Column("Digest of", choose=True),
        Column("Needs", "number"),
        Column("Needed by", "number"),
    ]
    platforms = any(node.part.platform for node in nodes)
    if vulnerable:
        columns.append(Column("Vulnerabilities", "number"))
    if platforms:
        columns.append(Column("Platform", choose=True))
    rows: list[tuple[Cell, ...]] = []
    for number, node in enumerate(nodes):
        if number == 0:
            continue  # the artifact itself
        row: list[Cell] = [
            number,
            ecosystem(node.part),
            licences_of(node),
            hashed(node.part),
            len(node.needs),
            needed_by[number],
        ]
        if vulnerable:
            row.append(len(vulnerable.get(number, ())))
        if platforms:
            row.append(cut(node.part.platform, 60))
        rows.append(tuple(row))
    names = [node.label for node in nodes]
    shown = (
        long_table(
            "components-table", "Components", columns, rows, names, searched="Search components"
        )
        if rows
        else element("p", "The document lists no component.", class_="note")
    )
    return section("components", "Components", shown, count=f"{len(rows):,}")


def files(found: Contents) -> Html | None:
    """The files inside of the artifact, where the document lists them apart from components."""
    held = [part for part in flat(found.subject.parts) if part.type == "file"]
    if not held:
        return None
    rows: list[tuple[Cell, ...]] = []
    for part in held:
        digests = dict(part.hashes)
        strongest = digests.get("SHA-256") or next(iter(digests.values()), "")
        rows.append((cut(part.name), strongest))
    shown = long_table(
        "files-table",
        "Files in the artifact",
        (Column("File"), Column("SHA-256", "code")),
        rows,
        searched="Search files",
    )
    return section("files", "Files", shown, count=f"{len(rows):,}")


def graph(nodes: Sequence[Node], vulnerable: dict[int, list[str]]) -> Html | None:
    """The graph's data; the page's script draws around one component what needs it and what it
    needs. The edges themselves, for who reads without the script, are a list."""
    edges = sum(len(node.needs) for node in nodes)
    if len(nodes) == 1:
        return None
    listed = [
        element(
            "li", f"{node.label} needs {', '.join(nodes[number].label for number in node.needs)}"
        )
        for node in nodes
        if node.needs
    ]
    return section(
        "graph",
        "Dependency graph",
        element("div", id="graph-view"),
        graph_data(nodes, vulnerable),
        element("noscript", element("ul", *listed, class_="plain")),
        count=f"{edges:,} edges" if edges != 1 else "1 edge",
    )
