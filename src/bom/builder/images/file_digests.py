"""Digests of a folder's files, kept from one build to the next: a file whose device, inode, size
and both times are as they were has the content that it had.

The kernel sets the time of the inode (ctime) on every change, and no program can set it back. A
file that changed less than two seconds before it was read isn't kept: a change within one tick of
the file system's clock would not show. What is kept is private to the user, and never read where
another user could have written it.

    $XDG_STATE_HOME/bom/contexts/SHA256-OF-THE-FOLDER'S-PATH

holds a magic line, records of fixed length, and the SHA-256 of it all; anything else is as good as
not there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.input import open_plain
from bom.output import PRIVATE, temporary_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER: Final = "contexts"
RECORDS_LIMIT: Final = 200_000  # files of one folder: 17 MB
FOLDERS_LIMIT: Final = 16  # the ones used last
_RACY: Final = 2_000_000_000  # nanoseconds; FAT's clock ticks every two seconds
_MAGIC: Final = b"bom contexts 1\n"
_KEY: Final = struct.Struct("<16sQQqqq")  # path (BLAKE2b), device, inode, size, mtime, ctime
_KEY_SIZE: Final = _KEY.size
_DIGEST_SIZE: Final = 32
_RECORD: Final = _KEY_SIZE + _DIGEST_SIZE
_SMALL: Final = 1 << 20  # bytes; read in one piece
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileDigests:
    """SHA-256 of files, read or known. `close` keeps what was learned."""

    def __init__(self, place: Path | None, known: Mapping[bytes, bytes]) -> None:
        self._place = place
        self._known = known
        self._used: dict[bytes, bytes] = {}

    @classmethod
    def of(cls, folder: Path, state: Path | None) -> FileDigests:
        """Those of `folder`, kept below `state`; None: nothing is kept."""
        if state is None:
            return cls(None, {})
        name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        place = state / FOLDER / name
        return cls(place, _read(place) if _is_private(place.parent) else {})

    def sha256(self, path: str, spelled: str, status: os.stat_result) -> str:
        """In hex. `path`: by which it is kept; `spelled`: where it is; `status`: what lstat says of
        it. Raises OSError."""
        key = _key(path, status)
        value = self._known.get(key)
        if value is None:
            begun = time.time_ns()
            value, settled = _hash(spelled, status)
            if not settled or max(status.st_mtime_ns, status.st_ctime_ns) > begun - _RACY:
                return value.hex()
        if self._place is not None and len(self._used) < RECORDS_LIMIT:
            self._used[key] = value
        return value.hex()

    def close(self) -> None:
        """Keep what this folder holds now. That it can't be kept costs time, nothing else."""
        if self._place is None:
            return
        with suppress(OSError, BomError):
            if self._used.keys() != self._known.keys():
                _write(self._place, self._used)
            elif self._used:
                os.utime(self._place)  # what was used last stays


def _key(path: str, status: os.stat_result) -> bytes:
    name = hashlib.blake2b(os.fsencode(path), digest_size=16).digest()
    return _KEY.pack(
        name,
        status.st_dev & 0xFFFF_FFFF_FFFF_FFFF,
        status.st_ino & 0xFFFF_FFFF_FFFF_FFFF,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _hash(spelled: str, status: os.stat_result) -> tuple[bytes, bool]:
    """The file's digest, and whether it was the file of `status` before and afterwards."""
    descriptor = os.open(spelled, _OPEN)
    try:
        made = hashlib.sha256()
        while piece := os.read(descriptor, _SMALL):
            made.update(piece)
            if len(piece) == status.st_size:
                break
        now = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return made.digest(), _identity(now) == _identity(status)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _is_private(folder: Path) -> bool:
    """Whether only this user can have written there; the folder is made where it is not."""
    try:
        with suppress(FileExistsError):
            if not folder.is_dir():
                above = next(parent for parent in folder.parents if parent.is_dir())
                if above.stat().st_uid != os.geteuid():
                    return False  # `sudo` with another user's HOME
                folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.mkdir(mode=0o700)
        status = folder.lstat()
    except (OSError, StopIteration):
        return False
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return mine and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(place: Path) -> dict[bytes, bytes]:
    """What is kept there; nothing where it is damaged, too long or another user's."""
    limit = len(_MAGIC) + RECORDS_LIMIT * _RECORD + _DIGEST_SIZE
    try:
        with open_plain(place) as stream:
            status = os.fstat(stream.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022 or place.is_symlink():
                return {}
            data = stream.read(limit + 1)
    except OSError:
        return {}
    body, stated = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    records = len(body) - len(_MAGIC)
    if len(data) > limit or not body.startswith(_MAGIC) or records % _RECORD:
        return {}
    if hashlib.sha256(body).digest() != stated:
        return {}
    return {
        body[at : at + _KEY_SIZE]: body[at + _KEY_SIZE : at + _RECORD]
        for at in range(len(_MAGIC), len(body), _RECORD)
    }


def _write(place: Path, records: Mapping[bytes, bytes]) -> None:
    """Whole or not at all; not waiting for the disk, for what is damaged is not read. Raises
    OSError."""
    if not _is_private(place.parent):
        return
    body = _MAGIC + b"".join(key + value for key, value in records.items())
    with temporary_file(place) as path:
        path.write_bytes(body + hashlib.sha256(body).digest())
        path.chmod(PRIVATE)
        path.replace(place)
    kept = sorted(
        (item for item in place.parent.iterdir() if len(item.name) == 64),
        key=lambda item: item.stat().st_mtime_ns,
    )
    for item in kept[:-FOLDERS_LIMIT]:
        item.unlink(missing_ok=True)
