"""A file: an image archive, any other tar, a zip, a jar, a program. Plain or compressed, sealed
or not: a seal is taken off in passing, so that what is described is the artifact as built."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import zipfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.archive import decompress
from bom.archive.layer import HEAD
from bom.archive.tar import TarPush, is_header
from bom.archive.tar_header import BLOCK, TarMember
from bom.catalog import WANTED
from bom.catalog.unpacked import Contents
from bom.errors import BadArtifact
from bom.input import open_plain
from bom.seal import HEAD as FORM_HEAD
from bom.seal import recognise_head, unseal, unseal_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from bom.builder.protocol import Progress
    from bom.catalog.filesystem import TreeView
    from bom.catalog.image import ImageContents
    from bom.model import Gap
    from bom.seal.protocol import ArtifactFormat

_CHUNK: Final = 4 << 20  # bytes; smaller pieces change hands too often
_ZIP: Final = b"PK"
_SCRIPT: Final = b"#!"  # a launcher, with a zip behind it (zipapp)
# Zips that are opened here; others (jars) belong to the ecosystem that knows them.
_ARCHIVES: Final = (".zip", ".whl", ".egg", ".pyz")
_LOOK: Final = 1 << 20  # bytes of a tar in which its first file has to stand
# What image archives begin with: an OCI layout's files, docker's of the classic store.
_IMAGE: Final = re.compile(
    r"blobs/.*|oci-layout|index\.json|manifest\.json|repositories|version"
    r"|[0-9a-f]{64}(?:\.json|\.tar|/(?:layer\.tar|json|VERSION))"
)


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds: an image, or else a file system. `kind`: "image", or the form of file
    ("wheel", "tar.gz", "tar", "zip", "file"). `sha256` (hex) and `size` are of the built bytes;
    "" and -1 for an image, which its own digests identify whatever holds it
    (docs/adr/0007-a-scanned-image-is-identified-by-its-own-digests.md)."""

    kind: str
    sha256: str = ""
    size: int = -1
    image: ImageContents | None = None
    view: TreeView | None = None
    gaps: tuple[Gap, ...] = ()


def contents(path: Path, platform: str, progress: Progress) -> FileContents:
    """What the file holds.

    Raises BadArtifact (`not-an-image` where nothing in it can be read at all), OSError.
    """
    with open_plain(path) as file:
        head = file.read(FORM_HEAD)
    form = recognise_head(head, path.name)
    sealed = form is not None and form.read(path) is not None
    progress.start(f"scan {path.name}", path.stat().st_size)
    try:
        if head.startswith(_ZIP) or not _may_be_tar(head):
            return _at_rest(path, form if sealed else None, progress)
        return _tar(_Passing(path, form if sealed else None, progress), platform)
    finally:
        progress.done()


def _may_be_tar(head: bytes) -> bool:
    return is_header(head[:BLOCK]) or bool(decompress.form_of(head))


# --- zips, jars, programs -----------------------------------------------------------------------


def _at_rest(path: Path, sealed: ArtifactFormat | None, progress: Progress) -> FileContents:
    """A file that is read from its end, or as a whole."""
    with _unsealed(path, sealed) as plain, Contents() as inside:
        digest, size = _digest(plain, progress)
        with plain.open("rb") as file:
            head = file.read(HEAD)
            mode = os.fstat(file.fileno()).st_mode
        executable = bool(mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
        gaps: tuple[Gap, ...] = ()
        if not path.name.endswith(_ARCHIVES) and (
            WANTED.extractor(path.name, executable, head) is not None or WANTED.wants(path.name)
        ):
            # A program or a jar: what reads it wants all of it at once, nested archives too.
            with plain.open("rb") as file:
                inside.file(path.name, size, executable, _pieces(file))
            kind = "file"
        elif head.startswith(_ZIP) or (head.startswith(_SCRIPT) and zipfile.is_zipfile(plain)):
            from bom.sources import zips

            gaps = zips.read(plain, inside)
            kind = sealed.name if sealed is not None else _kind(path)
        else:
            raise BadArtifact("not-an-image", f"{path.name} is of no kind that is read")
        view, more = inside.finish()
        return FileContents(kind, digest, size, view=view, gaps=(*gaps, *more))


def _kind(path: Path) -> str:
    return "wheel" if path.name.endswith(".whl") else "zip"


@contextmanager
def _unsealed(path: Path, sealed: ArtifactFormat | None) -> Iterator[Path]:
    """The file as built: itself, or a copy without the seal, by the same name."""
    if sealed is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="bom-scan-") as folder:
        built = Path(folder) / path.name
        unseal_to(sealed, path, built)
        yield built


def _digest(path: Path, progress: Progress) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for piece in _pieces(file):
            digest.update(piece)
            size += len(piece)
            progress.advance(len(piece))
    return digest.hexdigest(), size


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


# --- tars ---------------------------------------------------------------------------------------


