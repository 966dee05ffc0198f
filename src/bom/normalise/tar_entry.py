"""One entry of a tar with all that its headers say, and the one way in which it is written.

POSIX.1-2017 pax ("ustar Interchange Format", "pax Interchange Format"): a plain ustar header
wherever that holds the entry, else a pax header before it. Sparse files become those of GNU tar's
format 1.0 (GNU tar manual, "Storing Sparse Files").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final
from zlib import adler32

from bom.archive.tar_header import BLOCK, padding, pax_records
from bom.errors import BadArtifact, CannotNormalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.archive.positioned import Positioned
    from bom.archive.tar_header import TarMember

CAPABILITIES: Final = (b"SCHILY.xattr.security.", b"LIBARCHIVE.xattr.security.")
# name, mode, user, group, size, time, checksum, type, link, magic and version, user's and group's
# name, device, prefix
_FIELDS: Final = Struct("100s 8s 8s 8s 12s 12s 8s 1s 100s 8s 32s 32s 8s 8s 155s 12x")
_MAGIC: Final = b"ustar\x0000"
_OCTAL_LIMIT: Final = 8**7
_SIZE_LIMIT: Final = 8**11
RENEWED: Final = 136  # where the time stands in a header
# Mode, user and group as they are written
_NUMBERS: Final = re.compile(rb"000[0-7]{4}\0[0-7]{7}\0[0-7]{7}\0")
_PAX_NAME: Final = b"././@PaxHeader"
_SPARSE: Final = b"GNU.sparse."
_DECIMAL: Final = re.compile(rb"(-?[0-9]{1,18})(\.[0-9]*)?")
_SPARSE_PIECES: Final = 100_000

# What the header itself says, and what only the machine that packed it decides.
_TIMES: Final = (b"mtime", b"atime", b"ctime", b"LIBARCHIVE.creationtime")
_OWNERS: Final = (b"uid", b"gid", b"uname", b"gname")
_HEADERS: Final = (
    b"path",
    b"linkpath",
    b"size",
    b"hdrcharset",
    b"charset",
    b"SCHILY.dev",
    b"SCHILY.ino",
    b"SCHILY.nlink",
    b"SCHILY.realsize",
    b"SCHILY.filetype",
    b"SCHILY.devmajor",
    b"SCHILY.devminor",
    b"RHT.security.selinux",
    b"SCHILY.xattr.security.selinux",
)
_KNOWN: Final = frozenset((*_TIMES, *_OWNERS, *_HEADERS))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry's headers.

    `raw`: their bytes. `type` as the archive has it. `time`: whole seconds. `exact`: nothing of
    its times is lost by that. `owner`: user and group. `names`: theirs. `device`: major and minor.
    `extensions`: pax records that are content. `sparse`: the map of a sparse file, pairs of
    offset and length. `real`: bytes of a sparse file as a whole. `stored`: bytes before its data
    that are its map already.
    """

    raw: bytes
    type: bytes
    time: int
    exact: bool
    owner: tuple[int, int]
    names: tuple[bytes, bytes]
    device: tuple[int, int]
    extensions: Mapping[bytes, bytes]
    sparse: tuple[tuple[int, int], ...] | None = None
    real: int = 0
    mapped: bool = False


def read(file: Positioned, member: TarMember) -> Entry:
    """What stands before the content of `member`. Raises BadArtifact, CannotNormalise."""
    raw = file.read_at(member.offset, member.data - member.offset)
    return parse(raw, member)


def parse(raw: bytes, member: TarMember) -> Entry:
    """The same of bytes that were read."""
    at = 0
    pax: dict[bytes, bytes] = {}
    while chr(raw[at + 156]) in "xXgLK":
        kind = chr(raw[at + 156])
        size = number(raw[at + 124 : at + 136])
        payload = raw[at + BLOCK : at + BLOCK + size]
        if kind == "g":
            raise CannotNormalise("a pax global header stands inside the headers of an entry")
        if kind in "xX":
            if payload.count(b" GNU.sparse.offset=") > 1:
                raise CannotNormalise("it has a sparse file in the oldest of the pax formats")
            pax = pax_records(payload)
        at += BLOCK + size + -size % BLOCK
    fields = _FIELDS.unpack_from(raw, at)
    time, whole = number(fields[5]), True
    if (stated := pax.get(b"mtime")) is not None:
        found = _DECIMAL.fullmatch(stated)
        if found is None:
            raise BadArtifact("damaged", "a pax header states a time that is none")
        time, whole = int(found[1]), not (found[2] or b"").strip(b".0")
    named = fields[9][:5] == b"ustar"
    device = (number(fields[12]), number(fields[13])) if member.type in "34" and named else (0, 0)
    extensions = {
        key: value
        for key, value in pax.items()
        if key not in _KNOWN and not key.startswith(_SPARSE)
    }
    sparse, real, mapped = _sparse(raw[at:], pax) if member.sparse else (None, 0, False)
    return Entry(
        raw,
        fields[7],
        time,
        whole and not any(key in pax for key in _TIMES[1:]),
        (_stated(pax, b"uid", fields[2]), _stated(pax, b"gid", fields[3])),
        (
            pax.get(b"uname", _text(fields[10]) if named else b""),
            pax.get(b"gname", _text(fields[11]) if named else b""),
        ),
        device,
        extensions,
        sparse,
        real,
        mapped,
    )


