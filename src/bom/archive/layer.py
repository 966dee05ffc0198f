"""One layer of an image as it flows by: its entries, every file hashed, what counts kept.

Layers are read per the OCI image specification, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

import mmap
import tempfile
from hashlib import md5, sha1, sha256
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Protocol

from bom.archive.hashing import AsideDigest, HashingThread
from bom.archive.tar import TarPush
from bom.archive.tar_header import DIRECTORY, HARDLINK, SYMLINK, TarMember
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from hashlib import _Hash as HASH

CONTENT_LIMIT: Final = 64 * 1024 * 1024  # bytes of one file whose content is kept
CONTENTS_LIMIT: Final = 192 * 1024 * 1024  # bytes of all of them, and of all extracts
EXTRACT_LIMIT: Final = 512 * 1024 * 1024  # bytes of one file that something is taken out of
HEAD: Final = 64  # bytes by which a file's kind shows

ENTRIES_LIMIT: Final = 5_000_000  # entries of all layers
PATH_LIMIT: Final = 4096  # Linux' PATH_MAX

_HASHED_ASIDE: Final = 256 * 1024  # bytes; to hand over smaller files took longer (measured)
_HASHED_LATE: Final = 64 * 1024  # bytes; the same for files that are handed over many at a time
_BATCH: Final = 1024 * 1024  # bytes that are handed over together
_IN_MEMORY: Final = 16 * 1024 * 1024  # bytes of a file; a larger one waits in a file of its own
_EMPTY: Final = sha256(b"").digest()
_LOOKED_AT: Final = 4000  # entries by which an image's own package manager shows, mostly

# The digests that package managers before SHA-256 state of files: `usedforsecurity` is false, for
# they are held against those, and prove nothing else.
_WEAK: Final[Mapping[str, Callable[..., HASH]]] = {"md5": md5, "sha1": sha1}


class LayerEntry(NamedTuple):
    """One entry of a layer. `kind`: f(ile), l(ink, symbolic), d(irectory), h(ard link), o(ther).

    `digest`: raw SHA-256 of a file's content, b"" where it is not known (sparse files); `weak`:
    of the files that were asked for, its MD5 (16 bytes), its SHA-1 (20), or both (36). `link`:
    the target as stored, for hard links cleaned. `wanted`: its content was asked for.
    A NamedTuple for its size: there is one for each of hundreds of thousands of files.
    """

    path: str
    kind: str
    size: int = 0
    executable: bool = False
    digest: bytes = b""
    link: str = ""
    wanted: bool = False
    weak: bytes = b""


class Take(Protocol):
    """Gets all of a large file, and gives what is to be kept of it, by name; never raises."""

    def __call__(self, content: bytes | mmap.mmap, /) -> Mapping[str, bytes]: ...


class Interest(Protocol):
    """What whoever reads an image wants of its files. Paths are relative to the root."""

    def wants(self, path: str) -> bool:
        """Whether the whole content is to be kept (up to CONTENT_LIMIT)."""

    def extracts(self, path: str, executable: bool) -> bool:
        """Whether something may have to be taken out of the file, by its name."""

    def extractor(self, path: str, executable: bool, head: bytes) -> Take | None:
        """What takes it, by the first bytes (at most HEAD) too; None for nothing."""

    def compares(self, path: str) -> bool:
        """Whether the file's weak digests are needed as well."""

    def settles(self, path: str) -> Sequence[str] | None:
        """Which weak digests are needed ("md5", "sha1"), where this file shows it."""


class Kept:
    """The contents and extracts that ecosystems will read, once each, by raw SHA-256; and the
    limits on all entries."""

    def __init__(self, interest: Interest) -> None:
        self.interest: Final = interest
        self.contents: dict[bytes, bytes] = {}
        self.extracts: dict[bytes, Mapping[str, bytes]] = {}
        self.entries = 0
        self.weak: Sequence[str] = tuple(_WEAK)  # both, until it shows which one is needed
        self.unsettled = _LOOKED_AT
        self._size = 0

    def look(self, path: str) -> None:
        """See whether the entry shows which weak digests are needed."""
        found = self.interest.settles(path)
        self.unsettled -= 1
        if found is not None:
            self.weak, self.unsettled = found, 0
        elif not self.unsettled:
            self.weak = ("md5",)  # dpkg's, whose images show it last where base-files is missing

    def add(self, content: bytes) -> bytes:
        digest = sha256(content).digest()
        if digest not in self.contents:
            self._count(len(content))
            self.contents[digest] = content
        return digest

    def add_extract(self, digest: bytes, parts: Mapping[str, bytes]) -> None:
        if parts and digest not in self.extracts:
            self._count(sum(map(len, parts.values())))
            self.extracts[digest] = parts

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > CONTENTS_LIMIT:
            raise BadArtifact("oversized", "the image's package metadata is too large")


