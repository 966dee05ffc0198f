"""The seal inside a wheel (PEP 427, PEP 770).

Where things stand in a sealed wheel, every byte of it:

    the built wheel's entries in their order, without RECORD's
    NAME.dist-info/sboms/bom-seal.cdx.json      stored, 1980-01-01, 0644
    NAME.dist-info/bom-seal.sigstore.json       the same; only with a bundle
    NAME.dist-info/RECORD                       the same; the old rows, then the two above
    the built wheel's directory rows in their order, without RECORD's; rows of the three
    end record, with the built wheel's comment

What is gone that way (RECORD's entry and row, where they stood, the end record) is signed in the
BOM's properties, so the built wheel comes back out of a sealed one bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.archive import zip as zip_archive
from bom.archive import zip_records
from bom.archive.positioned import copy_range, opened, pieces, positioned, write_all
from bom.archive.zip_records import damaged
from bom.errors import BadArtifact, CannotSeal, Refused
from bom.model import Envelope, Finding
from bom.seal import _record, _wheel_layout
from bom.seal.protocol import ENVELOPE_LIMIT, Unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from bom.archive.positioned import Positioned
    from bom.archive.zip import ZipStructure
    from bom.model import Member, Property
    from bom.seal._wheel_layout import SealNames, WheelLayout


class WheelFormat:
    """Wheels: files named `*.whl`, and zip archives that come without a name (a pipe)."""

    name: str = _wheel_layout.NAME

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether this is a wheel; `name` is "" or "-" where there is none."""
        named = name.endswith(".whl") or name in ("", "-")
        return named and head.startswith(zip_records.LOCAL_SIGNATURE)

    def parameters(self, path: Path) -> tuple[Property, ...]:
        """The seal's properties. Raises CannotSeal also where RECORD or a CRC is wrong: such a
        wheel can't be told from a damaged one. Inflates every member, in constant memory."""
        with opened(path) as file:
            structure, layout = _built(file)
            members = structure.members
            with _record.checking(file, members, layout.record, layout.names.record) as findings:
                crc = tuple(_record.crc_findings(file, members))
                for finding in crc + findings():
                    raise CannotSeal(
                        f"the wheel is not sound: {finding.message} ({finding.where})",
                        hint="build it anew with a backend that writes a right RECORD",
                    )
            return layout.parameters.properties()

    def read(self, path: Path) -> Envelope | None:
        """The envelope of a sealed wheel, unchecked."""
        with opened(path) as file:
            structure = zip_archive.read(file)
            if not _wheel_layout.is_sealed(structure):
                return None
            names = _wheel_layout.names_in(structure)
            return _envelope(file, structure, names)

    def seal(self, path: Path, envelope: Envelope, out: Path) -> None:
        """Write the sealed wheel to `out`.

        Raises CannotSeal as `parameters` does (without inflating again), Refused for an envelope
        that is too large or whose BOM doesn't hold what `parameters` gives for this very file.
        """
        if len(envelope.bom) + len(envelope.bundle) > ENVELOPE_LIMIT:
            raise Refused(f"the BOM and its signature are over {ENVELOPE_LIMIT} bytes")
        with opened(path) as file, out.open("wb", buffering=0) as target:
            _, layout = _built(file)
            if _wheel_layout.parameters_in(envelope.bom) != layout.parameters:
                raise Refused("this BOM was made for another wheel", hint="seal the wheel it names")
            cut = layout.record_at + len(layout.parameters.record_local)
            behind = layout.start + len(layout.parameters.record_local)
            copy_range(file, 0, layout.record_at, target.fileno())
            copy_range(file, cut, behind, target.fileno())
            for _, piece in layout.sealed_tail(envelope):
                write_all(target.fileno(), piece)

    def unseal(self, source: BinaryIO, sink: Callable[[bytes | memoryview], object]) -> Unsealed:
        """The built bytes to `sink`; meanwhile every RECORD row is checked against its member.

        Findings: `damaged` where the file is not what `seal` writes, `record` for each row and
        each member that don't fit. Where the seal doesn't fit the file, so that the built bytes
        can't be told, `sink` gets nothing and a finding says why. A pipe is spooled to a private
        file first.
        """
        with positioned(source) as file:
            structure = zip_archive.read(file)
            if not _wheel_layout.is_sealed(structure):
                raise BadArtifact("no-seal", "the wheel holds no BOM made by `bom`")
            names = _wheel_layout.names_in(structure)
            envelope = _envelope(file, structure, names)
            members, wrong = structure.members, list[Finding]()
            try:
                record = _record_content(file, structure, names)
            except BadArtifact as error:
                # Without a RECORD there are no rows to check; the rest is looked at all the same.
                members, record = (), b""
                wrong.append(_as_finding(error))
            with _record.checking(file, members, record, names.record) as findings:
                try:
                    layout = _wheel_layout.of_sealed(structure, names, envelope)
                except BadArtifact as error:
                    return Unsealed(envelope, (*wrong, _as_finding(error), *findings()))
                for piece in pieces(file, 0, layout.record_at):
                    sink(piece)
                sink(layout.parameters.record_local)
                for piece in pieces(file, layout.record_at, layout.start):
                    sink(piece)
                for piece in layout.built_tail():
                    sink(piece)
                wrong += _differences(file, layout.start, layout.sealed_tail(envelope))
                return Unsealed(envelope, (*wrong, *findings()))

    def members(self, path: Path) -> tuple[Member, ...]:
        """Nothing: RECORD states every member's digest."""
        return ()

    def damage(self, path: Path, document: Mapping[str, object]) -> tuple[Finding, ...]:
        """Members whose content doesn't fit the zip directory; else that it is no content."""
        with opened(path) as file:
            try:
                structure = zip_archive.read(file)
                findings = tuple(_record.crc_findings(file, structure.members))
            except BadArtifact as error:
                return (_as_finding(error),)
        if findings:
            return findings
        message = "every member's content is whole, so the headers or the directory have changed"
        return (Finding("damaged", message, where="zip headers and directory"),)


