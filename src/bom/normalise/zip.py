"""Zips and jars: members in one order, with times, modes and headers that no machine decides,
compressed by one compressor. What is stored stays stored, what is deflated is deflated.

A jar inside a jar is made stable too where this build made it; one from elsewhere keeps its bytes
and so its known digest. Nothing inside a signed archive is touched.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from bom.archive import zip as zip_archive
from bom.archive.positioned import PositionedFile, opened, pieces, write_all
from bom.archive.zip_records import (
    DEFLATED,
    END_SIGNATURE,
    LOCAL_SIGNATURE,
    STORED,
    End,
    damaged,
    end_region,
)
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise import bytecode
from bom.normalise.deflate import deflated
from bom.normalise.moments import clamped_local, may_be_later
from bom.normalise.protocol import Aspect, Change
from bom.normalise.zip_entry import Head, stated_mode, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from bom.archive.zip import ZipMember, ZipStructure
    from bom.archive.zip_records import Row

ASPECTS: Final[tuple[Aspect, ...]] = (
    "bytecode",
    "compression",
    "headers",
    "modes",
    "order",
    "times",
)
_NESTED: Final = (".jar", ".war", ".ear", ".rar")
_DEEP: Final = 4  # jars inside each other that are looked into
_NESTED_LIMIT: Final = 2 << 30  # bytes of one that is looked into
_SMALL: Final = 4 << 20  # bytes that are compressed in memory
_MANIFEST: Final = b"META-INF/MANIFEST.MF"
_SIGNATURES: Final = (b".SF", b".RSA", b".DSA", b".EC")
# The formats that are known by their first member (OCF 3.3, OPC 10.2).
_FIRST: Final = (b"mimetype", b"[Content_Types].xml")
_BOOT_LIBRARIES: Final = "BOOT-INF/lib/"
_BOOT_INDEX: Final = "BOOT-INF/classpath.idx"


class ZipNormaliser:
    """A zip or a jar. Stateless."""

    name: str = "zip"
    aspects: tuple[Aspect, ...] = ASPECTS

    def recognises(self, head: bytes, name: str) -> bool:
        """By the signature at its beginning; the name doesn't matter."""
        return is_zip(head)

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        with opened(path) as file, out.open("wb", buffering=0) as target:
            return Rewriting(file, target.fileno(), epoch, out.parent).run()


def is_zip(head: bytes) -> bool:
    return head.startswith((LOCAL_SIGNATURE, END_SIGNATURE))


