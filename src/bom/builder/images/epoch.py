"""SOURCE_DATE_EPOCH as a build argument: what reaches the steps of an image build of its time.

BuildKit takes an image's creation time from it (docs.docker.com/build/ci/github-actions/
reproducible-builds). Others give it to a Dockerfile that declares it, and warn where none does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.builder.images import context
from bom.catalog.images.instructions import directives, instructions
from bom.repeatable import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.builder.images.context import BuildInputs


def argument(given: Iterable[str], epoch: int | None) -> str:
    """`SOURCE_DATE_EPOCH=N`; "" where there is none to give, or where one of the arguments `given`
    (`KEY=VALUE` or `KEY`) is it already."""
    if epoch is None or any(text.partition("=")[0] == EPOCH for text in given):
        return ""
    return f"{EPOCH}={epoch}"


def is_declared(inputs: BuildInputs) -> bool:
    """Whether the Dockerfile has an ARG of that name; true also where it isn't at hand."""
    if inputs.dockerfile is None:
        return True
    text = context.text(inputs.dockerfile)
    _, escape = directives(text)
    heredocs = inputs.frontend == "buildkit"
    return any(
        word.partition("=")[0] == EPOCH
        for item in instructions(text, escape, heredocs=heredocs)
        if item.keyword == "ARG" and not item.is_trigger
        for word in item.words
    )
