"""Files that strangers may have put there: opened without waiting, read up to a limit."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO


def open_at_once(path: Path) -> BinaryIO:
    """The file at `path` for reading, whatever it is: a pipe that nobody writes to doesn't wait.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    try:
        return os.fdopen(descriptor, "rb")
    except OSError:  # a folder
        os.close(descriptor)
        raise


def open_plain(path: Path) -> BinaryIO:
    """The same, for what has an end and can be read twice.

    Raises OSError, also where it is a device, a pipe or a folder.
    """
    stream = open_at_once(path)
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    raise OSError(errno.EINVAL, "it is no plain file", str(path))


def read_bounded(path: Path, limit: int) -> bytes:
    """All of a file or pipe. Raises OSError, also where it has more than `limit` bytes."""
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        told = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit} bytes"
        raise OSError(errno.EFBIG, f"it has more than {told}", str(path))
    return data
