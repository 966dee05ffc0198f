"""Where everything stands in a wheel, as built and as sealed (the picture is in `wheel`).

A `WheelLayout` is the same value whether it was read from the built wheel or from the sealed
one; both files' bytes follow from it, the entries aside, which are the same in both.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.archive import zip as zip_archive
from bom.archive import zip_records
from bom.archive.positioned import PositionedBytes
from bom.archive.zip_records import End, Row, damaged
from bom.errors import CannotSeal
from bom.model import Property
from bom.seal import _record
from bom.seal.protocol import FORMAT_PROPERTY, document_of, properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.archive.positioned import Positioned
    from bom.archive.zip import ZipStructure
    from bom.model import Envelope

NAME: Final = "wheel"
RECORD_LOCAL: Final = "bom-seal:seal:record-local"  # base64: RECORD's entry as built
RECORD_ROW: Final = "bom-seal:seal:record-row"  # base64: its directory row as built
RECORD_POSITION: Final = "bom-seal:seal:record-position"  # "ENTRY ROW", counted from 0
END_RECORD: Final = "bom-seal:seal:end-record"  # base64: all behind the directory as built

DIRECTORY: Final = "zip directory"
_BOM: Final = "sboms/bom-seal.cdx.json"
_DIST_INFO: Final = re.compile(r"([^/]+\.dist-info)/")
_POSITION: Final = re.compile(r"(0|[1-9][0-9]{0,6}) (0|[1-9][0-9]{0,6})")
_ROWS_AT_ONCE: Final = 4096
_OWN_MEMBERS: Final = 2  # that a built wheel doesn't have
_OWN_ROWS: Final = 256 * 1024  # bytes, at most


@dataclass(frozen=True, slots=True)
class SealNames:
    """What the files of the seal, and RECORD, are called in one wheel."""

    bom: str
    bundle: str
    record: str

    def members(self, envelope: Envelope) -> tuple[tuple[str, bytes], ...]:
        """The seal's files and their contents."""
        bundle = ((self.bundle, envelope.bundle),) if envelope.bundle else ()
        return ((self.bom, envelope.bom), *bundle)


def is_sealed(structure: ZipStructure) -> bool:
    """Whether any .dist-info folder of the archive holds a BOM of ours."""
    return any(
        (match := _DIST_INFO.match(row.name)) and row.name[match.end() :] == _BOM
        for row in structure.rows
    )


def names_in(structure: ZipStructure) -> SealNames:
    """Raises BadArtifact (`damaged`) unless there is one .dist-info folder, with a RECORD."""
    folders = {match[1] for row in structure.rows if (match := _DIST_INFO.match(row.name))}
    if len(folders) != 1:
        raise damaged(
            "a wheel has exactly one .dist-info folder",
            expected="1",
            found=" ".join(sorted(folders)[:5]) or "none",
        )
    folder = folders.pop()
    record = f"{folder}/RECORD"
    if all(row.name != record for row in structure.rows):
        raise damaged("the wheel has no RECORD", where=record)
    return SealNames(f"{folder}/{_BOM}", f"{folder}/bom-seal.sigstore.json", record)


@dataclass(frozen=True, slots=True)
class SealParameters:
    """What the signed properties hold of the built wheel."""

    record_local: bytes
    record_row: bytes
    entry_index: int
    row_index: int
    end_region: bytes

    def properties(self) -> tuple[Property, ...]:
        return (
            Property(FORMAT_PROPERTY, NAME),
            Property(END_RECORD, _base64(self.end_region)),
            Property(RECORD_LOCAL, _base64(self.record_local)),
            Property(RECORD_POSITION, f"{self.entry_index} {self.row_index}"),
            Property(RECORD_ROW, _base64(self.record_row)),
        )


