"""Image archives as they flow by: `docker save` of both stores, and OCI layouts in a tar.

Documents, layers and their entries may come in any order (a containerd store sorts blobs by
digest and writes manifest.json near the end), so everything that could be a layer is walked at
once and sorted out later (archive/image_identity.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.archive import decompress
from bom.archive.hashing import HashingThread
from bom.archive.layer import Interest, Kept, LayerEntry, LayerWalk, clean_path
from bom.archive.tar import TarPush
from bom.archive.tar_header import BLOCK, DIRECTORY, HARDLINK, SYMLINK, TarMember, is_header
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOCUMENT_LIMIT: Final = 8 * 1024 * 1024  # bytes of one JSON document of the archive
DOCUMENTS_LIMIT: Final = 64 * 1024 * 1024  # bytes of all of them
AFTER_LIMIT: Final = 16 * 1024 * 1024  # bytes after the end: a tape's block at most, not a flood

# What a layer may be compressed with (OCI image specification, "Image Layer Filesystem Changeset").
_LAYERS: Final = ("gzip", "zstd")


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
        if self._tar.after > AFTER_LIMIT:
            raise BadArtifact("oversized", "the archive does not end where it says that it ends")

    def begin(self, file: tuple[str, int]) -> None:
        """One file of an image that lies in no tar begins: its name and size. All of it comes in
        pieces by `write`, up to `end`."""
        name, size = file
        self._claim(name)
        self._blob = _Blob(size, self._keep, self._hashing)

    def write(self, piece: bytes | memoryview) -> None:
        """The next bytes of the file; they must not change afterwards."""
        if self._blob is not None:
            self._blob.write(memoryview(piece))

    def end(self, name: str) -> None:
        """The file is over."""
        blob, self._blob = self._blob, None
        if blob is not None:
            self._keep_blob(name, blob)

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
        self._claim(name)
        if member.type in (SYMLINK, HARDLINK):
            self._archive.links[name] = member.linkname
            return None
        if not member.is_file or member.sparse:
            return None
        self._blob = _Blob(member.size, self._keep, self._hashing)
        return self._blob.write

    def _claim(self, name: str) -> None:
        if name in self._names:
            # Readers disagree on which of the two counts.
            raise BadArtifact("ambiguous-image", f"the archive holds {name!r:.200} twice")
        self._names.add(name)

    def _end(self, member: TarMember) -> None:
        blob, self._blob = self._blob, None
        if blob is not None:
            self._keep_blob(clean_path(member.name), blob)

    def _keep_blob(self, name: str, blob: _Blob) -> None:
        blob.close()
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
        self._packed: decompress.Stream | None = None
        self._plain = hashing.digest()  # of what comes out
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
                if self._packed is not None:
                    self._packed.close()
                self._walk.close()
            except BadArtifact as error:
                self.layer.damage = error
        self.layer.digest = f"sha256:{self._hash.hexdigest()}"
        if self._walk is not None:
            self.layer.entries = self._walk.settled()
            self.layer.diff_id = (
                self.layer.digest if self._packed is None else f"sha256:{self._plain.hexdigest()}"
            )

    def _decide(self, head: bytes) -> None:
        form = decompress.form_of(head)
        if form in _LAYERS:
            self.layer = LayerBlob("", self._size)
            self._walk = LayerWalk(self._keep, self._hashing)
            self._packed = decompress.stream(form, self._unpacked)
            self._feed = self._packed.feed
            self._sink = self._layer_piece
        elif form:
            self.layer = LayerBlob("", self._size, unreadable=f"it is compressed with {form}")
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

    def _unpacked(self, piece: bytes) -> None:
        self._plain.update(piece)
        assert self._walk is not None
        self._walk.feed(piece)

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
