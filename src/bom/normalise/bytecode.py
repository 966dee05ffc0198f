"""The source's time inside a .pyc (PEP 552): Python recompiles where it isn't that of the source.

A .pyc that was in step with a source beside it stays in step when the source gets another time;
one that wasn't, and one that names its source by hash, is left alone.
"""

from __future__ import annotations

import struct
from typing import Final

HEADER: Final = 16  # bytes: magic, flags, time and size of the source
SUFFIX: Final = ".pyc"
_HEADER: Final = struct.Struct("<4sLLL")
_CACHE: Final = "__pycache__"
_MAX32: Final = 0xFFFFFFFF


def source_of(path: str) -> str:
    """The path of the source that a .pyc at `path` was compiled from (PEP 3147), "" for none."""
    if not path.endswith(SUFFIX):
        return ""
    folder, _, name = path.rpartition("/")
    above, _, last = folder.rpartition("/")
    if last != _CACHE:
        return path[:-1]  # the older place, beside it
    # NAME.TAG.pyc or NAME.TAG.opt-N.pyc; the name itself may have dots
    stem, dot, end = name.removesuffix(SUFFIX).rpartition(".")
    if end.startswith("opt-"):
        stem, dot, end = stem.rpartition(".")
    if not (stem and dot and end):
        return ""
    return f"{above}/{stem}.py" if above else f"{stem}.py"


def stated_time(head: bytes, size: int) -> int:
    """The source's time in a .pyc that begins with `head`, -1 where it states none, or where the
    source that it states isn't one of `size` bytes."""
    if len(head) < HEADER:
        return -1
    magic, flags, time, stated = _HEADER.unpack_from(head)
    if magic[2:] != b"\r\n" or flags or stated != size & _MAX32:
        return -1
    return int(time)


def restamped(head: bytes, time: int) -> bytes:
    """The header with another time of the source."""
    magic, flags, _, size = _HEADER.unpack_from(head)
    return _HEADER.pack(magic, flags, time & _MAX32, size)
