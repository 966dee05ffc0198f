"""Tar headers: what one member's header blocks say, and the blocks that we write ourselves.

Implements the ustar and pax formats (POSIX.1-2017, pax, "ustar Interchange Format" and "pax
Interchange Format") and the GNU tar format (GNU tar manual, "Basic Tar Format"): long names,
base-256 numbers, sparse members recognised. Where readers in the field disagree about a header
(a global header that renames everything) the archive counts as damaged.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final, Literal, NamedTuple
from zlib import adler32

from bom.errors import BadArtifact

BLOCK: Final = 512
EXTENSION_LIMIT: Final = 1024 * 1024  # bytes of one pax record set or GNU long name
REGULAR: Final = "0"
HARDLINK: Final = "1"
SYMLINK: Final = "2"
DIRECTORY: Final = "5"

HeaderFormat = Literal["v7", "ustar", "pax", "gnu"]

_SIZE_LIMIT: Final = 1 << 62
# name, mode, size, type, link, magic, prefix
_FIELDS: Final = Struct("100s 8s 16x 12s 20x c 100s 6s 82x 155s 12x")
# The same with the checksum; of the prefix its first byte.
_PLAIN: Final = Struct("100s 8s 16x 12s 12x 8s c 100x 6s 82x c 166x")
_MAGIC: Final[dict[str, bytes]] = {"v7": bytes(8), "ustar": b"ustar\x0000", "gnu": b"ustar  \0"}
_FORMATS: Final[dict[bytes, HeaderFormat]] = {b"ustar\0": "ustar", b"ustar ": "gnu"}
# Types that carry no content whatever their size field says (Go's and Python's readers agree).
_HEADER_ONLY: Final = frozenset("123456")
_PAX_RECORD: Final = re.compile(rb"([1-9][0-9]{0,9}) ")
# In a global header these would rename or resize every later entry; readers disagree on that.
_PERILOUS_GLOBALS: Final = (b"path", b"linkpath", b"size", b"GNU.sparse")


class TarMember(NamedTuple):
    """One member. Names are as stored, bytes that aren't UTF-8 as surrogate escapes.

    `type`: the type flag, with old and contiguous files given as "0". `size`: bytes of content
    as stored, which for a `sparse` member is not the content of the file. `mode`: permission
    bits. `format`: of its own header, "pax" where an extended header stands before it.
    `offset`: of its first header block (its extended headers included), `data`: of its content.
    A NamedTuple, for an archive has one for each of hundreds of thousands of files.
    """

    name: str
    type: str
    size: int
    mode: int
    linkname: str
    format: HeaderFormat
    offset: int
    data: int
    sparse: bool = False

    @property
    def is_file(self) -> bool:
        return self.type == REGULAR

    @property
    def is_directory(self) -> bool:
        return self.type == DIRECTORY

    @property
    def end(self) -> int:
        """The offset after its content and padding."""
        return self.data + self.size + -self.size % BLOCK


def encode_head(name: str, size: int, form: HeaderFormat) -> bytes:
    """The header blocks of a regular file of `size` bytes: mode 0644, owner 0, time 0.

    Equal arguments give equal bytes. `form` "pax" writes a plain ustar header. Raises ValueError
    where the name doesn't fit into that format.
    """
    raw = name.encode("utf-8")
    if len(raw) <= 100:
        return _header(raw, b"", size, form, b"0")
    if form == "gnu":
        long_name = _header(b"././@LongLink", b"", len(raw) + 1, form, b"L")
        payload = raw + b"\0"
        return b"".join(
            (long_name, payload, padding(len(payload)), _header(raw[:100], b"", size, form, b"0"))
        )
    # POSIX: split at a slash, at most 155 bytes before it and 100 after.
    cut = raw.rfind(b"/", 0, 156)
    if form == "v7" or cut <= 0 or len(raw) - cut - 1 > 100:
        raise ValueError(f"a name of {len(raw)} bytes is too long for a {form} tar header")
    return _header(raw[cut + 1 :], raw[:cut], size, form, b"0")


def padding(size: int) -> bytes:
    """What fills content of `size` bytes up to whole blocks."""
    return bytes(-size % BLOCK)


def is_header(block: bytes) -> bool:
    """Whether 512 bytes are a tar header by their checksum (so also one without any magic)."""
    return len(block) == BLOCK and block[0] != 0 and _checksum_holds(block)


def plain_file(block: bytes) -> tuple[str, int, int] | None:
    """Name, size and mode of a regular file whose header says all of it, in the form in which
    nearly every writer writes one and with a right checksum; None for any other block.

    What HeaderDecoder reads of such a block is the same, at three times the cost: images have a
    hundred thousand of them.
    """
    raw, mode, size, checksum, flag, magic, prefix = _PLAIN.unpack(block)
    if flag != b"0" or prefix != b"\0" or magic not in _FORMATS or checksum[6:] != b"\0 ":
        return None
    digits = size[:11]
    stated = checksum[:6]
    rights = mode[:7]
    if size[11] or mode[7] or not (digits.isdigit() and stated.isdigit() and rights.isdigit()):
        return None
    total = (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2
    try:
        if total - (adler32(checksum) & 0xFFFF) + 1 + 8 * 0x20 != int(stated, 8):
            return None
        name = raw[:end] if (end := raw.find(0)) >= 0 else raw
        return name.decode("utf-8", "surrogateescape"), int(digits, 8), int(rights, 8) & 0o7777
    except ValueError:
        return None


class HeaderDecoder:
    """Puts a member together from its header blocks and the extensions before them."""

    def __init__(self) -> None:
        self.first: HeaderFormat | None = None
        self.extension_size = 0
        self._kind = ""
        self._start = -1  # offset of the member's first extension
        self._pax: dict[bytes, bytes] = {}
        self._is_pax = False
        self._long_name: bytes | None = None
        self._long_link: bytes | None = None
        self._sparse_header: tuple[bytes, int] | None = None

    @property
    def idle(self) -> bool:
        """Whether no extension waits for its member."""
        return self._start < 0 and self._sparse_header is None

    @property
    def wants_sparse_map(self) -> bool:
        """Whether the next block is one more part of an old GNU sparse map."""
        return self._sparse_header is not None

    def check_idle(self, offset: int) -> None:
        if not self.idle:
            raise BadArtifact(
                "damaged", f"an extended header without its member at byte {offset} of the tar"
            )

    def header(self, block: bytes, offset: int) -> TarMember | None:
        """The member that this header completes; None for an extension, whose payload of
        `extension_size` bytes comes next, or where a sparse map goes on."""
        if not _checksum_holds(block):
            raise BadArtifact("damaged", f"the tar header at byte {offset} has a wrong checksum")
        if self.first is None:
            self.first = header_format(block)
        kind = chr(block[156])
        if kind in "xXgLK":
            self._expect_extension(kind, block, offset)
            return None
        if kind == "S" and block[482]:
            self._sparse_header = (block, offset)
            self.extension_size = 0
            return None
        return self._member(block, offset, offset + BLOCK)

    def sparse_map(self, block: bytes, offset: int) -> TarMember | None:
        """One more block of an old GNU sparse map (GNU tar manual, "Old GNU Format")."""
        assert self._sparse_header is not None
        if block[504]:
            return None
        header, start = self._sparse_header
        self._sparse_header = None
        return self._member(header, start, offset + BLOCK)

    def extension(self, payload: bytes) -> None:
        """Take the payload of the extension that `header` announced."""
        if self._kind == "L":
            self._long_name = payload.split(b"\0", 1)[0]
        elif self._kind == "K":
            self._long_link = payload.split(b"\0", 1)[0]
        elif self._kind == "g":
            for key in pax_records(payload):
                if key.startswith(_PERILOUS_GLOBALS):
                    raise BadArtifact(
                        "damaged", "a pax global header in the tar renames or resizes its entries"
                    )
        else:
            self._pax = pax_records(payload)
            self._is_pax = True
        self.extension_size = 0

    def _expect_extension(self, kind: str, block: bytes, offset: int) -> None:
        size = _number(block[124:136], "size", offset)
        if size > EXTENSION_LIMIT:
            raise BadArtifact(
                "damaged",
                f"an extended header of {size} bytes at byte {offset} of the tar",
                expected=f"at most {EXTENSION_LIMIT} bytes",
                found=str(size),
            )
        self._kind = kind
        self.extension_size = size
        if kind != "g" and self._start < 0:
            self._start = offset
        if not size:
            self.extension(b"")

    def _member(self, block: bytes, offset: int, data: int) -> TarMember:
        raw, mode, digits, flag, target, magic, prefix = _FIELDS.unpack(block)
        kind = flag.decode("latin-1")
        form: HeaderFormat = _FORMATS.get(magic, "v7")
        name = raw[:end] if (end := raw.find(0)) >= 0 else raw
        if prefix[0] and form == "ustar":
            name = prefix.split(b"\0", 1)[0] + b"/" + name
        link = target.split(b"\0", 1)[0] if target[0] else b""
        size = _number(digits, "size", offset)
        sparse = kind == "S"
        if self._start >= 0:
            if self._long_name is not None:
                name = self._long_name
            if self._long_link is not None:
                link = self._long_link
            if self._is_pax:
                form = "pax"
                pax = self._pax
                name = pax.get(b"GNU.sparse.name") or pax.get(b"path") or name
                link = pax.get(b"linkpath") or link
                if (stated := pax.get(b"size")) is not None:
                    size = _decimal(stated, offset)
                sparse = sparse or any(key.startswith(b"GNU.sparse.") for key in pax)
            offset = self._start
            self._start = -1
            self._pax, self._is_pax = {}, False
            self._long_name = self._long_link = None
        if kind in "\07S":
            kind = DIRECTORY if kind == "\0" and name.endswith(b"/") else REGULAR
        if kind in _HEADER_ONLY:
            size = 0
        if size > _SIZE_LIMIT:
            raise BadArtifact("damaged", f"a member of {size} bytes at byte {offset} of the tar")
        return TarMember(
            name.decode("utf-8", "surrogateescape"),
            kind,
            size,
            _number(mode, "mode", offset) & 0o7777,
            link.decode("utf-8", "surrogateescape") if link else "",
            form,
            offset,
            data,
            sparse,
        )


def header_format(block: bytes) -> HeaderFormat:
    return _FORMATS.get(block[257:263], "v7")


def _number(field: bytes, what: str, offset: int) -> int:
    """An octal field, or GNU's base-256 one. Never negative."""
    if field[-1] == 0 and (digits := field[:-1]).isdigit():  # what nearly every writer writes
        try:
            return int(digits, 8)
        except ValueError:
            pass
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if not digits:
        return 0
    # int() alone would take signs, blanks and underscores
    if digits.isdigit():
        try:
            return int(digits, 8)
        except ValueError:
            pass
    raise BadArtifact("damaged", f"the {what} in the tar header at byte {offset} is not a number")


