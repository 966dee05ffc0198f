"""What changed between two BOMs, and where the bytes differ, as one page: `bom diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.report.change import sections
from bom.report.changes_text import UNBUILT, totals
from bom.report.html import comparison as compared
from bom.report.html.element import Html, element
from bom.report.html.frame import page as framed
from bom.report.html.frame import section
from bom.report.html.tables import Column, bullets, code, long_table, pill, table
from bom.report.text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.difference import Comparison
    from bom.report.change import Changes, Line

_OPEN: Final = 100  # rows of a table that is there at once
_CAPTIONS: Final = {
    "other-bytes": "What says that it is the same, and isn't",
    "changed": "Components that are in another version now",
    "added": "Components that only the second has",
    "removed": "Components that only the first has",
    "licences": "Licences of components that both have",
    "artifact": "What identifies the artifact",
    "source": "Where it was built from",
    "base-images-and-materials": "What went into the build",
    "tools": "Tools in another version",
    "built-with": "Packages of the build itself",
    "settings": "What steered the build",
    "checks": "How checks came out, and tests that newly fail",
}
Part = tuple[str, str, str, Html]  # place on the page, title, count, the section


def page(
    names: tuple[str, str], found: Changes | None, comparison: Comparison | None = None
) -> str:
    """The page, ending in a newline. `found`: None where a side has no BOM; `comparison`: of the
    bytes, where they were compared."""
    parts: list[Part] = []
    if found is not None:
        parts += _parts(found)
    if comparison is not None:
        parts += [
            (place, heading, "", made) for place, heading, made in compared.sections(comparison)
        ]
    header = [
        element("p", "What changed", class_="eyebrow"),
        element("h1", f"{names[0]} → {names[1]}"),
        *_told(found, comparison),
    ]
    menu = [(place, title, count) for place, title, count, _ in parts]
    body = [made for _, _, _, made in parts]
    title = f"What changed from {names[0]} to {names[1]}"
    return framed(title, header, body, menu if len(menu) > 1 else (), interactive=True)


def _told(found: Changes | None, comparison: Comparison | None) -> Iterator[Html]:
    if found is None:
        told = "There is no BOM of one or both, and none can be made of it."
        yield element("p", pill("not known", "warn"), f" {told}")
    elif found.any:
        yield element("p", totals(found).replace("->", "→"))
        if found.swapped:
            told = "Something has the same version and other bytes."
            yield element("div", element("p", told), class_="banner bad", role="note")
    else:
        yield element("p", pill("same", "good"), " Nothing that the BOMs say changed.")
    if comparison is not None:
        yield compared.verdict(comparison, "Bytes: ")


def _parts(found: Changes) -> Iterator[Part]:
    if found.swapped:
        swapped = [(item.what, item.version, item.of, item.one, item.two) for item in found.swapped]
        titles = ("what", "version", "digest of", "before", "after")
        yield _part("other-bytes", "Same version, other bytes", titles, swapped)
    if found.moved:
        moved = [(item.what, item.one, item.two, item.direction) for item in found.moved]
        yield _part("changed", "Changed", ("component", "from", "to", "direction"), moved)
    for title, held in (("Added", found.added), ("Removed", found.removed)):
        if held:
            rows = [(item.what, item.version, ", ".join(item.licences)) for item in held]
            yield _part(title.lower(), title, ("component", "version", "licence"), rows)
    for title, lines in sections(found):
        if lines:
            yield _section(title, lines)
    if not found.compared:
        note = element("p", f"{UNBUILT.capitalize()}.", class_="note")
        yield "not-compared", "Not compared", "", section("not-compared", "Not compared", note)


def _section(title: str, lines: Sequence[Line]) -> Part:
    place = title.replace(" ", "-")
    if title not in ("gaps", "findings"):
        rows = [(line.name, _value(line, line.one), _value(line, line.two)) for line in lines]
        return _part(place, title.capitalize(), ("", "from", "to"), rows)
    listed = bullets(f"{'new' if line.one is None else 'gone'}: {line.name}" for line in lines)
    count = f"{len(lines):,}"
    return place, title.capitalize(), count, section(place, title.capitalize(), listed, count=count)


def _part(place: str, title: str, titles: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Part:
    """A section with a table; a long one is searched and shown in pieces."""
    count = f"{len(rows):,}"
    if len(rows) <= _OPEN:
        shown = table(_CAPTIONS.get(place, title), titles, [_cells(row) for row in rows])
    else:
        columns = [Column(name, choose=name == "direction", filters="") for name in titles]
        shown = long_table(place, _CAPTIONS.get(place, title), columns, rows)
    return place, title, count, section(place, title, shown, count=count)


def _cells(row: tuple[str, ...]) -> list[str | None]:
    if row[-1] == "downgrade":
        return [*row[:-1], pill("downgrade", "warn")]
    return [code(text) if ":" in text and len(text) > 40 else text for text in row]


def _value(line: Line, text: str | None) -> str:
    if text is None:
        return "none"
    if line.name == "size" and text.isascii() and text.isdigit():
        return size_text(int(text))
    return text or "(empty)"
