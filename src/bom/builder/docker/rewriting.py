"""A Dockerfile with what an export of one of its stages needs: no frontend, and a name for a stage
that has none (BuildKit's `--target` knows no numbers)."""

from __future__ import annotations

import re
from typing import Final

from bom.builder.images.stages import NotExported
from bom.catalog.images.instructions import directives, instructions

_PREFIX: Final = "bom-stage-"
_SYNTAX: Final = re.compile(r"\s*#\s*syntax\s*=", re.IGNORECASE)
_NAMELESS: Final = "it has no name of its own that it could be asked for by"


def name_of(stage: str) -> str:
    """What `--target` calls the stage."""
    return f"{_PREFIX}{stage}" if stage.isdecimal() else stage


def with_name(text: str, stage: str) -> str:
    """The Dockerfile in which the stage of this number has a name; as it is for a stage that has
    one. Raises NotExported where that can't be done."""
    if not stage.isdecimal():
        return text
    _, escape = directives(text)
    bases = [
        item
        for item in instructions(text, escape, heredocs=True)
        if item.keyword == "FROM" and not item.is_trigger and item.words
    ]
    lines = text.splitlines(keepends=True)
    number = int(stage)
    if number >= len(bases) or len(bases[number].words) != 1:
        raise NotExported(_NAMELESS)
    place = bases[number].line - 1
    content = lines[place].rstrip()
    if content.endswith(escape):
        raise NotExported(_NAMELESS)
    lines[place] = f"{content} AS {name_of(stage)}\n"
    return "".join(lines)


def without_frontend(text: str) -> str:
    """The Dockerfile without the line that names its frontend, which is among the first ones."""
    if not directives(text)[0]:
        return text
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if _SYNTAX.match(line.removeprefix("\ufeff")):
            return "".join((*lines[:number], *lines[number + 1 :]))
    return text
