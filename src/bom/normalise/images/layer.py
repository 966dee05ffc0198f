"""One layer: looked through first, then written again where something in it isn't stable."""

from __future__ import annotations

import tempfile
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Self
from zlib import crc32

from bom.archive import decompress, gzip
from bom.archive.hashing import HashingThread
from bom.archive.positioned import write_all
from bom.archive.tar_header import REGULAR
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise.deflate import Deflate
from bom.normalise.gzip import HEADER as GZIP_HEADER
from bom.normalise.images.arranging import arranged
from bom.normalise.images.entries import Part, read
from bom.normalise.images.python_files import LayerFiles
from bom.normalise.images.rewriting import Rewriting, rewritten
from bom.normalise.moments import clamped_file

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from bom.normalise.images.entries import Entry
    from bom.normalise.images.python_files import Stamp
    from bom.normalise.protocol import Aspect

_KEPT: Final = 200_000  # entries of a layer that are kept between the two looks at it
_MOST: Final = 1_000_000  # entries of a layer that is written anew: they are sorted in memory


class Written(NamedTuple):
    """A layer that was written: hex SHA-256 of the blob and of its plain tar, the blob's size."""

    digest: str
    diff_id: str
    size: int


@dataclass(slots=True)
class Layer:
    """A layer that was looked through. `latest`: the time of its newest entry; of the source's own
    files the epoch. `files`: what concerns Python. `why`: why it can't be rewritten, None where it
    can: it matters only where it has to be."""

    blob: Part
    form: str
    latest: int
    files: LayerFiles
    why: CannotNormalise | None
    plain: Part
    _digests: Future[tuple[str, str]]
    _spool: IO[bytes] | None
    _entries: list[Entry] | None = field(default=None)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the blob as stored. It may have to be waited for; raises BadArtifact."""
        return self._digests.result()[0]

    @property
    def diff_id(self) -> str:
        """Hex SHA-256 of the plain tar, in the same way."""
        return self._digests.result()[1]

    @classmethod
    def look(cls, blob: Part, folder: Path, epoch: int, aside: Executor) -> Self:
        """`folder`: for a layer's plain tar, in a file without a name. `aside` hashes a plain
        layer while it is looked through, and while it is written. Raises BadArtifact."""
        form = decompress.form_of(blob.read_at(0, min(decompress.MAGIC, blob.size)))
        digests: Future[tuple[str, str]]
        if not form:
            digests = aside.submit(_hashed, blob)
            return cls._made(_Look(blob, epoch), (blob, "", digests), blob, None, epoch)
        spool = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - `close` closes it
        try:
            packed, unpacked = sha256(), sha256()
            size = 0

            def take(data: bytes) -> None:
                nonlocal size
                unpacked.update(data)
                write_all(spool.fileno(), data)
                size += len(data)

            stream = decompress.stream(form, take)
            for piece in blob.pieces():
                packed.update(piece)
                stream.feed(piece)
            stream.close()
            plain = Part(spool.fileno(), 0, size)
            looked = _Look(plain, epoch)
        except BaseException:
            spool.close()
            raise
        digests = Future()
        digests.set_result((packed.hexdigest(), unpacked.hexdigest()))
        return cls._made(looked, (blob, form, digests), plain, spool, epoch)

    @classmethod
    def _made(
        cls,
        looked: _Look,
        stored: tuple[Part, str, Future[tuple[str, str]]],
        plain: Part,
        spool: IO[bytes] | None,
        epoch: int,
    ) -> Self:
        blob, form, digests = stored
        why = looked.why
        if form not in ("", "gzip"):
            why = why or CannotNormalise(f"a layer of it is compressed with {form}")
        made = cls(blob, form, looked.latest, looked.files, why, plain, digests, spool, looked.kept)
        if looked.latest < epoch and not looked.files.codes:
            made.close()
        return made

    def close(self) -> None:
        """Give back what `write` needs; the rest still works."""
        self._entries = None
        if self._spool is not None:
            self._spool.close()

    def write(
        self, target: int, epoch: int, stamps: Mapping[str, Stamp], changed: Counter[Aspect]
    ) -> Written:
        """Append the layer to the file descriptor `target`, everything in it stable. Counts into
        `changed`. Raises CannotNormalise, BadArtifact."""
        if self.why is not None:
            raise self.why
        entries = self._entries
        if entries is None:
            entries = list(islice(read(self.plain), _MOST + 1))
            if len(entries) > _MOST:
                raise CannotNormalise(f"a layer has more than {_MOST} entries")
        order = arranged(entries)
        if order != entries:
            pairs = zip(order, entries, strict=True)
            changed["order"] += sum(a.offset != b.offset for a, b in pairs)
        pieces = rewritten(Rewriting(self.plain, epoch, stamps, changed), order)
        if self.form:
            return _packed(pieces, target)
        with _hashing() as hashing:
            made, size = hashing.digest(), 0
            for piece in pieces:
                made.update(piece)
                write_all(target, piece)
                size += len(piece)
            digest = made.hexdigest()
        return Written(digest, digest, size)

    def copy(self, target: int) -> None:
        """Append the blob as it is."""
        with _hashing() as hashing:
            made = hashing.digest()
            for piece in self.blob.pieces():
                made.update(piece)
                write_all(target, piece)
            found = made.hexdigest()
        if found != self.digest:
            raise BadArtifact("damaged", "the file was changed while it was read")


class _Look:
    """One walk through a layer's entries."""

    def __init__(self, plain: Part, epoch: int) -> None:
        self.latest = -1
        self.files = LayerFiles()
        self.why: CannotNormalise | None = None
        self.kept: list[Entry] | None = []
        try:
            for entry in read(plain):
                time = entry.time
                if entry.type == REGULAR:
                    time = clamped_file(time, entry.size, epoch) if time < epoch else time
                if time > self.latest:
                    self.latest = time
                self.files.take(entry, plain)
                if self.kept is not None:
                    self.kept.append(entry)
                    if len(self.kept) > _KEPT:
                        self.kept = None
        except CannotNormalise as error:
            self.why = error
        links = set(self.files.linked)
        if links:
            seen = self.kept if self.kept is not None else read(plain)
            self.files.finish({entry.path: entry for entry in seen if entry.path in links})


def _hashed(part: Part) -> tuple[str, str]:
    """A plain layer's two digests, which are one."""
    made = sha256()
    for piece in part.pieces():
        made.update(piece)
    return made.hexdigest(), made.hexdigest()


@contextmanager
def _hashing() -> Iterator[HashingThread]:
    thread = HashingThread()
    try:
        yield thread
    finally:
        thread.close()


# --- writing -------------------------------------------------------------------------------------


def _packed(pieces: Iterable[bytes | memoryview], target: int) -> Written:
    """The plain tar through the one compressor."""
    engine, crc, plain_size = Deflate(), 0, 0
    packed, size = sha256(), 0

    def put(data: bytes) -> None:
        nonlocal size
        packed.update(data)
        write_all(target, data)
        size += len(data)

    with _hashing() as hashing:
        plain = hashing.digest()
        put(GZIP_HEADER)
        for piece in pieces:
            plain.update(piece)
            crc = crc32(piece, crc)
            plain_size += len(piece)
            for data in engine.feed(piece):
                put(data)
        put(engine.finish())
        put(gzip.trailer(crc, plain_size))
        return Written(packed.hexdigest(), plain.hexdigest(), size)