class LayerWalk:
    """The entries of one layer's tar, every file hashed."""

    def __init__(self, kept: Kept, hashing: HashingThread) -> None:
        self._entries: list[LayerEntry] = []
        self._kept = kept
        self._interest = kept.interest
        self._hashing = hashing
        # entries whose digests are to come
        self._unsettled: list[tuple[int, AsideDigest, AsideDigest | None]] = []
        self._late = _Late(hashing)
        self._tar = TarPush(self.member, self.end, self.plain)
        self.feed = self._tar.feed
        self._path = ""
        self._executable = False
        self._hash: AsideDigest | HASH = sha256()
        self._weak: AsideDigest | _Weak | None = None
        self._content: bytearray | None = None
        self._large: _Large | None = None

    def close(self) -> None:
        self._tar.close()

    def settled(self) -> list[LayerEntry]:
        """The entries, when all of them are hashed."""
        self._late.give()
        self._hashing.settle()
        entries = self._entries
        for place, digest, second in self._unsettled:
            entries[place] = entries[place]._replace(
                digest=digest.digest(), weak=second.digest() if second is not None else b""
            )
        self._unsettled = []
        self._late.settle(entries)
        return entries

    def member(self, member: TarMember) -> Callable[[memoryview], object] | None:
        """An entry begins, of a tar or of another archive: what its content goes to."""
        self._count()
        self._path = path = clean_path(member.name)
        if self._kept.unsettled:
            self._kept.look(path)
        size = member.size
        if member.type != "0" or not size or member.sparse:
            return None
        interest = self._interest
        self._executable = bool(member.mode & 0o111)
        weak = self._kept.weak if interest.compares(path) else ()
        self._weak = _Weak(weak) if weak else None
        if size <= CONTENT_LIMIT and interest.wants(path):
            self._content = bytearray()
            return self._content.extend
        if size <= EXTRACT_LIMIT and interest.extracts(path, self._executable):
            self._hash = sha256()
            self._large = _Large(size)
            return self._piece_of_large
        if size < _HASHED_ASIDE:
            self._hash = sha256()
        else:
            self._hash = self._hashing.digest()
            self._weak = self._hashing.digest(lambda: _Weak(weak)) if weak else None
        return self._hash.update if self._weak is None else self._piece

    def plain(self, name: str, size: int, mode: int, content: memoryview) -> None:
        """A regular file in one piece: the same as `member`, what it gives, and `end`."""
        self._count()
        path = clean_path(name)
        if not path:
            return
        kept, interest = self._kept, self._interest
        if kept.unsettled:
            kept.look(path)
        executable = mode & 0o111 != 0
        wanted = size <= CONTENT_LIMIT and interest.wants(path)
        digest = b""
        if wanted:
            digest = kept.add(bytes(content))
        elif interest.extracts(path, executable):
            digest = sha256(content).digest()
            if size and digest not in kept.extracts:
                head = bytes(content[:HEAD])
                if (take := interest.extractor(path, executable, head)) is not None:
                    kept.add_extract(digest, take(bytes(content)))
        elif size < _HASHED_LATE:
            digest = sha256(content).digest()
        weak = kept.weak if size > 0 and interest.compares(path) else ()
        if weak or not digest:
            self._late.add(len(self._entries), content, not digest, weak)
        # without the call by name: there is one for each of a hundred thousand files
        self._entries.append(
            tuple.__new__(LayerEntry, (path, "f", size, executable, digest, "", wanted, b""))
        )

    def _count(self) -> None:
        self._kept.entries += 1
        if self._kept.entries > ENTRIES_LIMIT:
            raise BadArtifact("oversized", f"the image has more than {ENTRIES_LIMIT} entries")

    def _piece(self, piece: memoryview) -> None:
        self._hash.update(piece)
        if self._weak is not None:
            self._weak.update(piece)

    def _piece_of_large(self, piece: memoryview) -> None:
        self._piece(piece)
        if self._large is not None and not self._large.add(
            piece, self._interest, self._path, self._executable
        ):
            self._large = None

    def end(self, member: TarMember) -> None:
        """The entry's content is over."""
        path = self._path
        if not path:
            self._content = self._weak = self._large = None
            return
        kind = member.type
        if kind == "0":
            entry = self._file(path, member)
        elif kind == DIRECTORY:
            entry = LayerEntry(path, "d")
        elif kind == SYMLINK:
            if len(member.linkname) > PATH_LIMIT:
                raise BadArtifact("damaged", f"the symbolic link {path!r:.200} is too long")
            wanted = self._interest.wants(path)
            entry = LayerEntry(path, "l", 0, False, b"", member.linkname, wanted)
        elif kind == HARDLINK:
            wanted = self._interest.wants(path)
            entry = LayerEntry(path, "h", 0, False, b"", clean_path(member.linkname), wanted)
        else:
            entry = LayerEntry(path, "o")
        self._entries.append(entry)

    def abandon(self) -> None:
        """The entry's content can't be had: it stays in the list, without a digest."""
        self._content = self._weak = self._large = None
        if self._path:
            self._entries.append(LayerEntry(self._path, "f"))

    def _file(self, path: str, member: TarMember) -> LayerEntry:
        wanted, digest, second = False, b"", b""
        if member.sparse:
            pass  # what is stored is not its content
        elif not member.size:
            digest = _EMPTY
            if wanted := self._interest.wants(path):
                self._kept.add(b"")
        elif self._content is not None:
            content, self._content = bytes(self._content), None
            digest, wanted = self._kept.add(content), True
            if self._weak is not None:
                self._weak.update(content)
        elif isinstance(self._hash, AsideDigest):
            second_aside = self._weak if isinstance(self._weak, AsideDigest) else None
            self._unsettled.append((len(self._entries), self._hash, second_aside))
            self._weak = None
        else:
            digest = self._hash.digest()
            if self._large is not None:
                if digest not in self._kept.extracts:
                    self._kept.add_extract(digest, self._large.taken())
                self._large = None
        if self._weak is not None:
            second, self._weak = self._weak.digest(), None
        return LayerEntry(
            path, "f", member.size, bool(member.mode & 0o111), digest, "", wanted, second
        )


