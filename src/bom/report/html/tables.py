"""Tables: short ones as they are, long ones as data that the page's script shows in pieces.

A long table stands on the page twice: as JSON, of which the script shows a page at a time,
searches, filters and sorts; and inside `noscript`, which a browser that runs scripts never builds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bom.report.html.element import Html, data, element, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Cell = str | int | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: of a `node` the cell is its number in the graph, of `share` a count that is drawn as
    a bar against the greatest one; `filter` in the table NAME, column NUMBER, is `filters`: its
    cells are a word by which another table can be filtered. `choose`: rows can be chosen by it.
    """

    title: str
    kind: Literal["text", "number", "share", "node", "severity", "code"] = "text"
    choose: bool = False
    filters: str = ""


def table(caption: str, titles: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Html:
    """A table that is there at once. The first cell of a row is its heading; a column in which
    nothing stands is left out."""
    rows = list(rows)
    kept = [at for at, _ in enumerate(titles) if at == 0 or any(row[at] for row in rows)]
    titles, rows = [titles[at] for at in kept], [[row[at] for at in kept] for row in rows]
    unseen = element("span", "name", class_="hidden-label")
    head = element("tr", *(element("th", title or unseen, scope="col") for title in titles))
    body = [
        element(
            "tr",
            *(
                element("td", cell) if number else element("th", _heading(cell), scope="row")
                for number, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    whole = element(
        "table", element("caption", caption), element("thead", head), element("tbody", *body)
    )
    return scrolling(caption, whole)


def _heading(cell: str | None) -> str:
    """A row's heading is never empty: it is what a screen reader says of each cell."""
    return cell if cell and cell.strip() else "(blank)"


def scrolling(label: str, inside: Html) -> Html:
    """What may be wider than the page. It takes the focus, so that a keyboard can scroll it."""
    return element("div", inside, class_="scroll", role="group", aria_label=label, tabindex="0")


def long_table(
    name: str,
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    nodes: Sequence[str] = (),
    *,
    searched: str = "Search",
) -> Html:
    """A table of any length. `nodes`: what the graph's nodes are called, for cells of that kind."""

    def shown(cell: Cell, column: Column) -> str:
        if column.kind == "node" and isinstance(cell, int):
            return nodes[cell]
        if isinstance(cell, tuple):
            return ", ".join(cell)
        return "" if cell is None else str(cell)

    plain = table(
        caption,
        [column.title for column in columns],
        ([shown(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows),
    )
    described = [
        {
            "title": column.title,
            "kind": column.kind,
            "choose": column.choose,
            "filters": column.filters,
        }
        for column in columns
    ]
    value = {"caption": caption, "search": searched, "columns": described, "rows": rows}
    return joined(
        (
            element("div", class_="long-table", data_of=name),
            data(f"{name}-data", value),
            element("noscript", plain),
        )
    )


def pairs(found: Iterable[tuple[str, str | None]]) -> Html:
    """Names and what they are; one without a value is left out."""
    return element(
        "dl",
        *(joined((element("dt", name), element("dd", value))) for name, value in found if value),
    )


def bullets(texts: Iterable[str]) -> Html:
    return element("ul", *(element("li", item) for item in texts), class_="plain")


def folded(summary: str, inside: str) -> Html:
    """What is only looked at on demand."""
    return element("details", element("summary", summary), inside)


def code(value: str) -> Html | None:
    return element("code", value) if value else None


def pill(word: str, mood: Literal["", "good", "warn", "bad"] = "") -> Html:
    return element("span", word, class_=f"pill {mood}".strip())


def plural(count: int, one: str, more: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {more or one + 's'}"
