"""An image's archive as it flows by: looked into, or only asked which image it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from bom.archive.image import ImageReader
from bom.archive.image_identity import identify_all
from bom.builder.images.image import Export
from bom.builder.images.reading import read_through
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from bom.archive.layer import Take
    from bom.builder.protocol import Progress
    from bom.model import ImageIdentity

_Made_co = TypeVar("_Made_co", covariant=True)
_CHUNK: Final = 4 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Plain:
    """An archive of which nothing is known but which images are in it. `sha256`: hex."""

    path: Path
    sha256: str
    identities: tuple[ImageIdentity, ...]


class Reader(Protocol[_Made_co]):
    """Reads an archive that comes in pieces, which are given to `takes` too. `path`: where it will
    be then. Raises BadArtifact."""

    def __call__(
        self,
        path: Path,
        pieces: Iterable[bytes],
        takes: Iterable[Callable[[bytes], object]],
        progress: Progress,
        /,
    ) -> _Made_co: ...


def catalogued(
    path: Path,
    pieces: Iterable[bytes],
    takes: Iterable[Callable[[bytes], object]],
    progress: Progress,
) -> Export:
    """A Reader that looks into the image."""
    from bom.catalog.image import ImageCataloguer

    with ImageCataloguer() as cataloguer:
        digest, size = read_through(pieces, (*takes, cataloguer.feed), progress)
        first, *others = cataloguer.finish_all()
    return Export(path, digest, size, first, tuple(others))


def identified(
    path: Path,
    pieces: Iterable[bytes],
    takes: Iterable[Callable[[bytes], object]],
    progress: Progress,
) -> Plain:
    """A Reader that asks only which image it is: it is about to be written anew."""
    reader = ImageReader(NOTHING)
    try:
        digest, _ = read_through(pieces, (*takes, reader.feed), progress)
        found = identify_all(reader.finish())
    finally:
        reader.close()
    return Plain(path, digest, tuple(item.identity for item in found))


def read_archive(pieces: Iterable[bytes]) -> tuple[ImageIdentity, ...]:
    """Which images an archive holds that comes in pieces. Raises BadArtifact."""
    reader = ImageReader(NOTHING)
    try:
        for piece in pieces:
            reader.feed(piece)
        return tuple(item.identity for item in identify_all(reader.finish()))
    finally:
        reader.close()


def from_file(path: Path, read: Reader[_Made_co], progress: Progress) -> _Made_co:
    """What `read` makes of the archive at `path`. Raises BomError, OSError."""
    try:
        progress.start(f"read {path.name}", path.stat().st_size)
        return read(path, _pieces(path), (), progress)
    except BadArtifact as error:
        raise BomError(
            f"{path.name} holds no image as an engine writes it: {error.reason}",
            hint="build again, and let nothing else write it meanwhile",
        ) from error
    finally:
        progress.done()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_CHUNK), b"")


class _Nothing:
    """Wants nothing of any file (archive.layer.Interest)."""

    def wants(self, path: str) -> bool:
        return False

    def extracts(self, path: str, executable: bool) -> bool:
        return False

    def extractor(self, path: str, executable: bool, head: bytes) -> Take | None:
        return None

    def compares(self, path: str) -> bool:
        return False

    def settles(self, path: str) -> Sequence[str] | None:
        return ()


NOTHING: Final = _Nothing()