class _Passing:
    """A file that is read from its beginning, several times if need be: unsealed, counted,
    decompressed."""

    def __init__(self, path: Path, sealed: ArtifactFormat | None, progress: Progress) -> None:
        self.path = path
        self._sealed = sealed
        self._progress = progress
        self.sha256 = ""  # hex, of the built bytes
        self.size = 0
        self.compressed = False
        self.unhashed = False  # whether nobody asks for the digest (any more)

    def into(self, sink: Callable[[bytes], object]) -> None:
        """The plain tar into `sink`, which keeps what it is given. Raises BadArtifact, OSError."""
        counted = _Counted(sink, self._progress, lambda: self.unhashed)
        with self.path.open("rb") as file:
            if self._sealed is not None:
                unseal(self._sealed, file, counted.take, self.path.name)
            else:
                for piece in _pieces(file):
                    counted.take(piece)
        counted.close()
        self.sha256, self.size = counted.digest.hexdigest(), counted.size
        self.compressed = counted.compressed


class _Counted:
    """Digests what it is given, and passes it on decompressed."""

    def __init__(
        self, sink: Callable[[bytes], object], progress: Progress, unhashed: Callable[[], bool]
    ) -> None:
        self.digest = hashlib.sha256()
        self._unhashed = unhashed
        self.size = 0
        self._sink = sink
        self._progress = progress
        self._head = b""
        self._stream: decompress.Stream | None = None
        self._decided = False

    @property
    def compressed(self) -> bool:
        return self._stream is not None

    def take(self, piece: bytes | memoryview) -> None:
        if not self._unhashed():
            self.digest.update(piece)
        self.size += len(piece)
        self._progress.advance(len(piece))
        data = bytes(piece)
        if not self._decided:
            self._head += data
            if len(self._head) < decompress.MAGIC:
                return
            data, self._head = self._head, b""
            self._decide(data)
        if self._stream is not None:
            self._stream.feed(data)
        else:
            self._sink(data)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _decide(self, head: bytes) -> None:
        self._decided = True
        form = decompress.form_of(head)
        if form == "gzip":
            self._stream = decompress.InflateOne(self._sink)
        elif form:
            self._stream = decompress.stream(form, self._sink)


class _Look:
    """Whether a tar that begins is an image archive: by its first file's name."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self._size = 0
        self._name: str | None = None
        self._tar = TarPush(self._see)

    def take(self, piece: bytes) -> bool:
        """Take a piece; whether it is decided."""
        self.held.append(piece)
        self._size += len(piece)
        try:
            self._tar.feed(piece)
        except BadArtifact as error:
            raise BadArtifact("not-an-image", f"it is no tar: {error}") from error
        return self._name is not None or self._size > _LOOK

    @property
    def is_image(self) -> bool:
        return self._name is not None and _IMAGE.fullmatch(self._name) is not None

    def _see(self, member: TarMember) -> None:
        if self._name is None and not member.is_directory:
            self._name = member.name.removeprefix("./")


def _tar(passing: _Passing, platform: str) -> FileContents:
    """What a tar holds. It may take a second pass: only its end tells what it is."""
    look = _Look()
    with Contents() as inside, closing(_ImagePass()) as image:
        sink: Callable[[bytes], object] | None = None

        def take(piece: bytes) -> None:
            nonlocal sink
            if sink is not None:
                sink(piece)
            elif look.take(piece):
                passing.unhashed = look.is_image
                sink = image.feed if look.is_image else inside.feed
                for held in look.held:
                    sink(held)
                look.held.clear()

        passing.into(take)
        if sink is None:  # a small tar without a file
            for held in look.held:
                inside.feed(held)
        if sink is not None and look.is_image:
            found = image.result(platform)
            if found is not None:
                return FileContents("image", image=found)
        elif _is_image(inside.names):
            with closing(_ImagePass()) as second:
                passing.into(second.feed)
                if (found := second.result(platform)) is not None:
                    return FileContents("image", image=found)
            return _plain(passing, inside)
        else:
            return _plain(passing, inside)
    passing.unhashed = False
    with Contents() as inside:
        passing.into(inside.feed)
        return _plain(passing, inside)


def _plain(passing: _Passing, inside: Contents) -> FileContents:
    view, gaps = inside.finish()
    kind = "tar.gz" if passing.compressed else "tar"
    return FileContents(kind, passing.sha256, passing.size, view=view, gaps=gaps)


def _is_image(names: set[str]) -> bool:
    return "manifest.json" in names or {"oci-layout", "index.json"} <= names


class _ImagePass:
    """An image archive that is read, with a thread that is started only when it is one."""

    def __init__(self) -> None:
        from bom.catalog.image import ImageCataloguer

        self._make = ImageCataloguer
        self._cataloguer: ImageCataloguer | None = None

    def feed(self, piece: bytes) -> None:
        if self._cataloguer is None:
            self._cataloguer = self._make()
        self._cataloguer.feed(piece)

    def result(self, platform: str) -> ImageContents | None:
        """The image; None where it turns out that there is none."""
        if self._cataloguer is None:
            return None
        try:
            return self._cataloguer.finish(platform)
        except BadArtifact as error:
            if error.code == "not-an-image":
                return None
            raise

    def close(self) -> None:
        if self._cataloguer is not None:
            self._cataloguer.close()