class _Late:
    """Files whose digests another thread works out, handed over many at a time."""

    def __init__(self, hashing: HashingThread) -> None:
        self._hashing = hashing
        self._files: list[tuple[int, memoryview, bool, Sequence[str]]] = []
        self._size = 0
        self._sha256: dict[int, bytes] = {}
        self._weak: dict[int, bytes] = {}

    def add(self, place: int, content: memoryview, hashed: bool, weak: Sequence[str]) -> None:
        """Have the entry at `place` digested: by SHA-256, by the `weak` ones."""
        self._files.append((place, content, hashed, weak))
        self._size += len(content)
        if self._size >= _BATCH:
            self.give()

    def give(self) -> None:
        """Hand over what has gathered."""
        if self._files:
            self._hashing.other.submit((self._digest, self._files))
            self._files, self._size = [], 0

    def settle(self, entries: list[LayerEntry]) -> None:
        """Put the digests into the entries; the thread must have settled."""
        for place, digest in self._sha256.items():
            entries[place] = entries[place]._replace(digest=digest)
        for place, digest in self._weak.items():
            entries[place] = entries[place]._replace(weak=digest)
        self._sha256, self._weak = {}, {}

    def _digest(self, files: list[tuple[int, memoryview, bool, Sequence[str]]]) -> None:
        for place, content, hashed, weak in files:
            if hashed:
                self._sha256[place] = sha256(content).digest()
            if weak:
                self._weak[place] = b"".join(
                    [_WEAK[name](content, usedforsecurity=False).digest() for name in weak]
                )


class _Weak:
    """The weak digests of one content, one behind the other."""

    def __init__(self, names: Sequence[str]) -> None:
        self._parts = [_WEAK[name](usedforsecurity=False) for name in names]

    def update(self, piece: bytes | memoryview) -> None:
        for part in self._parts:
            part.update(piece)

    def digest(self) -> bytes:
        return b"".join([part.digest() for part in self._parts])


class _Large:
    """A file of which something may be taken, all of it held until it is over."""

    def __init__(self, size: int) -> None:
        self._pieces: list[memoryview] = []
        self._size = size
        self._head = b""
        self._take: Take | None = None
        self._aside: IO[bytes] | None = None

    def add(self, piece: memoryview, interest: Interest, path: str, executable: bool) -> bool:
        """Take a piece; False where nothing is to be taken of the file."""
        if self._take is None:
            self._head += bytes(piece[: HEAD - len(self._head)])
            if len(self._head) == min(HEAD, self._size):
                self._take = interest.extractor(path, executable, self._head)
                if self._take is None:
                    return False
        if self._size > _IN_MEMORY:
            # nothing stays on the disk: the file has no name
            self._aside = self._aside or tempfile.TemporaryFile()  # noqa: SIM115
            self._aside.write(piece)
        else:
            self._pieces.append(piece)
        return True

    def taken(self) -> Mapping[str, bytes]:
        """What the taker found; all that was held is given back."""
        if self._take is None:
            return {}
        if self._aside is None:
            return self._take(b"".join(self._pieces))
        with self._aside as aside:
            aside.flush()
            with mmap.mmap(aside.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return self._take(content)


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
