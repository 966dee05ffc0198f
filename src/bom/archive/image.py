"""Image archives as they flow by: `docker save` of both stores, and OCI layouts in a tar.

Documents, layers and their entries may come in any order (a containerd store sorts blobs by
digest and writes manifest.json near the end), so everything that could be a layer is walked at
once and sorted out later (archive/image_identity.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from zlib_ng import zlib_ng

from bom.archive.hashing import AsideDigest, HashingThread
from bom.archive.layer import Interest, Kept, LayerEntry, LayerWalk, clean_path
from bom.archive.tar import TarPush
from bom.archive.tar_header import BLOCK, DIRECTORY, HARDLINK, SYMLINK, TarMember, is_header
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOCUMENT_LIMIT: Final = 8 * 1024 * 1024  # bytes of one JSON document of the archive
DOCUMENTS_LIMIT: Final = 64 * 1024 * 1024  # bytes of all of them

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_INFLATED: Final = 1024 * 1024  # bytes inflated at a time


@dataclass(slots=True)
class LayerBlob:
    """A walked layer. `digest`, `size`: of the blob as stored; `diff_id`: of the plain tar.

    `unreadable`: why its entries could not be had, "" where they could. `damage`: what is wrong
    with it, which matters only where an image uses this blob as a layer.
    """

    digest: str
    size: int
    diff_id: str = ""
    entries: list[LayerEntry] = field(default_factory=list)
    unreadable: str = ""
    damage: BadArtifact | None = None


@dataclass(slots=True)
class ImageArchive:
    """Everything of an image archive that matters, by name without `./` in front."""

    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, LayerBlob] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    contents: dict[bytes, bytes] = field(default_factory=dict)  # by raw SHA-256
    extracts: dict[bytes, Mapping[str, bytes]] = field(default_factory=dict)  # by raw SHA-256


class ImageReader:
    """Reads an image archive that is fed in pieces, and keeps what is of `interest`.

    Raises BadArtifact (`damaged`, `truncated`, `oversized`, `ambiguous-image`).
    """

    def __init__(self, interest: Interest) -> None:
        self._tar = TarPush(self._member, self._end)
        self._keep = Kept(interest)
        self._hashing = HashingThread()
        self._archive = ImageArchive(contents=self._keep.contents, extracts=self._keep.extracts)
        self._names: set[str] = set()
        self._blob: _Blob | None = None
        self._documents_size = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the archive; they must not change afterwards."""
        self._tar.feed(data)

    def finish(self) -> ImageArchive:
        """What the archive holds; nothing may be fed afterwards."""
        self._tar.close()
        self.close()
        return self._archive

    def close(self) -> None:
        """End the thread that hashes layers; done by `finish` too."""
        self._hashing.close()

    def _member(self, member: TarMember) -> Callable[[memoryview], object] | None:
        name = clean_path(member.name)
        if member.type == DIRECTORY or not name:
            return None
        if name in self._names:
            # Readers disagree on which of the two counts.
            raise BadArtifact("ambiguous-image", f"the archive holds {name!r:.200} twice")
        self._names.add(name)
        if member.type in (SYMLINK, HARDLINK):
            self._archive.links[name] = member.linkname
            return None
        if not member.is_file or member.sparse:
            return None
        self._blob = _Blob(member.size, self._keep, self._hashing)
        return self._blob.write

    def _end(self, member: TarMember) -> None:
        blob, self._blob = self._blob, None
        if blob is None:
            return
        blob.close()
        name = clean_path(member.name)
        if blob.layer is not None:
            self._archive.layers[name] = blob.layer
        elif blob.document is not None:
            self._documents_size += len(blob.document)
            if self._documents_size > DOCUMENTS_LIMIT:
                raise BadArtifact(
                    "oversized", "the archive's JSON documents are too large", where=name
                )
            self._archive.documents[name] = bytes(blob.document)


