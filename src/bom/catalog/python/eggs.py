"""Zipped eggs: what easy_install put beside the packages as one file."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final

from bom.archive.zip_errors import BROKEN_ZIP

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

ENDING: Final = ".egg"
MAGIC: Final = b"PK\x03\x04"
ERROR: Final = "error"
PKG_INFO: Final = "PKG-INFO"
REQUIRES: Final = "requires.txt"

_EGG_LIMIT: Final = 64 * 1024 * 1024  # bytes of an egg
_MEMBER_LIMIT: Final = 4 * 1024 * 1024
_PLAIN: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    """PKG-INFO and requires.txt of an egg; under `error` why there are none."""
    if len(content) > _EGG_LIMIT:
        return {ERROR: b"it is larger than any egg"}
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as egg:
            for name in (PKG_INFO, REQUIRES):
                try:
                    member = egg.getinfo(f"EGG-INFO/{name}")
                except KeyError:
                    continue
                if member.compress_type in _PLAIN and not member.flag_bits & 1:
                    with egg.open(member) as stream:
                        found[name] = stream.read(_MEMBER_LIMIT)
    except (*BROKEN_ZIP, OSError):
        return {ERROR: b"it is no zip archive that can be read"}
    return found if PKG_INFO in found else {ERROR: b"it has no metadata that can be read"}
