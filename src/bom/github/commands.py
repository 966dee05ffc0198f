"""Workflow commands: annotations, masks, groups. GitHub's documentation, "Workflow commands".

`%`, CR and LF are escaped in a value, `:` and `,` in a property too; that is how the runner undoes
it. Foreign words are made inert before: an annotation is shown in a page, not in a log alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Level = Literal["error", "warning", "notice"]
MOST: Final = 10  # of one level and step: the runner shows no more
_LONGEST: Final = 1000  # characters of a message


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on the run, or on a file. `file`: relative to the workspace; `line` from 1, 0 where
    it is not known."""

    level: Level
    title: str
    message: str
    file: str = ""
    line: int = 0


def mask(value: str) -> Iterator[str]:
    """Commands by which the runner takes a secret out of all logs, each of its lines.

    Lines that say nothing (the first of a PEM file, or a few characters) are left: they
    would be taken out wherever they stand.
    """
    for line in value.splitlines():
        text = line.strip()
        if len(text) > 7 and not text.startswith("-----"):
            yield f"::add-mask::{_value(text)}"


def error(message: str, hint: str = "") -> str:
    text = f"{message} (hint: {hint})" if hint else message
    return _line(Annotation("error", "bom", text))


def shown(found: Iterable[Annotation]) -> Iterator[str]:
    """A command each, at most MOST of a level: of more the last one says how many are left out."""
    of_level: dict[Level, list[Annotation]] = {}
    for item in found:
        of_level.setdefault(item.level, []).append(item)
    for level, items in of_level.items():
        first = items if len(items) <= MOST else items[: MOST - 1]
        yield from map(_line, first)
        if left := len(items) - len(first):
            yield _line(Annotation(level, "bom", f"… and {left} more, in the summary of this run"))


def _line(item: Annotation) -> str:
    properties = [("title", item.title), ("file", item.file)]
    if item.file and item.line > 0:
        properties.append(("line", str(item.line)))
    told = ",".join(f"{name}={_property(value)}" for name, value in properties if value)
    message = inert(item.message)
    if len(message) > _LONGEST:
        message = message[: _LONGEST - 1] + "…"
    return f"::{item.level} {told}::{_value(message)}"


def _value(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _value(inert(text)).replace(":", "%3A").replace(",", "%2C")
