"""All that the headers of one tar member say of it besides name, size and content.

By the same specifications as `bom.archive.tar_header`, which has checked the blocks already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.archive.tar_header import BLOCK, header_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RECORD: Final = re.compile(rb"([1-9][0-9]{0,9}) ")
_XATTR: Final = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")
# These are read into fields of their own, or only repeat what the header can't hold.
_TOLD: Final = frozenset(
    ("path", "linkpath", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname")
)


@dataclass(frozen=True, slots=True)
class TarFields:
    """Times are seconds since 1970 as text, with a fraction where there is one, "" for none.

    `format`: "gnu", "ustar", "v7", and "pax" where there is an extended header. `other`: the
    records of the extended header that have no field here.
    """

    format: str
    mode: int
    uid: str
    gid: str
    uname: str
    gname: str
    mtime: str
    atime: str
    ctime: str
    device: tuple[str, str]
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    other: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        names = f" ({self.uname}:{self.gname})" if self.uname or self.gname else ""
        return f"{self.uid}:{self.gid}{names}"


def tar_fields(raw: bytes) -> TarFields:
    """Of a member whose header blocks, those of its extensions before it, are `raw`."""
    pax: dict[str, bytes] = {}
    at = 0
    while at + BLOCK <= len(raw) and chr(raw[at + 156]) in "xXgLK":
        block = raw[at : at + BLOCK]
        size = int(_number(block[124:136]) or "0")
        if chr(block[156]) in "xX":
            pax = dict(_records(raw[at + BLOCK : at + BLOCK + size]))
        at += BLOCK + size + -size % BLOCK
    block = raw[at : at + BLOCK].ljust(BLOCK, b"\0")
    gnu = block[257:263] == b"ustar "
    named = {
        key: pax[key].decode("utf-8", "surrogateescape")
        for key in ("mtime", "atime", "ctime", "uid", "gid", "uname", "gname")
        if key in pax
    }
    return TarFields(
        format="pax" if pax else header_format(block),
        mode=_mode(block),
        uid=named.get("uid", _number(block[108:116])),
        gid=named.get("gid", _number(block[116:124])),
        uname=named.get("uname", _text(block[265:297])),
        gname=named.get("gname", _text(block[297:329])),
        mtime=named.get("mtime", _number(block[136:148])),
        # GNU tar --atime-preserve writes them where ustar has its prefix
        atime=named.get("atime", _number(block[345:357]) if gnu else ""),
        ctime=named.get("ctime", _number(block[357:369]) if gnu else ""),
        device=(_number(block[329:337]), _number(block[337:345])),
        xattrs={
            key.split(".xattr.", 1)[1]: value
            for key, value in pax.items()
            if key.startswith(_XATTR)
        },
        other={
            key: value.decode("utf-8", "surrogateescape")
            for key, value in pax.items()
            if key not in _TOLD and not key.startswith(_XATTR)
        },
    )


def _mode(block: bytes) -> int:
    """Permission bits; what some writers put above them repeats the entry's type."""
    try:
        return int(_number(block[100:108]) or "0") & 0o7777
    except ValueError:
        return 0


def _text(field_: bytes) -> str:
    return field_.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _number(field_: bytes) -> str:
    """An octal or base-256 field as decimal text, "" for an empty one."""
    if field_[0] & 0x80:
        value = int.from_bytes(field_, "big") & ~(0x80 << 8 * (len(field_) - 1))
        return str(value - (1 << 8 * len(field_) - 1) if field_[0] & 0x40 else value)
    digits = field_.split(b"\0", 1)[0].strip(b" ")
    try:
        return str(int(digits, 8)) if digits else ""
    except ValueError:
        return _text(field_)


def _records(payload: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while found := _RECORD.match(payload, at):
        length = int(found[1])
        key, _, value = payload[found.end() : at + length - 1].partition(b"=")
        yield key.decode("utf-8", "surrogateescape"), value
        at += length