def _built(file: Positioned) -> tuple[ZipStructure, WheelLayout]:
    try:
        structure = zip_archive.read(file)
        return structure, _wheel_layout.of_built(file, structure)
    except BadArtifact as error:
        where = f" ({error.where})" if error.where else ""
        raise CannotSeal(f"the wheel is not sound: {error.reason}{where}") from error


def _as_finding(error: BadArtifact) -> Finding:
    return Finding(error.code, error.reason, error.expected, error.found, error.where)


def _record_content(file: Positioned, structure: ZipStructure, names: SealNames) -> bytes:
    record = next(member for member in structure.members if member.name == names.record)
    return zip_archive.read_content(file, record, 2 * _record.RECORD_LIMIT)


def _envelope(file: Positioned, structure: ZipStructure, names: SealNames) -> Envelope:
    """The envelope's files, wherever they stand. Raises BadArtifact where there is no BOM."""
    members = {member.name: member for member in structure.members}
    if names.bom not in members:
        raise damaged("the BOM stands in another folder than RECORD", expected=names.bom)
    bom = zip_archive.read_content(file, members[names.bom], ENVELOPE_LIMIT)
    if names.bundle not in members:
        return Envelope(bom)
    room = ENVELOPE_LIMIT - len(bom)
    return Envelope(bom, zip_archive.read_content(file, members[names.bundle], room))


def _differences(
    file: Positioned, at: int, expected: Iterator[tuple[str, bytes]]
) -> tuple[Finding, ...]:
    """Where the end of `file` is not the expected one; each place once."""
    places: dict[str, int] = {}
    for where, piece in expected:
        length = max(0, min(len(piece), file.size - at))
        if file.read_at(min(at, file.size), length) != piece:
            places.setdefault(where, at)
        at += len(piece)
    if at != file.size:
        places.setdefault("end of the file", min(at, file.size))
    return tuple(
        Finding(
            "damaged",
            "these bytes are not what sealing this wheel writes",
            found=f"from byte {position}",
            where=where,
        )
        for where, position in places.items()
    )
