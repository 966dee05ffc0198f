"""The archive around an image: its files, where they are, and its JSON documents; and the one form
in which such an archive is written."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from bom.archive.image import DOCUMENT_LIMIT
from bom.archive.layer import clean_path
from bom.archive.positioned import write_all
from bom.archive.tar import TarWalk
from bom.archive.tar_header import BLOCK, HARDLINK, SYMLINK, padding
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise.images.entries import Part
from bom.normalise.tar_entry import encode

if TYPE_CHECKING:
    import io

_HOPS: Final = 8
_END: Final = bytes(2 * BLOCK)


class Archive:
    """An image's archive in an open file. Raises BadArtifact."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._files: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        walk = TarWalk(Part(descriptor, 0, size))  # type: ignore[arg-type] # it seeks and reads
        for member in walk:
            name = clean_path(member.name)
            if not name or member.is_directory:
                continue
            if name in self._files or name in self._links:
                raise BadArtifact("ambiguous-image", f"the archive holds {name!r:.200} twice")
            if member.type in (SYMLINK, HARDLINK):
                self._links[name] = member.linkname
            elif member.is_file and not member.sparse:
                self._files[name] = (member.data, member.size)
        if walk.trailing_byte() >= 0:
            raise CannotNormalise("something follows the end of the archive")

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def followed(self, name: str) -> str:
        """The file that a name means: the classic store saves a layer that stands twice as a
        symbolic link to the first."""
        name = clean_path(name)
        for _ in range(_HOPS):
            target = self._links.get(name)
            if target is None:
                return name
            name = clean_path(f"{PurePosixPath(name).parent}/{target}")
        raise BadArtifact("damaged", "the archive's symbolic links lead nowhere", where=name)

    def part(self, name: str) -> Part:
        """A file's content."""
        place = self._files.get(name)
        if place is None:
            raise BadArtifact("damaged", "a file of the image is missing", where=name[:200])
        return Part(self._descriptor, *place)

    def raw(self, name: str) -> bytes:
        """A document's bytes."""
        part = self.part(name)
        if part.size > DOCUMENT_LIMIT:
            raise BadArtifact(
                "oversized", "a JSON document of the archive is too large", where=name
            )
        return part.read_at(0, part.size)

    def document(self, name: str) -> Any:
        """A document, parsed."""
        return parsed(self.raw(name), name)

    def blob(self, digest: str) -> dict[str, Any]:
        """The document with this digest, held against it."""
        name = blob_name(digest)
        raw = self.raw(name)
        require_digest(sha256(raw).hexdigest(), digest, name)
        value = parsed(raw, name)
        if not isinstance(value, dict):
            raise BadArtifact("damaged", "a document of the image is no object", where=name)
        return value


def parsed(raw: bytes, where: str) -> Any:
    """JSON in which no key stands twice."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadArtifact("damaged", f"{where} is no JSON that can be read", where=where) from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def blob_name(digest: str) -> str:
    """Where an OCI layout has a blob."""
    algorithm, _, digits = digest.partition(":")
    if algorithm != "sha256" or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise BadArtifact("damaged", f"{digest!r:.100} is no SHA-256 digest")
    return f"blobs/sha256/{digits}"


def require_digest(found: str, stated: str, where: str) -> None:
    """`found`: hex; `stated`: with the algorithm in front."""
    if stated != f"sha256:{found}":
        raise BadArtifact(
            "damaged",
            "a file of the image is not what its name says",
            expected=stated[:80],
            found=f"sha256:{found}",
            where=where,
        )


def canonical(value: Any) -> bytes:
    """A document in one form: keys sorted, no blanks."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


class Writer:
    """Writes an image's archive: each file once, without times and owners."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._start = 0
        self._names: set[str] = set()

    @property
    def descriptor(self) -> int:
        """For the content of a file that was begun."""
        return self._file.fileno()

    def folder(self, name: str) -> None:
        write_all(self.descriptor, encode(f"{name}/".encode(), b"5", 0o755, 0, 0))

    def document(self, name: str, data: bytes) -> None:
        """A small file, unless it was written already."""
        if name not in self._names:
            self._names.add(name)
            header = encode(name.encode(), b"0", 0o644, len(data), 0)
            write_all(self.descriptor, header + data + padding(len(data)))

    def blob(self, value: Any) -> tuple[str, int]:
        """A document named by its digest, which this gives with its size."""
        data = canonical(value)
        digest = f"sha256:{sha256(data).hexdigest()}"
        self.document(blob_name(digest), data)
        return digest, len(data)

    def begin(self) -> None:
        """A file begins whose name and size show when it is written: its header comes then."""
        self._start = self._file.tell()
        write_all(self.descriptor, bytes(BLOCK))

    def end(self, name: str, size: int) -> None:
        """The content is written. The file goes again if this name is there already."""
        if name in self._names:
            self._file.seek(self._start)
            self._file.truncate()
            return
        self._names.add(name)
        header = encode(name.encode(), b"0", 0o644, size, 0)
        if len(header) != BLOCK:
            raise CannotNormalise("a layer of it is too large for a plain tar header")
        write_all(self.descriptor, padding(size))
        end = self._file.tell()
        self._file.seek(self._start)
        write_all(self.descriptor, header)
        self._file.seek(end)

    def finish(self) -> None:
        write_all(self.descriptor, _END)
