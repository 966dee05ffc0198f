"""The images and URLs that went into a build, as the BOM's materials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.builder.images.remote import shown
from bom.catalog.images.reference import familiar, oci_purl, split_tag, with_tag
from bom.model import Gap, Hash, Material, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bom.builder.images.provenance import Source
    from bom.catalog.images.dockerfile import ImageReference
    from bom.model import Observation

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def image_materials(
    references: Sequence[ImageReference] | None,
    sources: Sequence[Source] | None,
    proven: Sequence[Source] = (),
) -> Iterable[Observation]:
    """Base and builder images: with the digest that the builder's provenance states, else a gap.

    `references`: what the Dockerfile names, None where it isn't at hand. `proven`: what the built
    image itself proves where there is no provenance (bases.proven). The present digest of a tag
    is never taken: it may have moved since the build used it.
    """
    named = {familiar(item.name): item for item in references or ()}
    seen: set[str] = set()
    for source in (*(sources or ()), *proven):
        if not source.image:
            yield _fetched(source)
            continue
        key = source.image
        if key not in named and with_tag(key.partition("@")[0]) in named:
            key = with_tag(key.partition("@")[0])  # an OCI layout stands by digest alone
        item = named.get(key)
        seen.add(key)
        yield Material(
            kind=item.kind if item else "build-image",
            name=source.image.partition("@")[0],
            digests=source.digests,
            version=split_tag(source.image)[1],
            purl=_image_purl(source),
            properties=tuple(_properties(source)),
        )
        if not source.digests:
            yield Gap("base-image.digest", source.image, "the provenance states no digest for it")
        if item is None and references is None:
            yield Gap("base-image.role", source.image, "the Dockerfile is not at hand")
    for name, item in sorted(named.items()):
        if name in seen:
            continue
        pinned = _pinned(name)
        shown = name.partition("@")[0]
        yield Material(kind=item.kind, name=shown, version=split_tag(name)[1], digests=pinned)
        if not pinned:
            yield Gap("base-image.digest", shown, _why_unknown(item, sources))
    if references is None and sources is None:
        yield Gap(
            "base-image.digest",
            "the Dockerfile",
            "neither the Dockerfile nor the builder's provenance is at hand",
        )


def _why_unknown(item: ImageReference, sources: Sequence[Source] | None) -> str:
    if not item.resolved:
        return "its name has a variable that is not known"
    if sources is None:
        return "this builder gives no provenance, and a tag's present digest proves nothing"
    return "the builder's provenance does not name it"


def _pinned(name: str) -> tuple[Hash, ...]:
    """The digest that the Dockerfile itself demands (`FROM name@sha256:...`)."""
    digest = name.partition("@")[2]
    return (Hash("SHA-256", digest.removeprefix("sha256:")),) if _DIGEST.fullmatch(digest) else ()


def _properties(source: Source) -> Iterator[Property]:
    if source.platform:
        yield Property("bom-seal:image:platform", source.platform)
    if source.proof:
        yield Property("bom-seal:image:proven-by", source.proof)


def _image_purl(source: Source) -> str:
    """`pkg:oci` by manifest digest; "" without one, or where the name makes no purl."""
    sha256 = [item.value for item in source.digests if item.alg == "SHA-256"]
    return oci_purl(*split_tag(source.image), f"sha256:{sha256[0]}") if sha256 else ""


def _fetched(source: Source) -> Material:
    """A URL or git repository that the builder itself fetched (`ADD https://...`)."""
    return Material(kind="context", name=shown(source.uri), digests=source.digests)
