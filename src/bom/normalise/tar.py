"""Tars: entries in one order, with times, owners, modes and headers that no machine decides.

Also what `bom.normalise.gzip` writes through its compressor. Memory grows with the number of
entries, by nothing with their content.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from bom.archive.positioned import CHUNK, copy_range, opened, write_all
from bom.archive.tar import TarWalk, is_header, padding
from bom.archive.tar_header import BLOCK, HARDLINK, REGULAR, SYMLINK, pax_records
from bom.errors import CannotNormalise
from bom.normalise import bytecode
from bom.normalise.moments import clamped_file, clamped_folder
from bom.normalise.protocol import Aspect, Change
from bom.normalise.tar_entry import (
    CAPABILITIES,
    Entry,
    encode,
    encode_comment,
    number,
    parse,
    read,
    sparse_map,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bom.archive.positioned import PositionedFile
    from bom.archive.tar_header import TarMember

ASPECTS: Final[tuple[Aspect, ...]] = ("bytecode", "headers", "modes", "order", "owners", "times")
_DEVICES: Final = "34"
_TYPES: Final = "0123456"
_SET_ID: Final = 0o6000
# An archive of a few megabytes can hold headers without end; an entry takes about a kilobyte here.
_ENTRIES_LIMIT: Final = 1_000_000
_NAMES_LIMIT: Final = 256 << 20  # bytes of all names and link targets
_SMALL: Final = 256 * 1024  # bytes that are read with their header, in one call
_END: Final = bytes(2 * BLOCK)
_AHEAD: Final = 8 * 1024  # bytes read while looking for headers


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
            contents = _Contents(file)
            contents.is_system = True
            sink = _FileSink(target.fileno())
            changes = _rewritten(contents, sink, epoch)
            sink.flush()
        return changes


def rewrite(file: PositionedFile, sink: Sink, epoch: int) -> tuple[Change, ...]:
    """Write the tar that is all of `file` to `sink`, normalised, and say what was changed.

    Raises CannotNormalise, BadArtifact, OSError.
    """
    return _rewritten(_Contents(file), sink, epoch)


def _rewritten(contents: _Contents, sink: Sink, epoch: int) -> tuple[Change, ...]:
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


class _Contents:
    """What is in a tar and how it is to be ordered.

    `members` in the order of the archive, `keys` their paths in one spelling, `order` the indices
    sorted. `bodies`: for an entry that isn't written as what it was, the index of the one whose
    content it is. `links`: for an entry that is to be a hard link, the index of its target.
    """

    def __init__(self, file: PositionedFile) -> None:
        self.file = file
        self.members: list[TarMember] = []
        self.comment: bytes | None = None
        self.is_system = False
        self._framing = False
        walk = TarWalk(_Readable(file))  # type: ignore[arg-type] # it seeks and reads, no more
        at = names = 0
        for member in walk:
            names += len(member.name) + len(member.linkname)
            if len(self.members) >= _ENTRIES_LIMIT or names > _NAMES_LIMIT:
                raise CannotNormalise("it has more entries than can be put in order here")
            if member.offset > at:
                self._global(at, member.offset)
            at = member.end
            self._check(member)
            self.members.append(member)
        self._end = walk.end
        if (trailing := walk.trailing_byte()) >= 0:
            raise CannotNormalise(f"after its end, at byte {trailing}, something follows")
        self.keys = [_key(member.name) for member in self.members]
        for key, member in zip(self.keys, self.members, strict=True):
            if not key and not member.is_directory:
                raise CannotNormalise("it has an entry without a name")
        self.by_key = {key: index for index, key in enumerate(self.keys)}
        if len(self.by_key) != len(self.keys):
            twice = next(key for key, count in Counter(self.keys).items() if count > 1)
            raise CannotNormalise(f"it has two entries of the name {_printable(twice)}")
        self._check_parents()
        self.order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        self.bodies: dict[int, int] = {}
        self.links: dict[int, int] = {}
        self._join()

    def framing_differs(self, end: int) -> bool:
        """Whether what is written around the entries isn't what was there."""
        return self._framing or self.file.size != self._end + end

    def _check(self, member: TarMember) -> None:
        if member.type not in _TYPES:
            raise CannotNormalise(f"{_shown(member)} is of a type that only its writer knows")
        if member.name.endswith("/") and not member.is_directory:
            raise CannotNormalise(f"{_shown(member)} is a folder by its name alone")
        if member.type in _DEVICES or (member.is_file and member.mode & _SET_ID):
            self.is_system = True
        elif member.format == "pax" and not self.is_system:
            extensions = read(self.file, member).extensions
            self.is_system = any(key.startswith(CAPABILITIES) for key in extensions)

    def _global(self, start: int, end: int) -> None:
        raw = self.file.read_at(start, end - start)
        size = number(raw[124:136])
        records = pax_records(raw[BLOCK : BLOCK + size])
        if start or end != BLOCK + size + -size % BLOCK or list(records) != [b"comment"]:
            raise CannotNormalise("a pax global header in it says something of several entries")
        self.comment = records[b"comment"]
        self._framing = raw != encode_comment(self.comment)

    def _check_parents(self) -> None:
        """What is written below a link or a file lands somewhere else, or depends on the order."""
        seen = {b""}
        for key in self.keys:
            parent = key.rpartition(b"/")[0]
            while parent not in seen:
                seen.add(parent)
                index = self.by_key.get(parent)
                if index is not None and not self.members[index].is_directory:
                    raise CannotNormalise(f"{_printable(parent)} is no folder, but has entries")
                parent = parent.rpartition(b"/")[0]

    def _join(self) -> None:
        """Of files that are one by hard links, the first in order is the file: which of them was
        packed as such depends on the order in which a folder was read."""
        roots: dict[int, int] = {}
        groups: dict[int, list[int]] = {}
        for index, member in enumerate(self.members):
            if member.type != HARDLINK:
                continue
            target = self.by_key.get(_key(member.linkname))
            if target is None:
                continue
            if target >= index:
                raise CannotNormalise(f"{_shown(member)} is a hard link to what comes after it")
            root = roots.get(target, target)
            if self.members[root].is_directory:
                raise CannotNormalise(f"{_shown(member)} is a hard link to a folder")
            roots[index] = root
            groups.setdefault(root, [root]).append(index)
        for root, group in groups.items():
            first = min(group, key=self.keys.__getitem__)
            self.bodies[first] = root
            for index in group:
                if index != first:
                    self.bodies[index] = root
                    self.links[index] = first


