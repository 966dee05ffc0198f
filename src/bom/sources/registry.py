"""An image in a registry: `oci://HOST/NAME:TAG`. Layers flow through: nothing is written to
disk."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from bom.archive.platforms import of_this_machine
from bom.registry.blobs import INDEX_TYPES, Descriptor, ImageBlobs
from bom.registry.repository import Registry
from bom.sources.feeding import feed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.builder.protocol import Progress
    from bom.catalog.image import ImageContents
    from bom.registry.name import RegistryImage


def contents(
    image: RegistryImage, platform: str, progress: Progress, environment: Mapping[str, str]
) -> ImageContents:
    """The image as the registry has it.

    Of an index the image for `platform`, "" for this machine's. Raises BomError, EnvironmentLacks
    where the registry can't be reached.
    """
    from bom.catalog.image import ImageCataloguer

    registry = Registry(image, environment)
    try:
        raw, kind = registry.manifest()
        blobs = ImageBlobs(registry)
        tag = f"{image.name}:{image.tag}" if image.tag else ""
        if kind in INDEX_TYPES:
            found = blobs.choose(raw, platform, of_this_machine())
            chosen = Descriptor(found.digest, found.type, tag)
        else:
            chosen = Descriptor(f"sha256:{sha256(raw).hexdigest()}", kind, tag)
        with ImageCataloguer() as cataloguer:
            feed(blobs, chosen, cataloguer, progress)
            return cataloguer.finish(platform)
    finally:
        registry.close()
