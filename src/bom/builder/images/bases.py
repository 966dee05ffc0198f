"""Base images of builders that give no provenance: proven by the content of what was built.

That a tag names an image now doesn't say that the build stood on it. It did where three things
hold: the store named the same image before the build (or the builder wrote its digest into what
it built), and the built image begins with all of its layers and all steps of its history, times
included.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.builder.images.provenance import Source
from bom.catalog.images.reference import familiar
from bom.errors import BomError
from bom.model import Hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.builder.images.store import ImageStore, StoredImage
    from bom.catalog.images.dockerfile import ImageReference

PROOF: Final = "its layers and history begin the image"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def held(references: Iterable[ImageReference], store: ImageStore) -> dict[str, str]:
    """The ID of each image that the store holds under a name that the Dockerfile uses: what to
    note before the build runs."""
    found = ((item.name, _inspect(store, item.name)) for item in references if item.resolved)
    return {name: image.id for name, image in found if image is not None}


def proven(
    references: Sequence[ImageReference],
    before: Mapping[str, str],
    built: StoredImage,
    store: ImageStore,
) -> tuple[Source, ...]:
    """The base images among `references` that the built image provably stands on, each with the
    digest of its manifest. `before`: what `held` gave before the build."""
    found = []
    for item in references:
        if item.kind != "base-image" or not item.resolved:
            continue
        base = _base(item.name, before.get(item.name, ""), built, store)
        if base is not None and _begins_with(built, base):
            name = familiar(item.name)
            digests = (Hash("SHA-256", base.digest.removeprefix("sha256:")),)
            found.append(Source(f"store:{name}", digests, image=name, proof=PROOF))
    return tuple(found)


def _base(name: str, before: str, built: StoredImage, store: ImageStore) -> StoredImage | None:
    """The image that the build took for the base `name`, as far as the store tells; `before`: the
    ID that it had under this name."""
    base = _inspect(store, name)
    if base is not None and base.id == built.id:  # the build itself moved the name: `-t`
        base = _inspect(store, before) if before else None
        before = ""
    if base is None or not _DIGEST.fullmatch(base.digest):
        return None
    return base if base.id == before or _is_stated(base, name, built) else None


def _inspect(store: ImageStore, name: str) -> StoredImage | None:
    """What the store has under this name. One that it refuses is none of its names: the build may
    know it (`FROM oci-archive:base.tar`), and it is never the reason to stop one."""
    try:
        return store.inspect(name)
    except BomError:
        return None


def _is_stated(base: StoredImage, name: str, built: StoredImage) -> bool:
    """Whether the builder wrote this very image down as the base."""
    stated = familiar(built.base_name) if built.base_name else ""
    names = {familiar(name), f"localhost/{familiar(name)}"}
    return base.digest == built.base_digest and stated in names


def _begins_with(built: StoredImage, base: StoredImage) -> bool:
    """Whether all of the base is the beginning of the built image; an empty base proves nothing,
    and a built image that is the base itself does."""
    return (
        bool(base.layers and base.history)
        and built.layers[: len(base.layers)] == base.layers
        and built.history[: len(base.history)] == base.history
    )
