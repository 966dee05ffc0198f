"""The seal inside the one member of a gzipped tar, and everything that can be done to it."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import pytest

from bom.archive.gzip import crc32_combine, read_header, stored, stored_head, trailer
from bom.errors import BadArtifact, BomError, CannotSeal, Refused
from bom.model import Envelope
from bom.seal.gzip import GzipFormat
from bom.seal.protocol import ENVELOPE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat, Unsealed

    class Need(Protocol):
        def __call__(self, tool: str) -> str: ...


GZ = GzipFormat()
Entry = tuple[str, bytes]


class TarLab(Protocol):
    """The fixture of conftest.py, as its users see it."""

    files: tuple[Entry, ...]
    folder: Path

    def tar(self, files: Sequence[Entry] | None = None, form: int = ...) -> bytes: ...
    def gz(self, data: bytes | None = None, level: int = ...) -> bytes: ...
    def write(self, data: bytes, name: str = ...) -> Path: ...
    def envelope(self, path: Path, *, bundle: bytes = ...) -> Envelope: ...
    def seal(self, path: Path, *, bundle: bytes = ...) -> Path: ...
    def unseal(self, form: ArtifactFormat, data: bytes) -> tuple[Unsealed, bytes]: ...
    def codes(self, form: ArtifactFormat, envelope: Envelope, data: bytes) -> list[str]: ...


def _member(content: bytes, flags: int = 0, extra: bytes = b"") -> bytes:
    """A gzip member by hand, to give its header whatever RFC 1952 allows."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\1\2\3\4\0\xff" + extra
    if flags & 2:
        head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = engine.compress(content) + engine.flush()
    return head + data + trailer(zlib.crc32(content), len(content))


@pytest.mark.parametrize("level", range(10))
def test_the_built_bytes_come_back_bit_for_bit(lab: TarLab, level: int) -> None:
    built = lab.gz(level=level)
    path = lab.write(built, "hello.tar.gz")
    sealed = lab.seal(path).read_bytes()
    unsealed, back = lab.unseal(GZ, sealed)
    assert back == built
    assert unsealed.findings == ()
    assert unsealed.envelope == lab.envelope(path) == GZ.read(lab.seal(path))
    assert GZ.read(path) is None


def test_the_sealed_file_is_one_member_whose_content_is_envelope_and_built_tar(
    lab: TarLab,
) -> None:
    sealed = lab.seal(lab.write(lab.gz(), "hello.tar.gz")).read_bytes()
    engine = zlib.decompressobj(wbits=31)
    content = engine.decompress(sealed)
    assert engine.eof and engine.unused_data == b""
    assert content.endswith(lab.tar())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == [
            "hello-1.0/.bom/bom.cdx.json",
            "hello-1.0/.bom/bom.cdx.json.sigstore.json",
            *(name for name, _ in lab.files),
        ]


def test_what_gnu_gzip_writes_is_sealed_and_read(lab: TarLab, need: Need) -> None:
    tool = need("gzip")
    for level in ("-1", "-6", "-9"):
        plain = lab.write(lab.tar(), "hello.tar")
        subprocess.run([tool, level, "-f", "-k", plain], check=True)
        path = lab.folder / "hello.tar.gz"
        sealed = lab.seal(path)
        assert lab.codes(GZ, lab.envelope(path), sealed.read_bytes()) == []
        subprocess.run([tool, "-t", sealed], check=True)
        unpacked = subprocess.run([tool, "-dc", sealed], check=True, capture_output=True).stdout
        assert unpacked.endswith(plain.read_bytes())


def test_every_optional_part_of_a_header_stays_as_it_is(lab: TarLab) -> None:
    for flags, extra in ((2, b""), (8, b"a.tar\0"), (16, b"\xe9\0"), (27, b"name\0comment\0")):
        built = _member(lab.tar(), flags, extra)
        path = lab.write(built, "hello.tar.gz")
        sealed = lab.seal(path).read_bytes()
        assert sealed.startswith(read_header(io.BytesIO(built).read))
        assert gzip.decompress(sealed).endswith(lab.tar())
        assert lab.codes(GZ, lab.envelope(path), sealed) == []


