"""A folder that is an OCI Image Layout (OCI image specification, "Image Layout")."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.input import open_plain, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.builder.protocol import Progress
    from bom.catalog.image import ImageContents

_MARKS: Final = ("oci-layout", "index.json")
_CHUNK: Final = 4 << 20  # bytes


def is_layout(folder: Path) -> bool:
    """Whether a folder is one."""
    return all((folder / name).is_file() for name in _MARKS)


def contents(folder: Path, platform: str, progress: Progress) -> ImageContents:
    """The image in the folder. Raises BomError, OSError."""
    from bom.archive.image import DOCUMENT_LIMIT
    from bom.catalog.image import ImageCataloguer
    from bom.registry.blobs import ImageBlobs
    from bom.sources.feeding import feed

    image = ImageBlobs(_Folder(folder))
    chosen = image.choose(read_bounded(folder / "index.json", DOCUMENT_LIMIT), platform)
    with ImageCataloguer() as cataloguer:
        feed(image, chosen, cataloguer, progress)
        return cataloguer.finish()


class _Folder:
    """The blobs below `blobs/`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.where = root.name or str(root)

    def document(self, digest: str, limit: int) -> bytes:
        try:
            return read_bounded(self._path(digest), limit)
        except OSError as error:
            raise self._unreadable(digest, error) from error

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        try:
            with open_plain(self._path(digest)) as file:
                left = size
                while left and (piece := file.read(min(_CHUNK, left))):
                    left -= len(piece)
                    yield piece
                if left or file.read(1):
                    raise BomError(f"{self.where}: {digest} has not the size that is stated")
        except OSError as error:
            raise self._unreadable(digest, error) from error

    def _path(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self._root / "blobs" / algorithm / value

    def _unreadable(self, digest: str, error: OSError) -> BomError:
        if error.errno == errno.ENOENT:
            return BomError(f"{self.where} lacks the blob {digest}")
        return BomError(f"{self.where}: {digest} can't be read: {error.strerror or error}")
