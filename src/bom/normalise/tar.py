"""Tars: entries in one order, with times, owners, modes and headers that no machine decides.

Also what `bom.normalise.gzip` writes through its compressor. Memory grows with the number of
entries, by nothing with their content.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from bom.archive.positioned import CHUNK, copy_range, opened, write_all
from bom.archive.tar import is_header, padding
from bom.archive.tar_header import BLOCK, HARDLINK, REGULAR, SYMLINK
from bom.normalise import bytecode
from bom.normalise.moments import clamped_file, clamped_folder
from bom.normalise.protocol import Aspect, Change
from bom.normalise.tar_contents import Contents
from bom.normalise.tar_entry import (
    Entry,
    encode,
    encode_comment,
    parse,
    read,
    sparse_map,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bom.archive.positioned import PositionedFile
    from bom.archive.tar_header import TarMember

ASPECTS: Final[tuple[Aspect, ...]] = ("bytecode", "headers", "modes", "order", "owners", "times")
_SMALL: Final = 256 * 1024  # bytes that are read with their header, in one call
_END: Final = bytes(2 * BLOCK)


class Sink(Protocol):
    """Where a tar is written to."""

    def write(self, data: bytes | memoryview, /) -> None: ...

    def copy(self, file: PositionedFile, start: int, end: int, /) -> None:
        """Write these bytes of `file`."""


class TarNormaliser:
    """A tar that is not compressed. Stateless."""

    name: str = "tar"
    aspects: tuple[Aspect, ...] = ASPECTS

    def recognises(self, head: bytes, name: str) -> bool:
        """By the header of its first entry; the name doesn't matter."""
        return is_header(head[:BLOCK])

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        with opened(path) as file, out.open("wb", buffering=0) as target:
            sink = _FileSink(target.fileno())
            changes = rewrite(file, sink, epoch)
            sink.flush()
        return changes


class FileSystemNormaliser:
    """A tar that is known to be a whole file system, which its content alone may not show: the
    numbers of owners and the modes are content."""

    name: str = "file-system"
    aspects: tuple[Aspect, ...] = tuple(aspect for aspect in ASPECTS if aspect != "modes")

    def recognises(self, head: bytes, name: str) -> bool:
        """By the header of its first entry; the name doesn't matter."""
        return is_header(head[:BLOCK])

    def normalise(self, path: Path, out: Path, epoch: int) -> tuple[Change, ...]:
        with opened(path) as file, out.open("wb", buffering=0) as target:
            contents = Contents(file)
            contents.is_system = True
            sink = _FileSink(target.fileno())
            changes = _rewritten(contents, sink, epoch)
            sink.flush()
        return changes


def rewrite(file: PositionedFile, sink: Sink, epoch: int) -> tuple[Change, ...]:
    """Write the tar that is all of `file` to `sink`, normalised, and say what was changed.

    Raises CannotNormalise, BadArtifact, OSError.
    """
    return _rewritten(Contents(file), sink, epoch)


def _rewritten(contents: Contents, sink: Sink, epoch: int) -> tuple[Change, ...]:
    writer = _Writer(contents, sink, epoch)
    if contents.comment is not None:
        sink.write(encode_comment(contents.comment))
    for rank, index in enumerate(contents.order):
        writer.changed["order"] += rank != index
        writer.entry(index)
    sink.write(_END)
    changed: dict[Aspect, int] = dict(writer.changed)
    if contents.framing_differs(len(_END)):
        changed["headers"] = changed.get("headers", 0) + 1
    return tuple(Change(aspect, "", count) for aspect, count in sorted(changed.items()) if count)