class _Blob:
    """One file of the archive; what it is shows in its first block."""

    def __init__(self, size: int, keep: Kept, hashing: HashingThread) -> None:
        self.layer: LayerBlob | None = None
        self.document: bytearray | None = None
        self._keep = keep
        self._size = size
        self._head = bytearray()
        self._hashing = hashing
        self._hash = hashing.digest()
        self._sink: Callable[[bytes | memoryview], object] | None = None
        self._walk: LayerWalk | None = None
        self._inflate: _Inflate | None = None
        self._feed: Callable[[bytes | memoryview], object] = _ignore

    def write(self, piece: memoryview) -> None:
        if self._sink is None:
            needed = BLOCK - len(self._head)
            self._head += piece[:needed]
            piece = piece[needed:]
            if len(self._head) < min(BLOCK, self._size):
                return
            self._decide(bytes(self._head))
        if piece and self._sink is not None:
            self._sink(piece)

    def close(self) -> None:
        if self.layer is None:
            return
        if self._walk is not None and self.layer.damage is None:
            try:
                if self._inflate is not None:
                    self._inflate.close()
                self._walk.close()
            except BadArtifact as error:
                self.layer.damage = error
        self.layer.digest = f"sha256:{self._hash.hexdigest()}"
        if self._walk is not None:
            self.layer.entries = self._walk.settled()
            inflate = self._inflate
            self.layer.diff_id = inflate.diff_id if inflate is not None else self.layer.digest

    def _decide(self, head: bytes) -> None:
        if head.startswith(_GZIP):
            self.layer = LayerBlob("", self._size)
            self._walk = LayerWalk(self._keep, self._hashing)
            self._inflate = _Inflate(self._walk.feed, self._hashing.digest())
            self._feed = self._inflate.feed
            self._sink = self._layer_piece
        elif head.startswith(_ZSTD):
            self.layer = LayerBlob("", self._size, unreadable="it is compressed with zstandard")
            self._sink = self._hash.update
        elif is_header(head) or (len(head) == BLOCK and not head.strip(b"\0")):
            self.layer = LayerBlob("", self._size)
            self._walk = LayerWalk(self._keep, self._hashing)
            self._feed = self._walk.feed
            self._sink = self._layer_piece
        elif head.lstrip()[:1] in (b"{", b"[") and self._size <= DOCUMENT_LIMIT:
            self.document = bytearray()
            self._sink = self.document.extend
        else:
            self._sink = _ignore
        self._sink(head)

    def _layer_piece(self, piece: bytes | memoryview) -> None:
        self._hash.update(piece)
        assert self.layer is not None
        if self.layer.damage is not None:
            return
        try:
            self._feed(piece)
        except BadArtifact as error:
            if error.code == "oversized":
                raise
            self.layer.damage = error


def _ignore(piece: bytes | memoryview) -> None:
    """A file that is neither layer nor document."""


class _Inflate:
    """Gzip, in one or several members (RFC 1952 2.2), in pieces of at most _INFLATED bytes."""

    def __init__(self, sink: Callable[[bytes], object], hash: AsideDigest) -> None:
        self._sink = sink
        self._stream = zlib_ng.decompressobj(wbits=31)
        self._hash = hash

    @property
    def diff_id(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def feed(self, piece: bytes | memoryview) -> None:
        data: bytes | memoryview = piece
        try:
            while data:
                if self._stream.eof:
                    self._stream = zlib_ng.decompressobj(wbits=31)
                inflated = self._stream.decompress(data, _INFLATED)
                if inflated:
                    self._hash.update(inflated)
                    self._sink(inflated)
                # Whatever the output limit held back is drained before more input is taken.
                data = self._stream.unconsumed_tail or self._stream.unused_data
        except zlib_ng.error as error:  # type: ignore[misc] # its stub calls it a value
            raise BadArtifact("damaged", f"a gzip layer can't be inflated: {error}") from error

    def close(self) -> None:
        while not self._stream.eof:
            inflated = self._stream.decompress(b"", _INFLATED)
            if not inflated:
                break
            self._hash.update(inflated)
            self._sink(inflated)
        if not self._stream.eof:
            raise BadArtifact("truncated", "a gzip layer ends early")