def parameters_in(bom: bytes) -> SealParameters:
    """The parameters that a BOM holds. Raises BadArtifact (`damaged`)."""
    values = properties_of(document_of(bom))
    if values.get(FORMAT_PROPERTY) != NAME:
        raise damaged(
            "the BOM inside was not made for a wheel",
            expected=NAME,
            found=values.get(FORMAT_PROPERTY, "none"),
        )
    position = _POSITION.fullmatch(values.get(RECORD_POSITION, ""))
    if position is None:
        raise damaged(f"the BOM's property {RECORD_POSITION} is not as it must be")
    return SealParameters(
        record_local=_from_base64(values, RECORD_LOCAL),
        record_row=_from_base64(values, RECORD_ROW),
        entry_index=int(position[1]),
        row_index=int(position[2]),
        end_region=_from_base64(values, END_RECORD),
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_base64(values: Mapping[str, str], name: str) -> bytes:
    text = values.get(name, "")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        data = b""
    # base64 has several spellings of the same bytes; one is right.
    if not data or _base64(data) != text:
        raise damaged(f"the BOM's property {name} is not as it must be")
    return data


@dataclass(frozen=True, slots=True)
class WheelLayout:
    """A wheel, as much of it as both its files share.

    `rows`: the directory without RECORD's and the seal's rows, in order, each with where its
    entry starts once RECORD's is gone. `record_at`: where RECORD's entry was cut out. `start`:
    where the entries end once it is gone, and the seal begins. `record`: the old RECORD's content.
    """

    names: SealNames
    parameters: SealParameters
    rows: tuple[tuple[Row, int], ...]
    record_at: int
    start: int
    record: bytes
    end: End

    def built_tail(self) -> Iterator[bytes]:
        """What stands behind the entries of the built wheel."""
        at, shift = self.parameters.row_index, len(self.parameters.record_local)
        built = [
            zip_records.moved(row, offset + shift if offset >= self.record_at else offset)
            for row, offset in self.rows
        ]
        built.insert(at, self.parameters.record_row)
        yield from _in_pieces(built)
        yield self.parameters.end_region

    def sealed_tail(self, envelope: Envelope) -> Iterator[tuple[str, bytes]]:
        """What stands behind `start` in the sealed wheel; each piece with where that is."""
        own = self.names.members(envelope)
        at = self.start
        own_rows = []
        for name, content in (*own, (self.names.record, _record.extended(self.record, own))):
            crc = zlib.crc32(content)
            own_rows.append(zip_records.stored_row(name, crc, len(content), at))
            header = zip_records.stored_local(name, crc, len(content))
            yield name, header
            yield name, content
            at += len(header) + len(content)
        rows = [zip_records.moved(row, offset) for row, offset in self.rows] + own_rows
        size = sum(map(len, rows))
        for piece in _in_pieces(rows):
            yield DIRECTORY, piece
        end = End(len(rows), size, at, self.end.comment, self.end.zip64)
        yield "zip end record", zip_records.end_region(end)


def _in_pieces(rows: list[bytes]) -> Iterator[bytes]:
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        yield b"".join(rows[at : at + _ROWS_AT_ONCE])


def of_built(file: Positioned, structure: ZipStructure) -> WheelLayout:
    """The layout of a built wheel. Raises CannotSeal where it can't carry an envelope,
    BadArtifact where RECORD is damaged."""
    names = names_in(structure)
    _refuse(structure, names)
    entry_index, record = next(
        (index, member)
        for index, member in enumerate(structure.members)
        if member.name == names.record
    )
    length = record.end - record.start
    if length > _record.RECORD_LIMIT:
        raise CannotSeal("the wheel's RECORD is too large")
    parameters = SealParameters(
        record_local=file.read_at(record.start, length),
        record_row=record.row.raw,
        entry_index=entry_index,
        row_index=structure.rows.index(record.row),
        end_region=structure.end_region,
    )
    rows = tuple(
        (row, row.offset - length if row.offset > record.start else row.offset)
        for row in structure.rows
        if row is not record.row
    )
    return WheelLayout(
        names=names,
        parameters=parameters,
        rows=rows,
        record_at=record.start,
        start=structure.end.directory_offset - length,
        record=zip_archive.read_content(file, record, _record.RECORD_LIMIT),
        end=structure.end,
    )


def _refuse(structure: ZipStructure, names: SealNames) -> None:
    present = {row.name for row in structure.rows}
    for name in (names.bom, names.bundle):
        if name in present:
            raise CannotSeal(f"the wheel already has a file {name}", hint="strip it first")
    for name in (f"{names.record}.jws", f"{names.record}.p7s"):
        if name in present:
            raise CannotSeal(f"the wheel's RECORD is signed by {name}, and sealing changes it")
    if (
        structure.end.count + _OWN_MEMBERS > zip_archive.MEMBER_LIMIT
        or structure.end.directory_size + _OWN_ROWS > zip_archive.DIRECTORY_LIMIT
    ):
        raise CannotSeal("the wheel has too many files")


def of_sealed(structure: ZipStructure, names: SealNames, envelope: Envelope) -> WheelLayout:
    """The layout that a sealed wheel's BOM claims.

    Raises BadArtifact (`damaged`) where the claim doesn't fit the file.
    """
    parameters = parameters_in(envelope.bom)
    own = [name for name, _ in names.members(envelope)] + [names.record]
    kept, seal = structure.members[: -len(own)], structure.members[-len(own) :]
    found = [member.name for member in seal]
    if found != own:
        stranger = next((name for name in found if name not in own), names.bom)
        raise damaged("the seal's members are not the last ones", where=stranger)
    start = seal[0].start
    if parameters.entry_index > len(kept) or parameters.row_index > len(kept):
        raise damaged(f"the BOM's property {RECORD_POSITION} is not as it must be")
    offsets = [member.start for member in kept] + [start]
    record_at = offsets[parameters.entry_index]
    row = zip_records.parse_row(parameters.record_row, 0)
    if row.raw != parameters.record_row or row.name != names.record or row.offset != record_at:
        raise damaged(f"the BOM's property {RECORD_ROW} does not fit the wheel")
    local = PositionedBytes(parameters.record_local)
    record = zip_archive.member(local, row, 0, local.size)
    rows = tuple((row, row.offset) for row in structure.rows if row.name not in own)
    directory_size = len(row.raw) + sum(len(kept_row.raw) for kept_row, _ in rows)
    directory_offset = start + local.size
    end = zip_records.parse_end(parameters.end_region, directory_offset + directory_size)
    if (end.count, end.directory_offset) != (len(rows) + 1, directory_offset):
        raise damaged(f"the BOM's property {END_RECORD} does not fit the wheel")
    return WheelLayout(
        names=names,
        parameters=parameters,
        rows=rows,
        record_at=record_at,
        start=start,
        record=zip_archive.read_content(local, record, _record.RECORD_LIMIT),
        end=end,
    )
