"""The private folder in which an install works: one install holds it at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from bom.errors import BomError, Refused
from bom.printable import printable_os

if TYPE_CHECKING:
    from pathlib import Path


def locked(folder: Path, into: Path) -> int:
    """Make the folder, mode 0700, if it isn't there, and lock it: a descriptor, which unlocks it
    when it is closed. `into`: what is installed into, for people.

    Raises BomError where another install holds it, Refused where it is not this user's own,
    OSError.
    """
    while True:
        try:
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            if not folder.parent.is_dir():
                raise
            continue  # another install came to its end between the two
        try:
            stated = os.fstat(lock)
            # a folder that somebody else made would be theirs to change while we work in it
            if stated.st_uid != os.geteuid() or stated.st_mode & 0o077:
                raise Refused(
                    f"{printable_os(str(folder))} is not a folder of an install by this user",
                    hint="look what it is, and remove it",
                )
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(stated, folder.lstat()):
                    return lock
        except BlockingIOError:
            os.close(lock)
            raise BomError(
                f"another install into {printable_os(str(into))} is running",
                hint="wait for it, then try again",
            ) from None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
