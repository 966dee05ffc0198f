"""Actions and reusable workflows as components: repositories on GitHub, at a commit, a tag or a
branch (purl type github)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.images.named import Mention
from bom.catalog.images.named import dependencies as image_dependencies
from bom.catalog.merging import merged
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.actions.workflow import Used

PINNED: Final = "bom-seal:action:pinned"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# owner/repository[/path]@ref
_USES: Final = re.compile(
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,99})/(?P<name>[A-Za-z0-9_.-]{1,100})"
    r"(?P<path>(?:/[A-Za-z0-9_. -]{1,200}){0,20})@(?P<ref>[A-Za-z0-9_./+-]{1,200})\Z"
)


def dependencies(found: Iterable[Used]) -> tuple[tuple[Dependency, ...], tuple[Gap, ...]]:
    """One for each action and version, and for each image; and what isn't pinned."""
    items: list[Dependency] = []
    gaps: set[Gap] = set()
    images = []
    for one in found:
        if one.image:
            images.append(Mention(one.spelled, one.place, one.line))
            continue
        made = _component(one)
        if made is None:
            shown = one.spelled[:200] if one.spelled.isprintable() else "an action"
            why = f"{one.place} names it by what is no action's name and version"
            gaps.add(Gap("dependency.name", shown, why))
            continue
        ref = made.bom_ref
        items.append(Dependency(made, "build", direct=True))
        if _COMMIT.match(made.version):
            why = "it comes from version control, where a commit identifies it"
        else:
            why = (
                f"{one.place} names it by a tag or branch, which may stand for another commit later"
            )
            gaps.add(Gap("dependency.version", f"{made.group}/{made.name}", why, ref))
            why = f"{one.place} names it by a tag or branch, not by a commit"
        gaps.add(Gap("dependency.hash", f"{made.group}/{made.name}", why, ref))
    more, lacking = image_dependencies(images)
    return (
        tuple(sorted([*merged(items), *more])),
        tuple(sorted({*gaps, *lacking})),
    )


def _component(one: Used) -> Component | None:
    found = _USES.match(one.spelled)
    if found is None:
        return None
    owner, name, ref = found["owner"], found["name"], found["ref"]
    try:
        known = purl.build(
            "github", name, namespace=owner, version=ref, subpath=found["path"].strip("/")
        )
    except BomError:
        return None
    pinned = "true" if _COMMIT.match(ref) else "false"
    return Component(
        "application",
        name,
        ref,
        group=owner,
        purl=known,
        properties=(Property(PINNED, pinned),),
        occurrences=(Occurrence(one.place, one.line),),
    )
