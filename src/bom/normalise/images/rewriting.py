"""The entries of a layer, written anew: each with a stable header before its content.

Nearly all of them are plain files and folders in the old tar's order, of whose headers only the
time, the owner's names and the checksum change: these are read many at a time and changed in place.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.tar_header import BLOCK, DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarMember, padding
from bom.normalise import bytecode
from bom.normalise.moments import clamped_file, clamped_folder
from bom.normalise.tar_entry import RENEWED, encode, parse, renewed, sparse_map

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping

    from bom.normalise.images.entries import Entry, Part
    from bom.normalise.images.python_files import Stamp
    from bom.normalise.protocol import Aspect

_PIECE: Final = 1 << 18  # bytes that are read and written together: few enough for a cache
_SMALL: Final = 1 << 17  # bytes of a file that are read at once
_END: Final = bytes(2 * BLOCK)


class Rewriting(NamedTuple):
    """What the entries are written from and by."""

    plain: Part
    epoch: int
    stamps: Mapping[str, Stamp]
    changed: Counter[Aspect]


def rewritten(rewriting: Rewriting, order: Iterable[Entry]) -> Iterator[bytes | memoryview]:
    """The tar of these entries, in pieces that don't change afterwards."""
    held: list[bytes | memoryview] = []
    size = 0
    for piece in chain.from_iterable(_run(rewriting, run) for run in _runs(order)):
        if not held and len(piece) >= _SMALL:
            yield piece
            continue
        held.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(held)
            held.clear()
            size = 0
    held.append(_END)
    yield b"".join(held)


def _runs(order: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries that stand one behind the other in the old tar, of about a piece together; one that
    can't be changed in place by itself. Only the last one of a run may be larger than a piece."""
    run: list[Entry] = []
    start = end = -1
    for entry in order:
        if entry.type not in (REGULAR, DIRECTORY) or entry.data - entry.offset != BLOCK:
            if run:
                yield run
            yield [entry]
            run, end = [], -1
            continue
        if entry.offset != end or end - start >= _PIECE:
            if run:
                yield run
            run, start = [], entry.offset
        run.append(entry)
        end = _end(entry)
    if run:
        yield run


def _run(rewriting: Rewriting, run: list[Entry]) -> Iterator[bytes | memoryview]:
    start, last = run[0].offset, run[-1]
    if run[0].data - start != BLOCK:
        yield from _entry(rewriting, last)
        return
    stop = last.data + _PIECE if last.size > _PIECE else _end(last)
    view = memoryview(rewriting.plain.buffer(start, stop - start))
    stamps, done = rewriting.stamps, start
    for entry in run:
        here = entry.offset - start
        header = _renewed(rewriting, entry, bytes(view[here : here + BLOCK]))
        if header is None:
            if entry.offset > done:
                yield view[done - start : here]
            yield from _entry(rewriting, entry)
            done = _end(entry)
            continue
        view[here + RENEWED : here + BLOCK] = header
        if size := entry.size:
            here += BLOCK
            if stamps and (stamp := stamps.get(entry.path)) is not None:
                rewriting.changed["bytecode"] += 1
                head = bytes(view[here : here + bytecode.HEADER])
                view[here : here + bytecode.HEADER] = bytecode.restamped(head, stamp.time)
            if (fill := -size % BLOCK) and size <= _PIECE:
                view[here + size : here + size + fill] = bytes(fill)
    if done < stop:
        yield view[done - start :]
        if last.size > _PIECE:
            yield from rewriting.plain.pieces(stop, last.data + last.size - stop)
            yield padding(last.size)


def _end(entry: Entry) -> int:
    return entry.data + entry.size + -entry.size % BLOCK


def _renewed(rewriting: Rewriting, entry: Entry, raw: bytes) -> bytes | None:
    """What the header becomes from byte RENEWED on, counted; None where `_entry` has to tell."""
    path, time, epoch = entry.path, entry.time, rewriting.epoch
    if not path:
        return None
    if entry.type == DIRECTORY:
        path += "/"
        time = clamped_folder(time, epoch)
    else:
        time = clamped_file(time, entry.size, epoch)
    made = renewed(raw, path, entry.size, time)
    if made is not None:
        changed = rewriting.changed
        if entry.time != time:
            changed["times"] += 1
        if raw[265] or raw[297]:
            changed["owners"] += 1
        if (
            raw[156:265] != made[156 - RENEWED : 265 - RENEWED]
            or raw[329:] != made[329 - RENEWED :]
        ):
            changed["headers"] += 1
    return made


def _entry(rewriting: Rewriting, entry: Entry) -> Iterator[bytes]:
    plain = rewriting.plain
    raw = plain.read_at(entry.offset, entry.data - entry.offset)
    found = parse(raw, _member(entry))
    if entry.type == DIRECTORY:
        time = clamped_folder(found.time, rewriting.epoch)
    else:
        time = clamped_file(found.time, entry.size, rewriting.epoch)
    name = entry.path.encode("utf-8", "surrogateescape")
    extensions, before = found.extensions, b""
    stored = name + b"/" if name else b"./"
    if entry.type != DIRECTORY:
        stored = name
    if entry.type == REGULAR and entry.is_sparse:
        if found.sparse is not None:
            before = sparse_map(found.sparse)
        folder, slash, last = name.rpartition(b"/")
        stored = folder + slash + b"GNUSparseFile.0/" + last
        extensions = {
            **extensions,
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.name": name,
            b"GNU.sparse.realsize": b"%d" % found.real,
        }
    header = encode(
        stored,
        entry.type.encode(),
        entry.mode,
        len(before) + entry.size,
        time,
        owner=found.owner,
        link=entry.link.encode("utf-8", "surrogateescape")
        if entry.type in (HARDLINK, SYMLINK)
        else b"",
        device=found.device,
        extensions=extensions,
    )
    changed = rewriting.changed
    changed["times"] += found.time != time or not found.exact
    changed["owners"] += any(found.names)
    changed["headers"] += _differ(raw, header)
    yield header
    if entry.type != REGULAR or not entry.size:
        return
    yield before
    stamp = rewriting.stamps.get(entry.path)
    start = 0
    if stamp is not None:
        changed["bytecode"] += 1
        start = bytecode.HEADER
        yield bytecode.restamped(plain.read_at(entry.data, start), stamp.time)
    if entry.size <= _SMALL:
        yield plain.read_at(entry.data + start, entry.size - start)
    else:
        yield from plain.pieces(entry.data + start, entry.size - start)
    yield padding(entry.size)


def _differ(raw: bytes, header: bytes) -> bool:
    """Whether headers differ in more than time, names and checksum."""
    return raw != header and (
        raw[:136] != header[:136] or raw[156:265] != header[156:265] or raw[329:] != header[329:]
    )


def _member(entry: Entry) -> TarMember:
    return TarMember(
        entry.path,
        entry.type,
        entry.size,
        entry.mode,
        entry.link,
        "pax",
        entry.offset,
        entry.data,
        entry.is_sparse,
    )