@pytest.mark.parametrize("bundle", [0, 65_535, 200_000, 700_000])
def test_an_envelope_of_many_blocks_is_read_back(lab: TarLab, bundle: int) -> None:
    path = lab.write(lab.gz(), "hello.tar.gz")
    envelope = lab.envelope(path, bundle=os.urandom(bundle))
    out = lab.folder / "out.tar.gz"
    GZ.seal(path, envelope, out)
    unsealed, back = lab.unseal(GZ, out.read_bytes())
    assert (unsealed.envelope, unsealed.findings, back) == (envelope, (), path.read_bytes())
    assert gzip.decompress(out.read_bytes()).endswith(lab.tar())


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 131_070])
def test_stored_blocks_inflate_to_what_was_put_in_and_the_last_is_never_full(size: int) -> None:
    data = os.urandom(size)
    blocks = list(stored(data))
    assert 0 <= len(blocks[-1]) < 65_535
    final = b"\1" + stored_head(0)[1:]
    assert zlib.decompress(b"".join((*blocks, final)), -15) == data


def test_every_changed_byte_is_found(lab: TarLab) -> None:
    for level in (0, 9):
        path = lab.write(lab.gz(lab.tar()[: 512 * 8], level), "hello.tar.gz")
        sealed = bytearray(lab.seal(path).read_bytes())
        envelope = lab.envelope(path)
        assert lab.codes(GZ, envelope, bytes(sealed)) == []
        for position, byte in enumerate(sealed):
            for changed in {byte ^ 0x01, byte ^ 0x80, 0} - {byte}:
                sealed[position] = changed
                assert lab.codes(GZ, envelope, bytes(sealed)), (position, changed)
            sealed[position] = byte


def test_every_truncation_is_found(lab: TarLab) -> None:
    path = lab.write(lab.gz(), "hello.tar.gz")
    sealed = lab.seal(path).read_bytes()
    envelope = lab.envelope(path)
    for size in range(len(sealed)):
        assert lab.codes(GZ, envelope, sealed[:size]), size


