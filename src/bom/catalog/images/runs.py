"""The RUN instructions of a Dockerfile, each with the image that its stage stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bom.catalog.images.instructions import assignments, directives, expand, instructions
from bom.catalog.images.reference import familiar

if TYPE_CHECKING:
    from collections.abc import Iterator


class Run(NamedTuple):
    """One RUN: the image at the bottom of its stage, as docker shows it; the command with the
    defaults of its variables put in, its lines joined; the line (from 1) on which it begins."""

    image: str
    command: str
    line: int


def runs(text: str) -> Iterator[Run]:
    """Every RUN, in order; here documents are left out."""
    _, escape = directives(text)
    variables: dict[str, str] = {}
    inside: dict[str, str] = {}
    stages: dict[str, str] = {}
    image = ""
    for item in instructions(text, escape, heredocs=True):
        if item.keyword == "FROM":
            words = item.words
            base = expand(words[0], variables) if words else ""
            image = stages.get(base.lower(), familiar(base) if base else "")
            if len(words) == 3 and words[1].upper() == "AS":
                stages[words[2].lower()] = image
            inside = {}
        elif item.keyword in ("ARG", "ENV"):
            into = inside if image else variables
            for name, value in assignments(item.rest):
                if value is not None:
                    into[name] = expand(value, variables | inside)
                elif name in variables:
                    into[name] = variables[name]
        elif item.keyword == "RUN" and not item.is_trigger:
            yield Run(image, expand(" ".join(item.words), inside), item.line)
