"""Fields that a file format keeps for a time, an identity or a version, at a fixed place.

.pyc (PEP 552), gzip (RFC 1952, 2.3), PE (PE Format, "COFF File Header", "Debug Directory"), Mach-O
(mach-o/loader.h, LC_UUID), Java class files (JVMS 4.1).
"""

from __future__ import annotations

import datetime
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.compare.causes.model import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator

_PYC: Final = (
    "Set SOURCE_DATE_EPOCH, so that Python writes hash-based .pyc files, or compile with "
    "`python -m compileall --invalidation-mode checked-hash`."
)
_PYTHON: Final = "Build both with one version of Python: pin it (`bom lock`)."
_JAVA: Final = "Build both with one JDK, or state the release (`javac --release`)."
_GZIP: Final = "Compress with `gzip -n`, or set the header's time (`GZIP=-n`, mtime=0)."
_UUID: Final = "Link with `-Wl,-no_uuid`, or make what is linked the same: the UUID is its hash."
_PE: Final = "Link with `/Brepro` (MSVC, lld) or `-Wl,--no-insert-timestamp` (binutils)."
_MACHO: Final = {b"\xcf\xfa\xed\xfe": ("<", 32), b"\xce\xfa\xed\xfe": ("<", 28)}
_LC_UUID: Final = 0x1B
_COMMANDS: Final = 2000


class Field(NamedTuple):
    """Where a field stands in a content, and what a difference in it means: None where it follows
    from what else differs (a size, a digest)."""

    start: int
    end: int
    judgement: Judgement | None


def fields(one: bytes, two: bytes) -> Iterator[Field]:
    """The fields that differ in two contents of one format."""
    for name, place in _places(one).items():
        other = _places(two).get(name)
        if place != other:
            continue
        start, end = place
        if one[start:end] != two[start:end]:
            yield Field(start, end, _judged(name, one[start:end], two[start:end]))


def _places(data: bytes) -> dict[str, tuple[int, int]]:
    """The fields of a content: name -> from, to."""
    if data[2:4] == b"\r\n" and len(data) > 16:
        flags = int.from_bytes(data[4:8], "little")
        if flags == 0:
            return {"python": (0, 2), "pyc-time": (8, 12), "pyc-size": (12, 16)}
        if flags in (1, 3):
            return {"python": (0, 2), "pyc-hash": (8, 16)}
    if data[:3] == b"\x1f\x8b\x08" and len(data) > 10:
        return {"gzip-time": (4, 8)}
    if data[:4] == b"\xca\xfe\xba\xbe" and len(data) > 8 and data[6] < 1:
        return {"class": (4, 8)}
    if data[:2] == b"MZ" and len(data) > 0x40:
        return _pe(data)
    if data[:4] in _MACHO:
        return _macho(data)
    return {}


def _pe(data: bytes) -> dict[str, tuple[int, int]]:
    header = int.from_bytes(data[0x3C:0x40], "little")
    if data[header : header + 4] != b"PE\0\0":
        return {}
    found = {"pe-time": (header + 8, header + 12)}
    if 0 < header + 0x58 + 4 <= len(data):
        found["pe-checksum"] = (header + 0x58, header + 0x5C)
    debug = data.find(b"RSDS")
    if debug > 0:
        found["pe-guid"] = (debug + 4, debug + 24)
    return found


def _macho(data: bytes) -> dict[str, tuple[int, int]]:
    order, place = _MACHO[data[:4]]
    if len(data) < place:
        return {}
    for _ in range(min(int.from_bytes(data[16:20], "little"), _COMMANDS)):
        if place + 8 > len(data):
            break
        command, size = struct.unpack_from(order + "II", data, place)
        if command == _LC_UUID:
            return {"macho-uuid": (place + 8, place + 24)}
        if size < 8:
            break
        place += size
    return {}


def _judged(name: str, one: bytes, two: bytes) -> Judgement | None:
    if name in ("pyc-time", "gzip-time"):
        what, remedy = (
            ("the source's time in the header", _PYC)
            if name == "pyc-time"
            else ("the time in the gzip header", _GZIP)
        )
        return Judgement("timestamp", f"{what}: {_moment(one)} and {_moment(two)}", remedy)
    if name == "python":
        seen = f"Python's magic number {_number(one)} and {_number(two)}"
        return Judgement("tool-version", seen, _PYTHON)
    if name == "class":
        seen = f"class file version {one[3]} and {two[3]}"
        return Judgement("tool-version", seen, _JAVA)
    if name == "pe-time":
        return Judgement("build-id", f"PE time stamp {one.hex()} and {two.hex()}", _PE)
    if name == "pe-guid":
        return Judgement("build-id", f"debug GUID {one.hex()} and {two.hex()}", _PE)
    if name == "macho-uuid":
        return Judgement("build-id", f"Mach-O UUID {one.hex()} and {two.hex()}", _UUID)
    return None


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _moment(raw: bytes) -> str:
    return (
        datetime.datetime.fromtimestamp(_number(raw), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if any(raw)
        else "none"
    )
