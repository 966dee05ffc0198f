"""Images as they are named in files, as components (distribution/reference; purl type oci)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bom.catalog.images.reference import familiar, oci_purl, split_tag
from bom.catalog.merging import merged
from bom.model import Component, Dependency, Distribution, Gap, Hash, Occurrence, Property

if TYPE_CHECKING:
    from collections.abc import Iterable

MATERIAL: Final = "bom-seal:material"
_REFERENCE: Final = re.compile(
    r"(?:[A-Za-z0-9.-]{1,255}(?::\d{1,5})?/)?[a-z0-9](?:[a-z0-9._/-]{0,254}[a-z0-9])?"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


class Mention(NamedTuple):
    """An image's name in a file, on a line (from 1; 0: unknown). `kind`: "" where the file doesn't
    build on it."""

    name: str
    place: str
    line: int
    kind: Literal["", "base-image", "build-image"] = ""


def dependencies(mentions: Iterable[Mention]) -> tuple[tuple[Dependency, ...], tuple[Gap, ...]]:
    """What the mentions name, one for each image, and what they don't say of it. Nothing of it
    ships as it is, so all have the role "build"."""
    found: list[Dependency] = []
    gaps: set[Gap] = set()
    for mention in mentions:
        made = component(mention)
        if made is None:
            shown = mention.name[:200] if mention.name.isprintable() else "an image"
            why = f"{mention.place} names it by what is no image's name, or by a variable"
            gaps.add(Gap("dependency.name", shown, why))
            continue
        found.append(Dependency(made, "build", direct=True))
        ref = made.bom_ref
        if not made.distributions:
            why = f"{mention.place} names it by a tag only, which may stand for another image later"
            gaps.add(Gap("dependency.version", made.name, why, ref))
            why = f"{mention.place} states no digest of it"
            gaps.add(Gap("dependency.hash", made.name, why, ref))
    return merged(found), tuple(sorted(gaps))


def component(mention: Mention) -> Component | None:
    """The image; None where the name is none's."""
    if not _REFERENCE.fullmatch(mention.name):
        return None
    whole = familiar(mention.name)
    name, tag = split_tag(whole)
    digest = whole.partition("@")[2]
    known = oci_purl(_whole(name), tag, digest)
    files: tuple[Distribution, ...] = ()
    if digest:
        hashes = (Hash("SHA-256", digest.partition(":")[2]),)
        files = (Distribution(f"{name}@{digest}", hashes=hashes),)
    return Component(
        "container",
        name,
        tag or digest,
        purl=known,
        ref="" if known else f"container:{whole}",
        distributions=files,
        properties=(Property(MATERIAL, mention.kind),) if mention.kind else (),
        occurrences=(Occurrence(mention.place, mention.line),),
    )


def _whole(name: str) -> str:
    """The name with its registry where it has folders: `redis` is one image, but the purl of
    `example/redis` would be the same."""
    folder = name.partition("/")[0]
    here = "/" in name and "." not in folder and ":" not in folder and folder != "localhost"
    return f"docker.io/{name}" if here else name
