"""Reading a file at any position, from several threads, whatever it came from.

A zip archive is read from its end, so a pipe is spooled to a private file without a name first.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

CHUNK: Final = 1024 * 1024
SPOOL_LIMIT: Final = 16 * 1024**3  # bytes of a pipe that are kept: it may have no end


class Positioned(Protocol):
    """Bytes of a known `size` that can be read anywhere."""

    @property
    def size(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises BadArtifact (`truncated`) where there are fewer."""


class PositionedBytes:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise _truncated(offset, length, self.size)
        return self._data[offset : offset + length]


class PositionedFile:
    """An open regular file; reading moves no file position, so threads can share it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise _truncated(offset, length, self.size)
        data = os.pread(self.descriptor, length, offset)
        while len(data) < length:
            more = os.pread(self.descriptor, length - len(data), offset + len(data))
            if not more:
                raise _truncated(offset, length, offset + len(data))
            data += more
        return data


def _truncated(offset: int, length: int, size: int) -> BadArtifact:
    return BadArtifact(
        "truncated",
        "the file ends too early",
        expected=f"{offset + length} bytes",
        found=f"{size} bytes",
    )


@contextmanager
def opened(path: Path) -> Iterator[PositionedFile]:
    """The file at `path`, for as long as the context lasts. Raises OSError."""
    with path.open("rb", buffering=0) as stream:
        yield PositionedFile(stream.fileno())


@contextmanager
def positioned(source: BinaryIO) -> Iterator[PositionedFile]:
    """All of `source`: itself where it is a regular file at its start, else a spooled copy."""
    descriptor = _regular_file(source)
    if descriptor is not None:
        yield PositionedFile(descriptor)
        return
    with tempfile.TemporaryFile(buffering=0) as spool:
        size = 0
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > SPOOL_LIMIT:
                raise BadArtifact(
                    "oversized",
                    "more comes out of the pipe than is kept to be read from its end",
                    expected=f"at most {SPOOL_LIMIT} bytes",
                )
            write_all(spool.fileno(), chunk)
        yield PositionedFile(spool.fileno())


def _regular_file(source: BinaryIO) -> int | None:
    # Only the plain file classes: a GzipFile too has a fileno(), of other bytes than it reads.
    raw: object = source
    if isinstance(raw, io.BufferedReader | io.BufferedRandom):
        raw = raw.raw
    if not isinstance(raw, io.FileIO) or not raw.seekable() or source.tell() != 0:
        return None
    descriptor = raw.fileno()
    return descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def pieces(file: Positioned, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end`, in pieces of at most 1 MiB."""
    while start < end:
        length = min(CHUNK, end - start)
        yield file.read_at(start, length)
        start += length


def copy_range(file: PositionedFile, start: int, end: int, target: int) -> None:
    """Append the bytes from `start` to `end` to the file descriptor `target`.

    The kernel copies (or shares blocks) where it can. Raises BadArtifact where the file ends
    before `end`, OSError where the target can't be written.
    """
    while start < end:
        try:
            copied = os.copy_file_range(file.descriptor, target, end - start, offset_src=start)
        except OSError:
            break  # across file systems or unsupported: read and write instead
        if copied == 0:
            break
        start += copied
    for piece in pieces(file, start, end):
        write_all(target, piece)


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write all of `data` to the file descriptor `target`."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
