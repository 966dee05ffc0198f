"""Compressed tars: sdists, npm packages, `.tar.gz`. One gzip member, ours in front (gzjoin).

The header stays as it is; stored deflate blocks with our tar entries follow, then the original
deflate data verbatim, then a trailer whose CRC-32 is combined from both. uv refuses a file of
two gzip members, and a compressor's output is not reproducible, so there is no other way.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final
from zlib import crc32

from bom.archive import gzip
from bom.archive.positioned import CHUNK, copy_range, opened, write_all
from bom.archive.tar import BLOCK, TarPush, is_header
from bom.errors import BadArtifact, BomError, CannotSeal
from bom.model import Finding, Property
from bom.seal._front import (
    BOM_ENTRY,
    MISMATCH,
    Front,
    Source,
    encode,
    findings_of,
    placement,
    read_front,
    sealing_placement,
)
from bom.seal._members import MemberList, member_damage
from bom.seal._survey import Survey
from bom.seal.protocol import (
    ENVELOPE_LIMIT,
    FORMAT_PROPERTY,
    Unsealed,
    document_of,
    properties_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from bom.model import Envelope, Member

HEADER_PROPERTY: Final = "bom-seal:seal:gzip-header"  # hex, as built
TRAILER_PROPERTY: Final = "bom-seal:seal:gzip-trailer"  # hex, as built
# The CRC of what was appended can be combined only knowing its full length, which the trailer
# has modulo 2**32.
SIZE_PROPERTY: Final = "bom-seal:seal:gzip-size"  # bytes of the built tar, decimal

# Blocks of an envelope at its limit, with the headers and padding around it.
_FRONT_LIMIT: Final = ENVELOPE_LIMIT + 64 * 1024
# Our first entry's name stands in its header, or in the GNU long name before it.
_NAME_WITHIN: Final = 8 * BLOCK


class GzipFormat:
    """A tar compressed by gzip, in one member. Stateless."""

    name: str = "tar.gz"

    def recognises(self, head: bytes, name: str) -> bool:
        """By a tar header at the beginning of what it holds; the name doesn't matter."""
        return is_header(gzip.inflated_head(head, BLOCK))

    def parameters(self, path: Path) -> tuple[Property, ...]:
        survey = Survey()
        push = TarPush(survey.see)
        size = 0
        with path.open("rb") as file:
            try:
                header = gzip.read_header(Source(file).read)
                file.seek(0)
                for piece in gzip.inflate(file):
                    size += len(piece)
                    push.feed(piece)
                push.close()
            except BadArtifact as error:
                raise CannotSeal(f"it is not one gzip member with a tar inside: {error}") from error
            file.seek(-gzip.TRAILER, io.SEEK_END)
            trailer = file.read()
        if header[3] & gzip.FEXTRA:
            raise CannotSeal("its gzip header has an extra field, which may describe its layout")
        if push.trailing >= 0:
            raise CannotSeal(
                f"after the end of its tar, at byte {push.trailing}, something follows"
            )
        place = survey.placement(push.first)
        return (
            Property(FORMAT_PROPERTY, self.name),
            *place.properties(),
            Property(HEADER_PROPERTY, header.hex()),
            Property(TRAILER_PROPERTY, trailer.hex()),
            Property(SIZE_PROPERTY, str(size)),
        )

    def read(self, path: Path) -> Envelope | None:
        with path.open("rb") as file:
            try:
                return _read_sealed_front(Source(file))[1].envelope
            except BadArtifact as error:
                if error.code == "no-seal":
                    return None
                raise

    def seal(self, path: Path, envelope: Envelope, out: Path) -> None:
        document = document_of(envelope.bom)
        place = sealing_placement(document, self.name)
        wrapping = _Wrapping(document)
        front = b"".join(encode(envelope, place))
        with opened(path) as built, out.open("wb", buffering=0) as sealed:
            start, end = len(wrapping.header), built.size - gzip.TRAILER
            if (
                built.read_at(0, start) != wrapping.header
                or built.read_at(end, gzip.TRAILER) != wrapping.trailer
            ):
                raise BomError("this BOM can't be put into this artifact: it is that of another")
            target = sealed.fileno()
            write_all(target, wrapping.header)
            for block in gzip.stored(front):
                write_all(target, block)
            copy_range(built, start, end, target)
            write_all(target, wrapping.joined_trailer(front))

    def unseal(self, source: BinaryIO, sink: Callable[[bytes | memoryview], object]) -> Unsealed:
        stream = Source(source)
        header, front, blocks = _read_sealed_front(stream)
        document = document_of(front.envelope.bom)
        place = placement(document, self.name)
        wrapping = _Wrapping(document)
        findings = list(findings_of(front, place))
        if header != wrapping.header:
            findings.append(_mismatch("gzip header", wrapping.header, header))
        sink(wrapping.header)
        held = b""
        while piece := stream.read(CHUNK):
            # Only the end is put together with what was held: the rest goes on uncopied.
            if len(piece) < gzip.TRAILER:
                held, piece = b"", held + piece
            sink(held)
            sink(memoryview(piece)[: -gzip.TRAILER])
            held = piece[-gzip.TRAILER :]
        joined = wrapping.joined_trailer(blocks)
        if held != joined:
            findings.append(_mismatch("gzip trailer", joined, held))
        sink(wrapping.trailer)
        return Unsealed(front.envelope, tuple(findings))

    def members(self, path: Path) -> tuple[Member, ...]:
        with path.open("rb") as file:
            listing = MemberList()
            listing.feed_all(gzip.inflate(file))
        return listing.members

    def damage(self, path: Path, document: Mapping[str, object]) -> tuple[Finding, ...]:
        try:
            sealed = _Wrapping(document).size + _FRONT_LIMIT
        except BadArtifact:
            return ()  # `unseal` has said so
        with path.open("rb") as file:
            return member_damage(_at_most(sealed, gzip.inflate(file)), document)