class _Writer:
    """Writes entries one by one and counts what is changed."""

    def __init__(self, contents: _Contents, sink: Sink, epoch: int) -> None:
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


class _Readable:
    """What TarWalk needs of a file; reads in large pieces, for headers stand close together."""

    def __init__(self, file: PositionedFile) -> None:
        self._file = file
        self._at = 0
        self._start = 0
        self._held = b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (self._file.size if whence == os.SEEK_END else 0)
        return self._at

    def read(self, size: int) -> bytes:
        size = max(0, min(size, self._file.size - self._at))
        here = self._at - self._start
        if not 0 <= here <= len(self._held) - size:
            self._start, here = self._at, 0
            wanted = max(size, min(_AHEAD, self._file.size - self._at))
            self._held = self._file.read_at(self._at, wanted)
        self._at += size
        return self._held[here : here + size]


def _key(name: str) -> bytes:
    """A path in the one spelling by which entries are told apart and sorted: a folder sorts before
    what is in it. Raises CannotNormalise for one that leads out of where it is unpacked."""
    raw = name.encode("utf-8", "surrogateescape")
    if raw.startswith(b"./") or raw.endswith(b"/") or b"//" in raw or b"/." in raw or raw == b".":
        parts = raw.split(b"/")
        if raw.startswith(b"/") or b".." in parts:
            raise CannotNormalise(f"the name {_printable(raw)} leads out of the archive")
        return b"/".join(part for part in parts if part not in (b"", b"."))
    if raw.startswith((b"/", b"../")) or raw in (b"", b".."):
        raise CannotNormalise(f"the name {_printable(raw)} leads out of the archive")
    return raw


def _stored_name(member: TarMember) -> bytes:
    raw = member.name.encode("utf-8", "surrogateescape")
    return raw.rstrip(b"/") + b"/" if member.is_directory else raw


def _sparse_name(member: TarMember) -> bytes:
    """What readers that know no sparse files see; GNU tar has the process ID in it."""
    folder, slash, name = _stored_name(member).rpartition(b"/")
    return folder + slash + b"GNUSparseFile.0/" + name


def _shown(member: TarMember) -> str:
    return _printable(member.name.encode("utf-8", "surrogateescape"))


def _printable(raw: bytes) -> str:
    return ascii(raw[:200].decode("utf-8", "replace"))