def _parts(sealed: bytes, built: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, our blocks, the original deflate data, trailer."""
    deflated = built[10:-8]
    start = len(sealed) - 8 - len(deflated)
    return sealed[:10], sealed[10:start], deflated, sealed[-8:]


def _rejoined(head: bytes, front: bytes, deflated: bytes) -> bytes:
    """With a trailer that fits, as an attacker would write it."""
    content = zlib.decompressobj(-15).decompress(front + deflated)
    return head + front + deflated + trailer(zlib.crc32(content), len(content))


def _respelled(front: bytes) -> bytes:
    """The same content in stored blocks of another length."""
    content = zlib.decompressobj(-15).decompress(front)
    half = len(content) // 2
    return b"".join(stored_head(len(part)) + part for part in (content[:half], content[half:]))


ATTACKS: dict[str, Callable[[bytes, bytes, bytes, bytes], bytes]] = {
    "an empty stored block more": lambda h, f, d, t: h + f + stored_head(0) + d + t,
    "an entry between": lambda h, f, d, t: _rejoined(h, f, stored_head(512) + bytes(512) + d),
    "blocks of another length": lambda h, f, d, t: _rejoined(h, _respelled(f), d),
    "a second member": lambda h, f, d, t: h + f + d + t + gzip.compress(b"x"),
    "an empty second member": lambda h, f, d, t: h + f + d + t + gzip.compress(b""),
    "bytes at the end": lambda h, f, d, t: h + f + d + t + b"\0",
    "another time in the header": lambda h, f, d, t: h[:4] + b"\0\0\0\0" + h[8:] + f + d + t,
    "a name in the header": lambda h, f, d, t: h[:3] + b"\x08" + h[4:] + b"x\0" + f + d + t,
    "another operating system": lambda h, f, d, t: h[:9] + b"\x07" + f + d + t,
    "other padding bits of a stored block": lambda h, f, d, t: h + b"\x08" + f[1:] + d + t,
    "the envelope twice": lambda h, f, d, t: _rejoined(h, f + f, d),
    "a wrong trailer": lambda h, f, d, t: h + f + d + bytes(8),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_nothing_stands_before_between_or_behind(
    lab: TarLab, attack: Callable[[bytes, bytes, bytes, bytes], bytes]
) -> None:
    built = lab.gz()
    path = lab.write(built, "hello.tar.gz")
    bent = attack(*_parts(lab.seal(path).read_bytes(), built))
    assert lab.codes(GZ, lab.envelope(path), bent)


def test_a_swapped_bom_is_found(lab: TarLab) -> None:
    one = lab.write(lab.gz(), "one.tar.gz")
    two = lab.write(lab.gz(lab.tar([("hello-1.0/other", b"x" * 99)])), "two.tar.gz")
    head, front, _, _ = _parts(lab.seal(two).read_bytes(), two.read_bytes())
    bent = _rejoined(head, front, one.read_bytes()[10:-8])
    assert "subject" in lab.codes(GZ, lab.envelope(two), bent)
    with pytest.raises(BomError):
        GZ.seal(one, lab.envelope(two), lab.folder / "out.tar.gz")


def _unsealable(lab: TarLab) -> dict[str, bytes]:
    tar = lab.tar()
    return {
        "two members": lab.gz() + lab.gz(),
        "an empty member behind": lab.gz() + gzip.compress(b""),
        "trailing zeros": lab.gz() + bytes(10),
        "trailing bytes": lab.gz() + b"x",
        "no tar inside": gzip.compress(b"hello" * 1000),
        "an empty tar inside": gzip.compress(bytes(10240)),
        "something after the tar": gzip.compress(tar + b"x"),
        "a wrong checksum": lab.gz()[:-8] + bytes(8),
        "an extra field": _member(tar, 4, b"\4\0AB\0\0"),
        "a reserved flag": _member(tar, 0x20),
        "truncated": lab.gz()[:-9],
        "its own .bom": lab.gz(lab.tar([("a/.bom/x", b""), ("a/b", b"")])),
    }


def test_what_cannot_be_sealed_strictly_is_not_sealed(lab: TarLab) -> None:
    for name, data in _unsealable(lab).items():
        with pytest.raises(CannotSeal):
            GZ.parameters(lab.write(data, "x.tar.gz"))
            pytest.fail(name)


def test_a_bomb_is_inflated_in_pieces(lab: TarLab) -> None:
    import tracemalloc

    head = lab.tar([("big", b"")])[:512]
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = engine.compress(head)
    for _ in range(80):
        data += engine.compress(bytes(1 << 20))
    path = lab.write(data + engine.flush(), "bomb.tar.gz")
    tracemalloc.start()
    GZ.parameters(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_verifying_inflates_nothing(lab: TarLab, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lab.write(lab.gz(), "hello.tar.gz")
    envelope, sealed = lab.envelope(path), lab.seal(path).read_bytes()

    def refuse(*_arguments: object, **_options: object) -> object:
        raise AssertionError("inflated")

    monkeypatch.setattr(zlib, "decompressobj", refuse)
    assert lab.codes(GZ, envelope, sealed) == []


def test_damage_to_deflate_data_says_where_inflating_stops(lab: TarLab) -> None:
    files = [(f"hello-1.0/{number}", os.urandom(9000).hex().encode()) for number in range(40)]
    path = lab.write(lab.gz(lab.tar(files)), "hello.tar.gz")
    sealed = lab.seal(path)
    document = json.loads(lab.envelope(path).bom)
    data = bytearray(sealed.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    sealed.write_bytes(data)
    findings = GZ.damage(sealed, document)
    assert findings
    # Either a member is told apart, or the inflater stops; never is one before it accused.
    named = [int(found.where.split("/")[1]) for found in findings if "/" in found.where]
    assert all(number >= 15 for number in named)


def test_an_endless_envelope_is_refused(lab: TarLab) -> None:
    block = stored_head(65_535) + b".bom/bom.cdx.json".ljust(65_535, b"\0")

    class Endless(io.RawIOBase):
        """A gzip header, then full stored blocks without an end."""

        pending = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        given = 0

        def read(self, size: int = -1) -> bytes:
            while len(self.pending) < size:
                self.pending += block
            piece, self.pending = self.pending[:size], self.pending[size:]
            self.given += len(piece)
            return piece

    source = Endless()
    with pytest.raises(BadArtifact) as caught:
        GZ.unseal(cast("BinaryIO", source), lambda piece: None)
    assert caught.value.code == "oversized"
    assert source.given < ENVELOPE_LIMIT + (1 << 20)


def test_an_envelope_beyond_the_limit_is_not_sealed(lab: TarLab) -> None:
    path = lab.write(lab.gz(), "hello.tar.gz")
    with pytest.raises(Refused):
        GZ.seal(
            path,
            Envelope(lab.envelope(path).bom, bytes(ENVELOPE_LIMIT)),
            lab.folder / "out.tar.gz",
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bom-seal:seal:gzip-header", "zz"),
        ("bom-seal:seal:gzip-trailer", "00"),
        ("bom-seal:seal:gzip-size", "-1"),
        ("bom-seal:seal:gzip-size", "many"),
        ("bom-seal:seal:tar-format", "cpio"),
        ("bom-seal:seal", "tar"),
    ],
)
def test_a_document_that_states_nonsense_is_damaged(lab: TarLab, name: str, value: str) -> None:
    path = lab.write(lab.gz(), "hello.tar.gz")
    document = json.loads(lab.envelope(path).bom)
    good = document["metadata"]["component"]["properties"]
    bad = [row if row["name"] != name else {"name": name, "value": value} for row in good]
    document["metadata"]["component"]["properties"] = bad
    head, _, deflated, _ = _parts(lab.seal(path).read_bytes(), path.read_bytes())
    other = lab.folder / "front.tar.gz"
    GZ.seal(path, lab.envelope(path), other)
    from bom.seal._front import Placement, encode

    front = b"".join(
        encode(Envelope(json.dumps(document).encode()), Placement("hello-1.0/", "gnu"))
    )
    bent = _rejoined(head, b"".join(stored(front)), deflated)
    with pytest.raises(BadArtifact) as caught:
        lab.unseal(GZ, bent)
    assert caught.value.code == "damaged"


def test_damage_names_the_member(lab: TarLab) -> None:
    path = lab.write(lab.gz(level=0), "hello.tar.gz")
    sealed = lab.seal(path)
    document = json.loads(lab.envelope(path).bom)
    assert GZ.damage(sealed, document) == ()
    sealed.write_bytes(sealed.read_bytes().replace(b"print('hello')", b"print('hullo')", 1))
    # The content is told apart before the member's checksum is seen to be wrong.
    member, whole = GZ.damage(sealed, document)
    assert member.where == "hello-1.0/src/hello.py"
    assert "trailer" in whole.message


@pytest.mark.parametrize("sizes", [(0, 0), (1, 0), (0, 1), (3, 7), (65_536, 100_001)])
def test_combined_checksums_are_those_of_the_joined_bytes(sizes: tuple[int, int]) -> None:
    one, two = os.urandom(sizes[0]), os.urandom(sizes[1])
    joined = crc32_combine(zlib.crc32(one), zlib.crc32(two), len(two))
    assert joined == zlib.crc32(one + two)


def test_combining_takes_lengths_beyond_four_gigabytes() -> None:
    # Zeros by squaring: crc(a + a) from crc(a), 33 times over, against appending in two halves.
    crc, size = zlib.crc32(b"\0"), 1
    for _ in range(33):
        crc, size = crc32_combine(crc, crc, size), size * 2
    half = zlib.crc32(b"\0")
    for _ in range(32):
        half = crc32_combine(half, half, 1 << _)
    assert size == 1 << 33
    assert crc32_combine(half, half, 1 << 32) == crc
    assert crc32_combine(0x12345678, crc, size) != crc32_combine(0x12345678, crc, size % (1 << 32))


def test_only_gzipped_tars_are_recognised(lab: TarLab) -> None:
    for level in (0, 1, 9):
        assert GZ.recognises(lab.gz(level=level)[:1024], "anything")
    for head in (b"", b"\x1f\x8b", gzip.compress(b"x" * 5000), lab.tar()[:1024], os.urandom(1024)):
        assert not GZ.recognises(head, "x.tar.gz")