def _decimal(value: bytes, offset: int) -> int:
    if not value.isdigit() or len(value) > 19:
        raise BadArtifact(
            "damaged", f"the pax size before byte {offset} of the tar is not a number"
        )
    return int(value)


def _checksum_holds(block: bytes) -> bool:
    # adler32's low half is 1 + the sum of the bytes modulo 65521, and 256 bytes can't reach
    # that: an exact sum at a tenth of what sum() takes.
    total = (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2
    field = block[148:156]
    digits = field[:6]
    if field[6:] != b"\0 " or not digits.isdigit():  # what nearly every writer writes
        digits = field.split(b"\0", 1)[0].strip(b" ")
    if not digits.isdigit():
        return False
    try:
        stated = int(digits, 8)
    except ValueError:
        return False
    if total - (adler32(field) & 0xFFFF) + 1 + 8 * 0x20 == stated:
        return True
    # Old writers summed signed characters.
    signed = sum(block) - 256 * sum(1 for byte in block if byte > 127)
    field_signed = sum(byte - 256 if byte > 127 else byte for byte in field)
    return signed - field_signed + 8 * 0x20 == stated


def pax_records(payload: bytes) -> dict[bytes, bytes]:
    """Records `LENGTH KEY=VALUE\\n` (POSIX pax, "pax Extended Header")."""
    records: dict[bytes, bytes] = {}
    here = 0
    while here < len(payload):
        if not payload[here:].strip(b"\0"):
            break  # padding that some writers count in
        found = _PAX_RECORD.match(payload, here)
        length = int(found[1]) if found else 0
        record = payload[found.end() : here + length] if found else b""
        key, equals, value = record[:-1].partition(b"=")
        if here + length > len(payload) or not equals or not key or record[-1:] != b"\n":
            raise BadArtifact("damaged", "a pax extended header in the tar has a broken record")
        if b"\0" in value and key in (b"path", b"linkpath", b"GNU.sparse.name"):
            raise BadArtifact("damaged", "a pax extended header names a path with a NUL")
        records[key] = value
        here += length
    return records


def _header(name: bytes, prefix: bytes, size: int, form: HeaderFormat, kind: bytes) -> bytes:
    fields = (
        name.ljust(100, b"\0"),
        b"%07o\0%07o\0%07o\0" % (0o644, 0, 0),  # mode, user, group
        b"%011o\0" % size,
        b"%011o\0" % 0,  # time
        b" " * 8,  # the checksum counts as blanks
        kind,
        bytes(100),
        _MAGIC["ustar" if form == "pax" else form],
        bytes(80),
        prefix.ljust(155, b"\0"),
        bytes(12),
    )
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
