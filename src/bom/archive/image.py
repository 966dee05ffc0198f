"""Image archives as they flow by: `docker save` of both stores, and OCI layouts in a tar.

Documents, layers and their entries may come in any order (a containerd store sorts blobs by
digest and writes manifest.json near the end), so everything that could be a layer is walked at
once and sorted out later (archive/image_identity.py). Layers are read per the OCI image
specification, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from zlib_ng import zlib_ng

from bom.archive.hashing import AsideDigest, HashingThread
from bom.archive.tar import TarPush
from bom.archive.tar_header import (
    BLOCK,
    DIRECTORY,
    HARDLINK,
    SYMLINK,
    TarMember,
    is_header,
)
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash as HASH

DOCUMENT_LIMIT: Final = 8 * 1024 * 1024  # bytes of one JSON document of the archive
DOCUMENTS_LIMIT: Final = 64 * 1024 * 1024  # bytes of all of them
CONTENT_LIMIT: Final = 64 * 1024 * 1024  # bytes of one file whose content is kept
CONTENTS_LIMIT: Final = 192 * 1024 * 1024  # bytes of all of them
ENTRIES_LIMIT: Final = 5_000_000  # entries of all layers
PATH_LIMIT: Final = 4096  # Linux' PATH_MAX

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_INFLATED: Final = 1024 * 1024  # bytes inflated at a time
_HASHED_ASIDE: Final = 1024 * 1024  # bytes; to hand over smaller files took longer (measured)
_EMPTY: Final = sha256(b"").digest()


class LayerEntry(NamedTuple):
    """One entry of a layer. `kind`: f(ile), l(ink, symbolic), d(irectory), h(ard link), o(ther).

    `digest`: raw SHA-256 of a file's content, b"" where it is not known (sparse files).
    `link`: the target as stored, for hard links cleaned. `wanted`: its content was asked for.
    A NamedTuple for its size: there is one for each of hundreds of thousands of files.
    """

    path: str
    kind: str
    size: int = 0
    executable: bool = False
    digest: bytes = b""
    link: str = ""
    wanted: bool = False


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


class ImageReader:
    """Reads an image archive that is fed in pieces; `wants` says which files' contents to keep.

    Raises BadArtifact (`damaged`, `truncated`, `oversized`, `ambiguous-image`).
    """

    def __init__(self, wants: Callable[[str], bool]) -> None:
        self._tar = TarPush(self._member, self._end)
        self._keep = _Keep(wants)
        self._hashing = HashingThread()
        self._archive = ImageArchive(contents=self._keep.contents)
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


def clean_path(name: str) -> str:
    """A stored name as a path from the root: no `.`, `//`, or slash at either end.

    As the engines do it, `..` is resolved by its letters; a relative name that leaves the root
    raises BadArtifact (`damaged`), an absolute one stays inside.
    """
    if len(name) > PATH_LIMIT:
        raise BadArtifact("damaged", f"a path of {len(name)} characters in the archive")
    if "/." not in name and "//" not in name and name[:1] not in ("", "/", "."):
        return name[:-1] if name[-1] == "/" else name
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if parts:
                parts.pop()
            elif not name.startswith("/"):
                raise BadArtifact("damaged", f"the name {name!r:.200} leads out of the archive")
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class _Keep:
    """The contents that ecosystems will read, once each, and the limits on all entries."""

    def __init__(self, wants: Callable[[str], bool]) -> None:
        self.wants = wants
        self.contents: dict[bytes, bytes] = {}
        self.entries = 0
        self._size = 0

    def add(self, content: bytes) -> bytes:
        digest = sha256(content).digest()
        if digest not in self.contents:
            self._size += len(content)
            if self._size > CONTENTS_LIMIT:
                raise BadArtifact("oversized", "the image's package metadata is too large")
            self.contents[digest] = content
        return digest


class _Blob:
    """One file of the archive; what it is shows in its first block."""

    def __init__(self, size: int, keep: _Keep, hashing: HashingThread) -> None:
        self.layer: LayerBlob | None = None
        self.document: bytearray | None = None
        self._keep = keep
        self._size = size
        self._head = bytearray()
        self._hashing = hashing
        self._hash = hashing.digest()
        self._sink: Callable[[bytes | memoryview], object] | None = None
        self._walk: _LayerWalk | None = None
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
            self._walk = _LayerWalk(self._keep, self._hashing)
            self._inflate = _Inflate(self._walk.feed, self._hashing.digest())
            self._feed = self._inflate.feed
            self._sink = self._layer_piece
        elif head.startswith(_ZSTD):
            self.layer = LayerBlob("", self._size, unreadable="it is compressed with zstandard")
            self._sink = self._hash.update
        elif is_header(head) or (len(head) == BLOCK and not head.strip(b"\0")):
            self.layer = LayerBlob("", self._size)
            self._walk = _LayerWalk(self._keep, self._hashing)
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


class _LayerWalk:
    """The entries of one layer's tar, every file hashed."""

    def __init__(self, keep: _Keep, hashing: HashingThread) -> None:
        self._entries: list[LayerEntry] = []
        self._keep = keep
        self._hashing = hashing
        self._unsettled: list[tuple[int, AsideDigest]] = []  # entries whose digest is to come
        self._tar = TarPush(self._member, self._end)
        self.feed = self._tar.feed
        self._path = ""
        self._hash: AsideDigest | HASH = sha256()
        self._content: bytearray | None = None

    def close(self) -> None:
        self._tar.close()

    def settled(self) -> list[LayerEntry]:
        """The entries; the hashing thread must have settled."""
        for place, digest in self._unsettled:
            self._entries[place] = self._entries[place]._replace(digest=digest.digest())
        self._unsettled = []
        return self._entries

    def _member(self, member: TarMember) -> Callable[[memoryview], object] | None:
        self._keep.entries += 1
        if self._keep.entries > ENTRIES_LIMIT:
            raise BadArtifact("oversized", f"the image has more than {ENTRIES_LIMIT} entries")
        self._path = path = clean_path(member.name)
        self._content = None
        if member.type != "0" or not member.size or member.sparse:
            return None
        if member.size <= CONTENT_LIMIT and self._keep.wants(path):
            self._content = bytearray()
            return self._content.extend
        self._hash = sha256() if member.size < _HASHED_ASIDE else self._hashing.digest()
        return self._hash.update

    def _end(self, member: TarMember) -> None:
        path = self._path
        if not path:
            return
        kind = member.type
        if kind == "0":
            wanted = True
            if self._content is not None:
                digest = self._keep.add(bytes(self._content))
                self._content = None
            elif member.sparse:
                digest, wanted = b"", False
            elif not member.size:
                digest = _EMPTY
                wanted = self._keep.wants(path)
                if wanted:
                    self._keep.add(b"")
            elif isinstance(self._hash, AsideDigest):
                self._unsettled.append((len(self._entries), self._hash))
                digest, wanted = b"", False
            else:
                digest, wanted = self._hash.digest(), False
            entry = LayerEntry(
                path, "f", member.size, bool(member.mode & 0o111), digest, "", wanted
            )
        elif kind == DIRECTORY:
            entry = LayerEntry(path, "d")
        elif kind == SYMLINK:
            if len(member.linkname) > PATH_LIMIT:
                raise BadArtifact("damaged", f"the symbolic link {path!r:.200} is too long")
            entry = LayerEntry(path, "l", 0, False, b"", member.linkname, self._keep.wants(path))
        elif kind == HARDLINK:
            wanted = self._keep.wants(path)
            entry = LayerEntry(path, "h", 0, False, b"", clean_path(member.linkname), wanted)
        else:
            entry = LayerEntry(path, "o")
        self._entries.append(entry)
