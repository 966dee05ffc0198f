"""The envelope as the first entries of a tar: what is written, and what is accepted.

Both tar formats put the same blocks in front of the built bytes: `.bom/bom.cdx.json` and, for a
signed BOM, `.bom/bom.cdx.json.sigstore.json`, under the top directory that all built entries
share, in the header format of the built tar's first header (uv refuses a tar whose first entry
has another one than the rest).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast, get_args

from bom.archive.tar import (
    BLOCK,
    HeaderFormat,
    TarMember,
    encode_head,
    header_format,
    is_header,
    next_member,
    padding,
)
from bom.errors import BadArtifact, BomError, CannotSeal, Refused
from bom.model import Envelope, Finding, Property
from bom.seal.protocol import ENVELOPE_LIMIT, FORMAT_PROPERTY, properties_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

BOM_ENTRY: Final = ".bom/bom.cdx.json"
BUNDLE_ENTRY: Final = ".bom/bom.cdx.json.sigstore.json"
PREFIX_PROPERTY: Final = "bom-seal:seal:prefix"  # "" or "NAME/"
TAR_FORMAT_PROPERTY: Final = "bom-seal:seal:tar-format"  # v7, ustar or gnu
MISMATCH: Final = "seal-mismatch"  # the finding: not what `seal` writes

# What the headers of an honest entry of ours take at most; a stranger's may take no more.
_HEADERS_LIMIT: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Placement:
    """Where in a tar the envelope goes: `prefix` is "" or `NAME/`."""

    prefix: str
    form: HeaderFormat

    def properties(self) -> tuple[Property, ...]:
        return (
            Property(PREFIX_PROPERTY, self.prefix),
            Property(TAR_FORMAT_PROPERTY, self.form),
        )


@dataclass(frozen=True, slots=True)
class Front:
    """What stands in front of a sealed tar. `size`: bytes taken; `rest`: read beyond that."""

    envelope: Envelope
    prefix: str
    form: HeaderFormat  # of the first header
    exact: bool  # whether the blocks are those that `encode` writes there
    size: int
    rest: bytes

    @property
    def built_form(self) -> str:
        """The header format that the built tar begins with, "" if that can't be told."""
        return header_format(self.rest[:BLOCK]) if is_header(self.rest[:BLOCK]) else ""


class Source:
    """A file or pipe from which exactly as much is read as was asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.taken = 0

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        data = self._stream.read(size)
        if 0 < len(data) < size:
            pieces = [data]
            missing = size - len(data)
            while missing and (more := self._stream.read(missing)):
                pieces.append(more)
                missing -= len(more)
            data = b"".join(pieces)
        self.taken += len(data)
        return data


def encode(envelope: Envelope, place: Placement) -> Iterator[bytes]:
    """The blocks in front. Raises Refused for an envelope that is too large."""
    size = len(envelope.bom) + len(envelope.bundle)
    if size > ENVELOPE_LIMIT:
        raise Refused(
            f"the BOM and its signature take {size} bytes, more than the {ENVELOPE_LIMIT} that an "
            "artifact may carry",
            hint="put the BOM beside the artifact",
        )
    for name, content in _entries(envelope):
        yield encode_head(place.prefix + name, len(content), place.form)
        yield content
        yield padding(len(content))


def placement(document: Mapping[str, object], format_name: str) -> Placement:
    """Where the signed document says that its envelope goes. Raises BadArtifact (`damaged`)."""
    properties = properties_of(document)
    prefix = properties.get(PREFIX_PROPERTY)
    form = properties.get(TAR_FORMAT_PROPERTY, "")
    if properties.get(FORMAT_PROPERTY) != format_name:
        raise BadArtifact(
            "damaged",
            "the BOM inside is not that of an artifact of this format",
            expected=format_name,
            found=properties.get(FORMAT_PROPERTY, "nothing"),
        )
    if prefix is None or form not in get_args(HeaderFormat):
        raise BadArtifact("damaged", "the BOM inside does not say how it was put there")
    return Placement(prefix, cast("HeaderFormat", form))


def sealing_placement(document: Mapping[str, object], format_name: str) -> Placement:
    """`placement` for `seal`, where a document that doesn't say is the caller's error."""
    try:
        return placement(document, format_name)
    except BadArtifact as error:
        raise BomError(f"this BOM can't be put into this artifact: {error.reason}") from error


def check_place(place: Placement) -> Placement:
    """The same, if our entries fit there. Raises CannotSeal."""
    try:
        encode_head(place.prefix + BUNDLE_ENTRY, 0, place.form)
    except ValueError as error:
        # UnicodeEncodeError is one too: a top directory whose name isn't UTF-8
        raise CannotSeal(f"its top directory's name leaves no room for the BOM: {error}") from error
    return place


def read_front(read: Callable[[int], bytes]) -> Front:
    """The envelope in front of a tar, and whether it is written as we write it.

    Raises BadArtifact: `no-seal` where the first entry is not ours, `oversized`, `truncated`,
    `damaged`.
    """
    recorded = _Recorder(read)
    member = _first(recorded)
    prefix = member.name[: -len(BOM_ENTRY)]
    head = recorded.restart()
    form = header_format(head[:BLOCK])
    bom, exact = _content(recorded, member, _encoded(member, form) == head)
    size = recorded.taken
    second = _second(recorded, prefix)
    if second is None:
        return Front(Envelope(bom), prefix, form, exact, size, recorded.restart())
    exact = exact and _encoded(second, form) == recorded.restart()
    bundle, exact = _content(recorded, second, exact, taken=len(bom))
    size = recorded.taken
    return Front(Envelope(bom, bundle), prefix, form, exact, size, recorded.read(BLOCK))


def findings_of(front: Front, place: Placement) -> Iterator[Finding]:
    """Where the blocks in front differ from what `seal` writes for this envelope and place."""
    if not front.exact or front.form != place.form:
        yield Finding(
            MISMATCH,
            "the BOM's entries are not written as they were when the artifact was sealed",
            where=f"bytes 0 to {front.size}",
        )
    if front.prefix != place.prefix:
        yield Finding(
            MISMATCH,
            "the BOM stands under another directory than its signed text says",
            expected=place.prefix + BOM_ENTRY,
            found=front.prefix + BOM_ENTRY,
        )
    built_form = front.built_form or place.form
    if built_form != place.form:
        yield Finding(
            MISMATCH,
            "the entries after the BOM are in another tar format than its signed text says",
            expected=place.form,
            found=built_form,
        )


def is_own(name: str) -> bool:
    """Whether an entry's name is one under which an envelope can stand."""
    for entry in (BOM_ENTRY, BUNDLE_ENTRY):
        if name.endswith(entry):
            head = name[: -len(entry)]
            return not head or (head.endswith("/") and head.count("/") == 1)
    return False