class Rewriting:
    """One archive on its way to the file descriptor `target`, which stands at the start of an
    empty file. `scratch`: a folder for files without a name. `depth`: archives around it."""

    def __init__(
        self, file: PositionedFile, target: int, epoch: int, scratch: Path, depth: int = 0
    ) -> None:
        self.file = file
        self.structure = zip_archive.read(file)
        self.changed: Counter[tuple[Aspect, str]] = Counter()
        self._target = target
        self._epoch = epoch
        self._scratch = scratch
        self._depth = depth
        self._members = {member.name: member for member in self.structure.members}
        self._check()
        self._is_signed = self.is_signed()

    def run(self) -> tuple[Change, ...]:
        """Write it. Raises CannotNormalise, BadArtifact, OSError."""
        members = self.structure.members
        ranks = sorted(range(len(members)), key=lambda index: self._key(index, members[index]))
        directory: list[bytes] = []
        at = 0
        for rank, index in enumerate(ranks):
            member = members[index]
            self.changed["order", ""] += rank != index
            with ExitStack() as kept:
                row, at = self._member(member, at, kept)
            directory.append(row)
        rows = b"".join(directory)
        write_all(self._target, rows)
        end = End(len(directory), len(rows), at, self.structure.end.comment, zip64=False)
        region = end_region(end)
        write_all(self._target, region)
        in_order = tuple(member.row.offset for member in members) == tuple(
            row.offset for row in self.structure.rows
        )
        self.changed["headers", ""] += not in_order or len(region) != len(self.structure.end_region)
        return tuple(
            Change(aspect, where, count)
            for (aspect, where), count in sorted(self.changed.items())
            if count
        )

    # What an archive of a certain kind does otherwise.

    def place(self, row: Row) -> int:
        """In which group of members it stands; each is sorted by name."""
        raw = row.raw_name
        if raw.upper() in (b"META-INF/", _MANIFEST):
            # JarInputStream finds the manifest only here, and signatures only right after it
            return 0 if raw.endswith(b"/") else 1
        if _is_signature(raw):
            return 2
        return 0 if raw in _FIRST else 3

    def is_signed(self) -> bool:
        """Whether something in it vouches for what its members hold."""
        return any(_is_signature(row.raw_name) for row in self.structure.rows)

    def replaced(self, member: ZipMember, kept: ExitStack) -> PositionedFile | bytes | None:
        """What is to stand in a member instead of its content, None for just that. A file is open
        as long as `kept`."""
        name = member.name
        if self._is_signed or member.row.is_directory:
            return None
        if name.endswith(bytecode.SUFFIX):
            return self._in_step(member)
        if name.lower().endswith(_NESTED) and member.row.size <= _NESTED_LIMIT:
            return self._nested(member, kept)
        return None

    def wrote(self, member: ZipMember, digest: bytes, size: int) -> None:
        """Called for each member that holds something else now: its SHA-256, and how many bytes."""

    # The rest is the same for all.

    def _check(self) -> None:
        folders: set[str] = set()
        files: set[str] = set()
        for row in self.structure.rows:
            if row.method not in (STORED, DEFLATED):
                raise CannotNormalise(
                    f"{row.name!a} is neither stored nor deflated, but of method {row.method}"
                )
            if row.is_directory and row.size:
                raise CannotNormalise(f"{row.name!a} is a folder that holds something")
            (folders if row.is_directory else files).add(row.name.rstrip("/"))
            parent = row.name.rstrip("/").rpartition("/")[0]
            while parent and parent not in folders:
                folders.add(parent)
                parent = parent.rpartition("/")[0]
        if both := folders & files:
            raise CannotNormalise(f"{min(both)!a} is a file, but has members")

    def _key(self, index: int, member: ZipMember) -> tuple[int, bytes, int]:
        row = member.row
        if row.name.startswith(_BOOT_LIBRARIES) and _BOOT_INDEX not in self._members:
            # Without an index their order is that of the class path
            return self.place(row), _BOOT_LIBRARIES.encode(), index
        return self.place(row), row.raw_name.rstrip(b"/"), index

    def _member(self, member: ZipMember, at: int, kept: ExitStack) -> tuple[bytes, int]:
        """Write a member at `at`: its row of the directory, and where it ends."""
        row = member.row
        new = self.replaced(member, kept)
        size = row.size if new is None else len(new) if isinstance(new, bytes) else new.size
        stated = time_of(row)
        time = clamped_local(stated, row.size, self._epoch)
        head = Head(row, time, size)
        reading = _Counted(self._pieces(member, new))
        compressed = deflated(reading) if head.method == DEFLATED else iter(reading)
        packed = _Counted(compressed)
        if size <= _SMALL:
            data = b"".join(packed)
            self._require(member, new, reading)
            write_all(self._target, head.local(reading.crc, len(data), size))
            write_all(self._target, data)
        else:
            write_all(self._target, bytes(head.length))
            for piece in packed:
                write_all(self._target, piece)
            self._require(member, new, reading)
            local = head.local(reading.crc, packed.size, size)
            if os.pwrite(self._target, local, at) != len(local):
                raise OSError("a header could not be written as a whole")
        result = head.directory(reading.crc, packed.size, size, at)
        self._count(member, head, result, stated != time)
        if new is not None:
            self.wrote(member, _sha256(self._pieces(member, new)), size)
        elif head.method == DEFLATED:
            was = zlib.crc32(b"")
            for piece in pieces(self.file, member.content, member.content + row.compressed):
                was = zlib.crc32(piece, was)
            self.changed["compression", ""] += (was, row.compressed) != (packed.crc, packed.size)
        return result, at + head.length + packed.size

    def _pieces(self, member: ZipMember, new: PositionedFile | bytes | None) -> Iterable[bytes]:
        if new is None:
            return zip_archive.content(self.file, member) if not member.row.is_directory else ()
        return (new,) if isinstance(new, bytes) else pieces(new, 0, new.size)

    def _require(self, member: ZipMember, new: object, reading: _Counted) -> None:
        if new is None and (reading.crc, reading.size) != (member.row.crc, member.row.size):
            raise damaged("the member's CRC is wrong", where=member.name)

    def _count(self, member: ZipMember, head: Head, result: bytes, retimed: bool) -> None:
        old = member.row.raw
        self.changed["times", ""] += retimed
        self.changed["modes", ""] += stated_mode(member.row) & 0o7777 != head.mode & 0o7777
        self.changed["headers", ""] += (
            result[:12] + result[28:38] + result[46:] != old[:12] + old[28:38] + old[46:]
            or member.content - member.start != head.length
        )

    def _in_step(self, member: ZipMember) -> bytes | None:
        """A .pyc that names its source's new time, where it named the old one."""
        source = self._members.get(bytecode.source_of(member.name))
        if source is None or member.row.size > _SMALL:
            return None
        data = zip_archive.read_content(self.file, member, _SMALL)
        time = bytecode.stated_time(data, source.row.size)
        was = time_of(source.row)
        # A zip has even seconds only
        if time < 0 or time & ~1 != was & ~1 & 0xFFFFFFFF:
            return None
        head = bytecode.restamped(data, clamped_local(was, source.row.size, self._epoch))
        if data.startswith(head):
            return None
        self.changed["bytecode", ""] += 1
        return head + data[bytecode.HEADER :]

    def _nested(self, member: ZipMember, kept: ExitStack) -> PositionedFile | None:
        """An archive inside, where a time in it says that this build made it."""
        if self._depth >= _DEEP:
            return None
        spool, target = (kept.enter_context(_scratch_file(self._scratch)) for _ in range(2))
        crc = 0
        for piece in zip_archive.content(self.file, member):
            crc = zlib.crc32(piece, crc)
            write_all(spool.fileno(), piece)
        if crc != member.row.crc:
            raise damaged("the member's CRC is wrong", where=member.name)
        inner = PositionedFile(spool.fileno())
        try:
            rewriting = Rewriting(
                inner, target.fileno(), self._epoch, self._scratch, self._depth + 1
            )
            if not made_here(rewriting.structure, self._epoch):
                return None
            changes = rewriting.run()
        except (BadArtifact, CannotNormalise):
            return None  # it stays as it is, as what it is in stays what it is
        if not changes:
            return None
        for change in changes:
            where = f"{member.name} > {change.where}" if change.where else member.name
            self.changed[change.aspect, where] += max(1, change.count)
        return PositionedFile(target.fileno())


@contextmanager
def _scratch_file(folder: Path) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        yield file


def made_here(structure: ZipStructure, epoch: int) -> bool:
    """Whether a member is as new as the epoch: no file that was published before is."""
    return any(may_be_later(time_of(row), epoch) for row in structure.rows)


def _is_signature(raw: bytes) -> bool:
    """JAR file specification, "Signed JAR File": what stands in META-INF itself."""
    upper = raw.upper()
    folder, _, name = upper.rpartition(b"/")
    return folder == b"META-INF" and (upper.endswith(_SIGNATURES) or name.startswith(b"SIG-"))


def _sha256(source: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in source:
        digest.update(piece)
    return digest.digest()


class _Counted:
    """Pieces on their way, with what they come to."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self._source = source
        self.crc = 0
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._source:
            self.crc = zlib.crc32(piece, self.crc)
            self.size += len(piece)
            yield piece
