"""Renames that Python doesn't offer: two folders exchanged in one step, and never over another.

renameat2(2): RENAME_EXCHANGE and RENAME_NOREPLACE, and syncfs(2). Where the file system or the C
library doesn't know them, the caller is told, and does it in two steps.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_CWD: Final = -100  # AT_FDCWD
# What a kernel, a file system or a sandbox says of a call that it doesn't know
_UNKNOWN: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


def exchange(one: Path, other: Path) -> bool:
    """Let each have the other's name, in one step; False where that can't be done here.

    Raises OSError.
    """
    return _rename(one, other, _EXCHANGE)


def rename_new(path: Path, target: Path) -> None:
    """Rename to a name that is free. Raises OSError (FileExistsError where it isn't)."""
    if not _rename(path, target, _NOREPLACE):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        path.rename(target)


def sync(folder: Path) -> None:
    """Wait until everything on the folder's file system is on its disk. Raises OSError where
    writing failed meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        call = getattr(_library(), "syncfs", None)
        if call is None:
            os.sync()
        elif call(ctypes.c_int(descriptor)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _rename(path: Path, target: Path, flag: int) -> bool:
    call = getattr(_library(), "renameat2", None)
    if call is None:
        return False
    done = call(
        ctypes.c_int(_CWD),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.c_int(_CWD),
        ctypes.c_char_p(os.fsencode(target)),
        ctypes.c_uint(flag),
    )
    if not done:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(target))


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
