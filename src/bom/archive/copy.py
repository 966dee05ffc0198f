"""Moving bytes between files without reading them where the kernel can do it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK: Final = 1024 * 1024
_AT_ONCE: Final = 1 << 30
# What kernels and file systems answer that can't copy this pair of files by themselves.
_UNABLE: Final = frozenset(
    (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF)
)


def write_all(out: int, pieces: Iterable[bytes | memoryview]) -> None:
    """Write every byte of the pieces to the file descriptor `out`."""
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(out, rest) :]


def copy_range(source: int, out: int, offset: int, count: int) -> None:
    """Append `count` bytes of `source` from `offset` on at the position of `out`.

    By copy_file_range(2), which shares or moves the bytes inside the kernel, else by reading.
    Raises EOFError where `source` is shorter than that.
    """
    end = offset + count
    while offset < end:
        try:
            moved = os.copy_file_range(source, out, min(end - offset, _AT_ONCE), offset)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            break
        if not moved:  # the end, or a file system that claims to be able and isn't
            break
        offset += moved
    while offset < end:
        piece = os.pread(source, min(CHUNK, end - offset), offset)
        if not piece:
            raise EOFError(f"the file ends {end - offset} bytes early")
        write_all(out, (piece,))
        offset += len(piece)