def _at_most(limit: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, up to `limit` bytes: gzip data can hold a thousand times its own size."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise BadArtifact("oversized", "the gzip data holds more than was sealed")
        yield piece


class _Wrapping:
    """The original header and trailer, as a signed document states them.

    Raises BadArtifact (`damaged`) where it doesn't.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        properties = properties_of(document)
        try:
            self.header = bytes.fromhex(properties[HEADER_PROPERTY])
            self.trailer = bytes.fromhex(properties[TRAILER_PROPERTY])
            self.size = int(properties[SIZE_PROPERTY])
        except (KeyError, ValueError) as error:
            raise BadArtifact(
                "damaged", "the BOM inside does not say how the artifact's gzip data was wrapped"
            ) from error
        if len(self.trailer) != gzip.TRAILER or self.size < 0:
            raise BadArtifact("damaged", "the BOM inside states an impossible gzip trailer")

    def joined_trailer(self, front: bytes) -> bytes:
        """The trailer of `front` and the original data together."""
        crc = gzip.crc32_combine(crc32(front), gzip.trailer_crc(self.trailer), self.size)
        return gzip.trailer(crc, len(front) + self.size)


def _read_sealed_front(stream: Source) -> tuple[bytes, Front, bytes]:
    """The gzip header, the front, and the front's bytes."""
    try:
        header = gzip.read_header(stream.read)
        block = gzip.read_stored(stream.read)
    except BadArtifact as error:
        raise BadArtifact("no-seal", f"there is no BOM inside the artifact: {error}") from error
    if block is None or BOM_ENTRY.encode() not in block[:_NAME_WITHIN]:
        raise BadArtifact("no-seal", "there is no BOM inside the artifact")
    blocks = [block]
    size = len(block)
    while len(block) == gzip.STORED_LIMIT:
        block = gzip.read_stored(stream.read)
        if block is None:
            raise BadArtifact("damaged", "the BOM inside the artifact breaks off")
        blocks.append(block)
        size += len(block)
        if size > _FRONT_LIMIT:
            raise BadArtifact(
                "oversized",
                "the BOM inside the artifact is larger than any that is put there",
                expected=f"at most {_FRONT_LIMIT} bytes",
            )
    data = b"".join(blocks)
    front = read_front(io.BytesIO(data).read)
    if front.rest or front.size != len(data):
        raise BadArtifact("damaged", "more than the BOM stands in the data put before the artifact")
    return header, front, data


def _mismatch(what: str, expected: bytes, found: bytes) -> Finding:
    return Finding(
        MISMATCH,
        f"the {what} is not what sealing writes",
        expected=expected.hex(),
        found=found.hex(),
    )