def _entries(envelope: Envelope) -> Iterator[tuple[str, bytes]]:
    yield BOM_ENTRY, envelope.bom
    if envelope.bundle:
        yield BUNDLE_ENTRY, envelope.bundle


class _Recorder:
    """Reads on, and keeps the headers that were read, to compare or to give back."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._kept = bytearray()
        self.taken = 0

    def read(self, size: int) -> bytes:
        data = self.unkept(size)
        self._kept += data
        return data

    def unkept(self, size: int) -> bytes:
        data = self._read(size)
        self.taken += len(data)
        return data

    def restart(self) -> bytes:
        kept = bytes(self._kept)
        self._kept.clear()
        return kept


def _first(recorded: _Recorder) -> TarMember:
    member = next_member(recorded.read, _HEADERS_LIMIT)
    if member is None or not (is_own(member.name) and member.name.endswith(BOM_ENTRY)):
        raise BadArtifact("no-seal", "there is no BOM inside the artifact")
    return member


def _second(recorded: _Recorder, prefix: str) -> TarMember | None:
    """The bundle's member, if that comes next; what was read is in the record."""
    try:
        member = next_member(recorded.read, _HEADERS_LIMIT)
    except BadArtifact:
        return None  # then these are the built bytes, and their digest tells
    return member if member is not None and member.name == prefix + BUNDLE_ENTRY else None


def _encoded(member: TarMember, form: HeaderFormat) -> bytes:
    """What we would have written for this member, b"" where that can't be."""
    try:
        return encode_head(member.name, member.size, form)
    except ValueError:
        return b""


def _content(
    recorded: _Recorder, member: TarMember, exact: bool, taken: int = 0
) -> tuple[bytes, bool]:
    """A member's content, and whether it is still all as we write it, padding included.

    `taken`: bytes of the envelope that came before.
    """
    if member.size + taken > ENVELOPE_LIMIT:
        raise BadArtifact(
            "oversized",
            "the BOM inside the artifact is larger than any that is put there",
            expected=f"at most {ENVELOPE_LIMIT} bytes",
            found=f"{member.size + taken} bytes",
        )
    content = recorded.unkept(member.size)
    pad = recorded.unkept(-member.size % BLOCK)
    if len(content) < member.size or len(pad) < -member.size % BLOCK:
        raise BadArtifact("truncated", "the artifact ends inside the BOM that it carries")
    # An empty bundle is never written: there would be two ways to say that there is none.
    return content, exact and pad == padding(member.size) and bool(content)