def _stated(pax: Mapping[bytes, bytes], key: bytes, field: bytes) -> int:
    value = pax.get(key)
    return (
        int(value) if value is not None and value.isdigit() and len(value) < 19 else (number(field))
    )


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def number(field: bytes) -> int:
    """An octal field or a base-256 one; 0 for what is neither, as no reader needs it."""
    if field[0] in (0x80, 0xFF):
        value = int.from_bytes(field[1:], "big")
        return value if field[0] == 0x80 else value - (1 << 8 * (len(field) - 1))
    digits = field.split(b"\0", 1)[0].strip(b" ")
    try:
        return int(digits, 8) if digits.isdigit() else 0
    except ValueError:
        return 0


# --- sparse files --------------------------------------------------------------------------------


def _sparse(
    header: bytes, pax: Mapping[bytes, bytes]
) -> tuple[tuple[tuple[int, int], ...] | None, int, bool]:
    """The map, the whole size, and whether the map stands before the data already."""
    if header[156:157] == b"S":
        return _old_map(header), number(header[483:495]), False
    if pax.get(b"GNU.sparse.major") == b"1" and pax.get(b"GNU.sparse.minor") == b"0":
        real = pax.get(b"GNU.sparse.realsize", b"")
        if real.isdigit() and len(real) < 19:
            return None, int(real), True
    stated, size = pax.get(b"GNU.sparse.map", b""), pax.get(b"GNU.sparse.size", b"")
    numbers = stated.split(b",") if stated else []
    sound = all(number.isdigit() and len(number) < 19 for number in (*numbers, size))
    if b"GNU.sparse.map" not in pax or len(numbers) % 2 or not sound:
        raise CannotNormalise("it has a sparse file in a format that isn't known")
    values = [int(number) for number in numbers]
    return tuple(zip(values[::2], values[1::2], strict=True)), int(size), False


def _old_map(header: bytes) -> tuple[tuple[int, int], ...]:
    """GNU tar manual, "Old GNU Format": four pairs in the header, 21 in each block after it."""
    places = [386 + 24 * place for place in range(4)]
    for block in range(BLOCK, len(header), BLOCK):
        places += [block + 24 * place for place in range(21)]
    pairs = []
    for place in places:
        if not header[place : place + 24].strip(b"\0 "):
            break
        pairs.append((number(header[place : place + 12]), number(header[place + 12 : place + 24])))
    return tuple(pairs)


def sparse_map(pairs: Iterable[tuple[int, int]]) -> bytes:
    """The map as format 1.0 puts it before the data: decimal lines, filled up to whole blocks."""
    listed = list(pairs)
    if len(listed) > _SPARSE_PIECES:
        raise CannotNormalise(f"it has a sparse file of more than {_SPARSE_PIECES} pieces")
    lines = [len(listed), *(number for pair in listed for number in pair)]
    text = b"".join(b"%d\n" % number for number in lines)
    return text + padding(len(text))


# --- writing -------------------------------------------------------------------------------------


