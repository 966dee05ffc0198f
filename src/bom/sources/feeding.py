"""An image out of a store of blobs into the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.builder.protocol import Progress
    from bom.catalog.image import ImageCataloguer
    from bom.registry.blobs import Descriptor, ImageBlobs


def feed(
    image: ImageBlobs, chosen: Descriptor, cataloguer: ImageCataloguer, progress: Progress
) -> None:
    """Give the documents and layers of the `chosen` image to the catalogue. Raises BomError."""
    files = image.files(chosen)
    progress.start(f"scan {image.where}", sum(file.size for file in files))
    try:
        for file in files:
            cataloguer.file(file.name, file.size, _watched(file.pieces(), progress))
    finally:
        progress.done()


def _watched(pieces: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    for piece in pieces:
        progress.advance(len(piece))
        yield piece
