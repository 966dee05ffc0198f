"""The tarballs that npm installs from: what is in them, by the digest that locks state.

npm keeps each in its cache by its SHA-512 (`_cacache/content-v2/sha512/..`); others lie in a
project as `NAME-VERSION.tgz`. Where one is in the view, its files can be held against what is
installed (docs.npmjs.com, "package-lock.json": `integrity` is of the tarball).
"""

from __future__ import annotations

from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Final

from bom.archive import decompress
from bom.archive.tar import TarPush
from bom.catalog.integrity import Stated
from bom.catalog.node.wanted import TARBALL
from bom.errors import BadArtifact

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator, Mapping
    from hashlib import _Hash

    from bom.archive.tar import TarMember
    from bom.catalog.protocol import FileView
    from bom.model import Hash

_PIECE: Final = 1 << 20  # bytes that are inflated at a time
_FILES_LIMIT: Final = 100_000
_CONTENT_LIMIT: Final = 1 << 30  # bytes of all files of one tarball
_SCRIPT: Final = b"#!"
_HEAD: Final = 256  # bytes; a kernel reads no more of a script's first line
_RAW: Final = 64  # bytes of a SHA-512


def take(content: bytes | mmap.mmap) -> Mapping[str, bytes]:
    """The tarball's SHA-512, raw, and behind it a line for each of its files: hex SHA-256, a
    space, the path without the first folder, NUL at the end. Nothing of what is no package."""
    reader = _Reader()
    view = memoryview(content)
    try:
        stream = decompress.stream("gzip", reader.feed)
        for start in range(0, len(view), _PIECE):
            stream.feed(view[start : start + _PIECE])
        stream.close()
        reader.close()
        digest = sha512(view).digest()
    except BadArtifact:
        return {}  # npm itself would not install it, so nothing came from it
    finally:
        view.release()
    lines = (f"{hex} {path}\0" for path, hex in reader.files.items())
    return {TARBALL: digest + "".join(lines).encode("utf-8", "surrogateescape")}


class _Reader:
    """Hashes the files of a package's tar; raises BadArtifact for what is none."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._tar = TarPush(self._member, self._end)
        self._path = ""
        self._hash: _Hash = sha256()
        self._head = b""
        self._size = 0

    def feed(self, piece: bytes) -> None:
        self._tar.feed(piece)

    def close(self) -> None:
        self._tar.close()
        if "package.json" not in self.files:
            raise BadArtifact("damaged", "no package.json is in it")

    def _member(self, member: TarMember) -> Callable[[memoryview], object] | None:
        self._path = ""
        if not member.is_file or member.sparse:
            return None
        self._size += member.size
        if self._size > _CONTENT_LIMIT or len(self.files) >= _FILES_LIMIT:
            raise BadArtifact("oversized", "it holds more than any package does")
        # npm strips the first folder, whatever its name (`package/` as npm packs it)
        self._path = member.name.removeprefix("./").partition("/")[2]
        if "\0" in self._path or not self._path:
            self._path = ""
            return None
        self._hash, self._head = sha256(), b""
        return self._piece

    def _piece(self, piece: memoryview) -> None:
        self._hash.update(piece)
        if len(self._head) < _HEAD:
            self._head += bytes(piece[: _HEAD - len(self._head)])

    def _end(self, member: TarMember) -> None:
        if not self._path:
            return
        first = self._head.partition(b"\n")[0]
        if first.startswith(_SCRIPT) and first.endswith(b"\r"):
            self.files.pop(
                self._path, None
            )  # npm mends the line ends of what it links as a program
        else:
            self.files[self._path] = self._hash.hexdigest()


class Tarballs:
    """The tarballs in a view, by SHA-512."""

    def __init__(self, view: FileView) -> None:
        self._lists: dict[bytes, bytes] = {}
        for _, parts in view.extracted():
            if (part := parts.get(TARBALL)) is not None:
                self._lists[part[:_RAW]] = part[_RAW:]

    def files(self, hashes: tuple[Hash, ...], folder: str) -> Iterator[Stated] | None:
        """What the package in `folder` should consist of, by the tarball with one of these
        digests; None where that one isn't here."""
        for item in hashes:
            if item.alg == "SHA-512" and (found := self._lists.get(bytes.fromhex(item.value))):
                return self._stated(found, folder)
        return None

    @staticmethod
    def _stated(lines: bytes, folder: str) -> Iterator[Stated]:
        for line in lines.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            hex_digest, _, path = line.partition(" ")
            yield Stated(f"{folder}/{path}", "sha256", hex_digest)
