"""The laws that the seals of tars keep, over tars that tarfile and zlib make of anything."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import tempfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from hypothesis import assume, given
from hypothesis import strategies as st

from bom.archive.gzip import crc32_combine, read_header
from bom.archive.tar import TarMember, TarPush, TarWalk
from bom.errors import BadArtifact, CannotSeal
from bom.model import Envelope
from bom.seal.gzip import GzipFormat
from bom.seal.tar import TarFormat

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT)
TAR, GZ = TarFormat(), GzipFormat()
Format = TarFormat | GzipFormat

PART = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=30,
)
NAME = st.lists(PART, min_size=1, max_size=6).map("/".join)
TYPE = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
ENTRY = st.tuples(NAME, TYPE, st.binary(max_size=1500), st.integers(0, 0o7777))


@st.composite
def tars(draw: st.DrawFn) -> bytes:
    """Any entries that tarfile can write in one of its formats, half of them under one top."""
    form = draw(st.sampled_from(FORMATS))
    top = draw(st.sampled_from(["", "top/", "./", "tøp-1.0/"]))
    out = io.BytesIO()
    try:
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name, kind, content, mode in draw(st.lists(ENTRY, min_size=1, max_size=6)):
                row = tarfile.TarInfo(top + name)
                row.type, row.mode = kind, mode
                row.size = len(content) if kind == tarfile.REGTYPE else 0
                row.linkname = name if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
                row.uname = draw(st.sampled_from(["", "builder"]))
                archive.addfile(row, io.BytesIO(content))
    except ValueError:  # a name too long for ustar
        assume(False)
    return out.getvalue()


@st.composite
def gzips(draw: st.DrawFn) -> bytes:
    """A tar in one gzip member of any level, strategy and window."""
    engine = zlib.compressobj(
        draw(st.integers(0, 9)),
        zlib.DEFLATED,
        16 + draw(st.integers(9, 15)),
        draw(st.integers(1, 9)),
        draw(st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY])),
    )
    content = draw(tars())
    cut = draw(st.integers(0, len(content)))
    flush = draw(st.sampled_from([zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]))
    parts = (engine.compress(content[:cut]), engine.flush(flush), engine.compress(content[cut:]))
    return b"".join((*parts, engine.flush()))


def _envelope(form: Format, path: Path, bundle: bytes) -> Envelope:
    try:
        parameters = form.parameters(path)
    except CannotSeal:
        assume(False)
        raise
    properties = [{"name": item.name, "value": item.value} for item in parameters]
    return Envelope(
        json.dumps({"metadata": {"component": {"properties": properties}}}).encode(), bundle
    )


def _seal(form: Format, built: bytes, bundle: bytes) -> tuple[Envelope, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "built"), Path(folder, "out")
        path.write_bytes(built)
        envelope = _envelope(form, path, bundle)
        form.seal(path, envelope, out)
        return envelope, out.read_bytes()


def _holds(form: Format, built: bytes, bundle: bytes) -> None:
    envelope, sealed = _seal(form, built, bundle)
    back = bytearray()
    unsealed = form.unseal(io.BytesIO(sealed), back.extend)
    assert bytes(back) == built
    assert unsealed.envelope == envelope
    assert unsealed.findings == ()
    assert _seal(form, bytes(back), bundle)[1] == sealed


@given(tars(), st.binary(max_size=2000))
def test_stripping_a_sealed_tar_gives_the_tar(built: bytes, bundle: bytes) -> None:
    _holds(TAR, built, bundle)


@given(gzips(), st.binary(max_size=2000))
def test_stripping_a_sealed_gzip_gives_the_gzip(built: bytes, bundle: bytes) -> None:
    _holds(GZ, built, bundle)


@given(gzips(), st.binary(max_size=200))
def test_a_sealed_gzip_holds_what_a_sealed_tar_holds(built: bytes, bundle: bytes) -> None:
    _, sealed = _seal(GZ, built, bundle)
    engine = zlib.decompressobj(wbits=31)
    content = engine.decompress(sealed)
    assert engine.eof
    assert engine.unused_data == b""
    assert content.endswith(zlib.decompress(built, 31))
    head = read_header(io.BytesIO(built).read)
    assert sealed.startswith(head)


@given(tars(), st.data())
def test_any_other_bytes_are_found(built: bytes, data: st.DataObject) -> None:
    _any_change(TAR, built, data)


@given(gzips(), st.data())
def test_any_other_bytes_of_a_gzip_are_found(built: bytes, data: st.DataObject) -> None:
    _any_change(GZ, built, data)


def _any_change(form: Format, built: bytes, data: st.DataObject) -> None:
    """A range of the sealed file is replaced by anything: cut, grown, swapped or flipped."""
    envelope, sealed = _seal(form, built, b"bundle")
    start = data.draw(st.integers(0, len(sealed)))
    end = data.draw(st.integers(start, min(len(sealed), start + 700)))
    bent = sealed[:start] + data.draw(st.binary(max_size=600)) + sealed[end:]
    assume(bent != sealed)
    back = bytearray()
    try:
        unsealed = form.unseal(io.BytesIO(bent), back.extend)
    except BadArtifact:
        return
    assert unsealed.findings or unsealed.envelope != envelope or bytes(back) != built


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_without_another_error(data: bytes) -> None:
    for form in (TAR, GZ):
        for source in (data, b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + data):
            form.recognises(source[:1024], "x.tar")
            try:
                form.unseal(io.BytesIO(source), lambda piece: None)
            except BadArtifact:
                continue


Row = tuple[str, str, int, int, str, str]


def _expected(data: bytes) -> list[Row]:
    rows = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for row in archive:
            file = archive.extractfile(row) if row.isreg() else None
            content = file.read() if file else b""
            link = row.linkname if row.islnk() or row.issym() else ""
            digest = sha256(content).hexdigest()
            rows.append((row.name, row.type.decode(), len(content), row.mode, link, digest))
    return rows


def _row(member: TarMember, digest: str) -> Row:
    return (
        member.name.rstrip("/"),
        member.type,
        member.size,
        member.mode,
        member.linkname,
        digest,
    )


@given(tars(), st.integers(1, 3000))
def test_a_pushed_tar_has_the_members_that_tarfile_sees(data: bytes, step: int) -> None:
    rows: list[Row] = []
    state = sha256()

    def begin(member: TarMember) -> Callable[[memoryview], object]:
        nonlocal state
        state = sha256()
        return state.update

    push = TarPush(begin, lambda member: rows.append(_row(member, state.hexdigest())))
    for start in range(0, len(data), step):
        push.feed(data[start : start + step])
    push.close()
    assert rows == _expected(data)
    assert push.members == len(rows)
    assert push.trailing == -1


@given(tars())
def test_a_walked_tar_has_the_members_that_a_pushed_one_has(data: bytes) -> None:
    pushed: list[TarMember] = []
    push = TarPush(lambda member: pushed.append(member))
    push.feed(data)
    push.close()
    walk = TarWalk(cast("BinaryIO", io.BytesIO(data)))
    assert list(walk) == pushed
    assert (walk.first, walk.end, walk.trailing_byte()) == (push.first, push.end, push.trailing)


@given(tars(), st.data())
def test_a_bent_tar_is_read_without_another_error(data: bytes, bend: st.DataObject) -> None:
    bent = bytearray(data)
    for _ in range(bend.draw(st.integers(1, 4))):
        bent[bend.draw(st.integers(0, len(bent) - 1))] = bend.draw(st.integers(0, 255))
    try:
        push = TarPush(lambda member: None)
        push.feed(bent)
        push.close()
    except BadArtifact:
        pass
    with contextlib.suppress(BadArtifact):
        list(TarWalk(cast("BinaryIO", io.BytesIO(bent))))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_combine_to_those_of_the_joined_bytes(one: bytes, two: bytes) -> None:
    joined = crc32_combine(zlib.crc32(one), zlib.crc32(two), len(two))
    assert joined == zlib.crc32(one + two)