class _FileSink:
    """Gathers what is small, and has the kernel copy what is large."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._held: list[bytes | memoryview] = []
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._held.append(data)
        self._size += len(data)
        if self._size >= CHUNK:
            self.flush()

    def copy(self, file: PositionedFile, start: int, end: int) -> None:
        self.flush()
        copy_range(file, start, end, self._target)

    def flush(self) -> None:
        write_all(self._target, b"".join(self._held))
        self._held.clear()
        self._size = 0


class _Writer:
    """Writes entries one by one and counts what is changed."""

    def __init__(self, contents: Contents, sink: Sink, epoch: int) -> None:
        self._contents = contents
        self._sink = sink
        self._epoch = epoch
        self.changed: Counter[Aspect] = Counter()

    def entry(self, index: int) -> None:
        contents = self._contents
        body = contents.bodies.get(index, index)
        member = contents.members[body]
        is_small = member.type == REGULAR and member.size <= _SMALL
        end = member.end if is_small else member.data
        read_ = contents.file.read_at(member.offset, end - member.offset)
        raw = read_[: member.data - member.offset]
        entry = parse(raw, member)
        own = entry if body == index else read(contents.file, contents.members[index])
        kind, link, before, size = self._what(index, member, entry)
        mode = self._mode(member)
        time = self._time(member, entry.time)
        owner = entry.owner if contents.is_system else (0, 0)
        extensions = {} if index in contents.links else entry.extensions
        if kind == REGULAR and member.sparse:
            extensions = {
                **extensions,
                b"GNU.sparse.major": b"1",
                b"GNU.sparse.minor": b"0",
                b"GNU.sparse.name": _stored_name(contents.members[index]),
                b"GNU.sparse.realsize": b"%d" % entry.real,
            }
        header = encode(
            _sparse_name(contents.members[index])
            if kind == REGULAR and member.sparse
            else _stored_name(contents.members[index]),
            kind.encode(),
            mode,
            size,
            time,
            owner=owner,
            link=link,
            device=entry.device,
            extensions=extensions,
        )
        if header != own.raw:
            self._count(own, contents.members[index], mode, time, owner, header)
        self._sink.write(header)
        if kind != REGULAR:
            return
        self._sink.write(before)
        self._content(index, member, memoryview(read_)[len(raw) :] if is_small else None)

    def _what(self, index: int, member: TarMember, entry: Entry) -> tuple[str, bytes, bytes, int]:
        """Type, link, what comes before the content, and the size of both together."""
        contents = self._contents
        first = contents.links.get(index)
        if first is not None:
            return HARDLINK, _stored_name(contents.members[first]), b"", 0
        before = b""
        if entry.sparse is not None:
            before = sparse_map(entry.sparse)
        link = member.linkname.encode("utf-8", "surrogateescape")
        return member.type, link, before, len(before) + member.size

    def _time(self, member: TarMember, time: int) -> int:
        if member.is_directory:
            return clamped_folder(time, self._epoch)
        return clamped_file(time, member.size, self._epoch)

    def _mode(self, member: TarMember) -> int:
        if member.type == SYMLINK:
            return 0o777
        if self._contents.is_system:
            return member.mode
        rights = 0o755 if member.is_directory or member.mode & 0o100 else 0o644
        return (member.mode & 0o7000) | rights

    def _content(self, index: int, member: TarMember, at_hand: memoryview | None) -> None:
        start = member.data
        if not member.sparse and member.name.endswith(bytecode.SUFFIX):
            head = self._restamped(index, member)
            if head:
                self.changed["bytecode"] += 1
                self._sink.write(head)
                start += len(head)
                at_hand = at_hand[len(head) :] if at_hand is not None else None
        if at_hand is not None:
            content = len(at_hand) - (-member.size % BLOCK)
            self._sink.write(at_hand[:content])
        else:
            self._sink.copy(self._contents.file, start, member.data + member.size)
        self._sink.write(padding(member.size))

    def _restamped(self, index: int, member: TarMember) -> bytes:
        """The header of a .pyc that was in step with its source and no longer would be."""
        contents = self._contents
        source = bytecode.source_of(contents.keys[index].decode("utf-8", "surrogateescape"))
        place = contents.by_key.get(source.encode("utf-8", "surrogateescape")) if source else None
        if place is None:
            return b""
        place = contents.bodies.get(place, place)
        of = contents.members[place]
        if of.type != REGULAR or of.sparse:
            return b""
        head = contents.file.read_at(member.data, min(bytecode.HEADER, member.size))
        time = read(contents.file, of).time
        if bytecode.stated_time(head, of.size) != time & 0xFFFFFFFF:
            return b""
        new = bytecode.restamped(head, self._time(of, time))
        return new if new != head else b""

    def _count(
        self,
        own: Entry,
        member: TarMember,
        mode: int,
        time: int,
        owner: tuple[int, int],
        header: bytes,
    ) -> None:
        changed = self.changed
        changed["times"] += own.time != time or not own.exact
        changed["owners"] += own.owner != owner or any(own.names)
        changed["modes"] += member.mode != mode
        raw = own.raw
        # The rest of the header, what was counted and the checksum put aside
        aside = raw[100:124] + header[124:136] + raw[136:156]
        changed["headers"] += len(raw) != len(header) or (
            len(raw) == BLOCK
            and header[:100] + aside + header[156:265] + raw[265:329] + header[329:]
            != raw[:124] + header[124:136] + raw[136:]
        )


def _stored_name(member: TarMember) -> bytes:
    raw = member.name.encode("utf-8", "surrogateescape")
    return raw.rstrip(b"/") + b"/" if member.is_directory else raw


def _sparse_name(member: TarMember) -> bytes:
    """What readers that know no sparse files see; GNU tar has the process ID in it."""
    folder, slash, name = _stored_name(member).rpartition(b"/")
    return folder + slash + b"GNUSparseFile.0/" + name
