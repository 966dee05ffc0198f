"""Plain tars and image archives (docker save, OCI layout): the envelope stands in front.

The built bytes follow unchanged to the end of the file, so one pass over a pipe takes the
envelope, then digests the rest, in constant memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.positioned import CHUNK, copy_range, opened, write_all
from bom.archive.tar import BLOCK, TarWalk, is_header
from bom.errors import BadArtifact, CannotSeal
from bom.model import Property
from bom.seal._front import (
    Source,
    encode,
    findings_of,
    placement,
    read_front,
    sealing_placement,
)
from bom.seal._layout import check_agreement, image_damage, looks_like_image
from bom.seal._members import MemberList, member_damage
from bom.seal._survey import Survey
from bom.seal.protocol import FORMAT_PROPERTY, Unsealed, document_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from bom.model import Envelope, Finding, Member

_MAGIC_AT: Final = slice(257, 262)


class TarFormat:
    """A tar that is not compressed. Stateless."""

    name: str = "tar"

    def recognises(self, head: bytes, name: str) -> bool:
        """By the first header's checksum; without the ustar magic only if it's named `.tar`."""
        block = head[:BLOCK]
        return is_header(block) and (block[_MAGIC_AT] == b"ustar" or name.endswith(".tar"))

    def parameters(self, path: Path) -> tuple[Property, ...]:
        survey = Survey()
        with path.open("rb") as file:
            walk = TarWalk(file)
            try:
                for member in walk:
                    survey.see(member)
                trailing = walk.trailing_byte()
            except BadArtifact as error:
                raise CannotSeal(
                    f"it is not a tar that every reader understands: {error}"
                ) from error
            if trailing >= 0:
                raise CannotSeal(f"after its end, at byte {trailing}, something else follows")
            place = survey.placement(walk.first)
            if survey.is_image:
                check_agreement(file)
        return (Property(FORMAT_PROPERTY, self.name), *place.properties())

    def read(self, path: Path) -> Envelope | None:
        with path.open("rb") as file:
            try:
                return read_front(Source(file).read).envelope
            except BadArtifact as error:
                if error.code == "no-seal":
                    return None
                raise

    def seal(self, path: Path, envelope: Envelope, out: Path) -> None:
        place = sealing_placement(document_of(envelope.bom), self.name)
        with opened(path) as built, out.open("wb", buffering=0) as sealed:
            for piece in encode(envelope, place):
                write_all(sealed.fileno(), piece)
            copy_range(built, 0, built.size, sealed.fileno())

    def unseal(self, source: BinaryIO, sink: Callable[[bytes | memoryview], object]) -> Unsealed:
        stream = Source(source)
        front = read_front(stream.read)
        place = placement(document_of(front.envelope.bom), self.name)
        findings = tuple(findings_of(front, place))
        sink(front.rest)
        while piece := stream.read(CHUNK):
            sink(piece)
        return Unsealed(front.envelope, findings)

    def members(self, path: Path) -> tuple[Member, ...]:
        if looks_like_image(path):
            return ()
        with path.open("rb") as file:
            listing = MemberList()
            listing.feed_all(iter(lambda: file.read(CHUNK), b""))
        return listing.members

    def damage(self, path: Path, document: Mapping[str, object]) -> tuple[Finding, ...]:
        if image := image_damage(path, document):
            return image
        with path.open("rb") as file:
            return member_damage(iter(lambda: file.read(CHUNK), b""), document)