def encode(
    name: bytes,
    kind: bytes,
    mode: int,
    size: int,
    time: int,
    *,
    owner: tuple[int, int] = (0, 0),
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
    extensions: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The header blocks of an entry: equal arguments give equal bytes."""
    pax = dict(extensions) if extensions else {}
    short, prefix = name, b""
    if len(name) > 100 or not name.isascii():
        cut = _split(name) if name.isascii() else 0
        if cut:
            short, prefix = name[cut + 1 :], name[:cut]
        else:
            short = _path(pax, b"path", name)
    target = link
    if link and (len(link) > 100 or not link.isascii()):
        target = _path(pax, b"linkpath", link)
    if size >= _SIZE_LIMIT:
        pax[b"size"] = b"%d" % size
        size = 0
    numbers = []
    for key, number in ((b"uid", owner[0]), (b"gid", owner[1])):
        if number >= _OCTAL_LIMIT:
            pax[key] = b"%d" % number
            number = 0
        numbers.append(number)
    if max(device) >= _OCTAL_LIMIT or min(device) < 0 or min(numbers) < 0:
        raise CannotNormalise("an entry has a number that no ustar header holds")
    header = _block(short, kind, mode, numbers, size, time, target, device, prefix)
    if not pax:
        return header
    payload = b"".join(_record(key, pax[key]) for key in sorted(pax, key=_binary_first))
    extended = _block(_PAX_NAME, b"x", 0o644, (0, 0), len(payload), 0, b"", (0, 0), b"")
    return b"".join((extended, payload, padding(len(payload)), header))


# What follows the checksum of a plain file or folder, and what its bytes add up to with the blanks
# that the checksum counts as
_AFTER: Final = {
    kind: (after, sum(after) + 8 * 0x20)
    for kind in (b"0", b"5")
    for after in (b"".join((kind, bytes(100), _MAGIC, bytes(64), b"0000000\0" * 2, bytes(167))),)
}
_MAGICS: Final = frozenset((_MAGIC, b"ustar  \0"))


def renewed(raw: bytes, name: str, size: int, time: int) -> bytes | None:
    """What `encode` would write from byte RENEWED on for a plain file or folder whose whole header
    `raw` is, where all before it stays; None where that can't be told so soon.

    Images have a hundred thousand of them, and this takes a tenth of `parse` and `encode`.
    """
    after = _AFTER.get(raw[156:157])
    if (
        after is None
        or raw[257:265] not in _MAGICS
        or not _is_written_so(raw[100:124])
        or raw[124:136] != b"%011o\0" % size
        or not name.isascii()
        or len(name) > 100
        or raw[:100] != name.encode().ljust(100, b"\0")
    ):
        return None
    stated = b"%011o\0" % time
    # adler32's low half is 1 + the sum of the bytes, which 148 of them can't make too large
    total = (adler32(raw[:RENEWED] + stated) & 0xFFFF) - 1 + after[1]
    return b"%b%06o\0 %b" % (stated, total, after[0])


@lru_cache(1024)
def _is_written_so(numbers: bytes) -> bool:
    return _NUMBERS.fullmatch(numbers) is not None


def encode_comment(comment: bytes) -> bytes:
    """A pax global header with a comment alone, as `git archive` writes the commit."""
    payload = _record(b"comment", comment)
    head = _block(b"pax_global_header", b"g", 0o644, (0, 0), len(payload), 0, b"", (0, 0), b"")
    return b"".join((head, payload, padding(len(payload))))


def _binary_first(key: bytes) -> tuple[bool, bytes]:
    """`hdrcharset` says how the values after it are to be read."""
    return key != b"hdrcharset", key


def _path(pax: dict[bytes, bytes], key: bytes, value: bytes) -> bytes:
    """Put a path into the pax header; what stands in the plain one for readers without pax."""
    pax[key] = value
    try:
        value.decode()
    except UnicodeDecodeError:
        pax[b"hdrcharset"] = b"BINARY"
    return value.decode("ascii", "replace").encode("ascii", "replace")[:100]


def _split(name: bytes) -> int:
    """Where ustar's prefix ends: the last slash that leaves both parts short enough, 0 for none."""
    cut = name.rfind(b"/", 0, 156)
    if cut == len(name) - 1:
        cut = name.rfind(b"/", 0, cut)
    return cut if cut > 0 and len(name) - cut - 1 <= 100 else 0


def _record(key: bytes, value: bytes) -> bytes:
    """POSIX pax: the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) > len(str(rest)):
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _block(
    name: bytes,
    kind: bytes,
    mode: int,
    owner: tuple[int, int] | list[int],
    size: int,
    time: int,
    link: bytes,
    device: tuple[int, int],
    prefix: bytes,
) -> bytes:
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0%07o\0%07o\0%011o\0%011o\0        " % (mode, *owner, size, time),
            kind,
            link.ljust(100, b"\0"),
            _MAGIC,
            bytes(64),
            b"%07o\0%07o\0" % device,
            prefix.ljust(167, b"\0"),
        )
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
