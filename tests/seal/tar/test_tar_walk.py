"""Tar headers as archivers in the field write them, and as nobody should."""

from __future__ import annotations

import io
import os
import subprocess
from typing import TYPE_CHECKING, Protocol

import pytest

from bom.archive.tar import TarMember, TarPush, TarWalk, encode_head, next_member, padding
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from pathlib import Path

    class Need(Protocol):
        def __call__(self, tool: str) -> str: ...


def _sign(head: bytearray) -> bytes:
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def header(
    name: str = "a", size: int = 0, kind: bytes = b"0", **fields: tuple[int, bytes]
) -> bytes:
    """A header with some of its fields (offset, bytes) replaced."""
    head = bytearray(encode_head(name, size, "gnu"))
    head[156:157] = kind
    for start, value in fields.values():
        head[start : start + len(value)] = value
    return _sign(head)


def extension(kind: bytes, payload: bytes) -> bytes:
    return header("x", len(payload), kind) + payload + padding(len(payload))


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


END = bytes(1024)


def members(data: bytes, step: int = 1 << 20) -> list[TarMember]:
    found: list[TarMember] = []
    push = TarPush(lambda member: found.append(member))
    for start in range(0, len(data), step):
        push.feed(data[start : start + step])
    push.close()
    walked = list(TarWalk(io.BytesIO(data)))
    assert walked == found
    return found


def test_a_base_256_size_is_read() -> None:
    data = header(size=0, large=(124, b"\x80" + bytes(9) + b"\2\0")) + bytes(512) + END
    assert members(data)[0].size == 512


def test_sums_of_signed_characters_are_taken() -> None:
    head = bytearray(encode_head("é" * 10, 0, "gnu"))
    head[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in head)
    head[148:156] = b"%06o\0 " % signed
    assert members(bytes(head) + END)[0].name == "é" * 10


def test_long_names_and_links_of_gnu_and_pax_are_put_together() -> None:
    gnu = (
        extension(b"K", b"t" * 300 + b"\0")
        + extension(b"L", b"n" * 200 + b"\0")
        + header(kind=b"2")
    )
    (member,) = members(gnu + END)
    assert (member.name, member.linkname, member.format) == ("n" * 200, "t" * 300, "gnu")
    assert (member.offset, member.data) == (0, len(gnu))
    pax = extension(b"x", record(b"path", b"p" * 5000) + record(b"size", b"3"))
    (member,) = members(pax + header() + b"abc" + bytes(509) + END)
    assert (member.name, member.size, member.format) == ("p" * 5000, 3, "pax")


def test_extensions_split_at_any_byte_are_put_together() -> None:
    data = (
        extension(b"x", record(b"path", b"p" * 700)) + header(size=5) + b"abcde" + bytes(507) + END
    )
    for step in (1, 2, 511, 512, 513):
        assert [member.name for member in members(data, step)] == ["p" * 700]


def test_sparse_members_are_recognised_with_their_stored_size(need: Need, tmp_path: Path) -> None:
    tar = need("tar")
    holes = tmp_path / "holes"
    with holes.open("wb") as file:
        for number in range(40):
            file.seek(number * 1_000_000)
            file.write(b"data")
    after = tmp_path / "z"
    after.write_bytes(b"after")
    for options in (
        ["--format=gnu"],
        ["--format=posix"],
        ["--format=posix", "--sparse-version=0.1"],
    ):
        out = tmp_path / "out.tar"
        subprocess.run([tar, "-S", *options, "-cf", out, "-C", tmp_path, "holes", "z"], check=True)
        first, second = members(out.read_bytes())
        if holes.stat().st_blocks * 512 < 40_000_000:  # where the file system keeps holes
            assert first.sparse
            assert first.size < 1_000_000
        assert (first.name, second.name, second.size) == ("holes", "z", 5)


def test_a_tar_without_an_end_mark_is_read() -> None:
    assert len(members(header())) == 1
    assert len(members(header() + bytes(512))) == 1


DAMAGED: dict[str, bytes] = {
    "a wrong checksum": b"x" * 512,
    "a lone zero block": header() + bytes(512) + header() + END,
    "a size that is no number": header(field=(124, b"0000000009\0\0")) + END,
    "a size with an underscore": header(field=(124, b"1_0\0\0\0\0\0\0\0\0\0")) + END,
    "a size with a sign": header(field=(124, b"-1\0\0\0\0\0\0\0\0\0\0")) + END,
    "a negative base-256 size": header(field=(124, b"\xff" * 12)) + END,
    "a mode that is no number": header(field=(100, b"abcdefg\0")) + END,
    "a gigantic size": header(field=(124, b"\x80" + b"\xff" * 11)) + END,
    "a gigantic long name": header("x", 1 << 40, b"L") + END,
    "a gigantic pax header": header("x", 1 << 30, b"x") + END,
    "a broken pax record": extension(b"x", b"99 path=a\n") + header() + END,
    "a pax record without a length": extension(b"x", b"path=a\n") + header() + END,
    "a pax record of length nought": extension(b"x", b"0 a=b\n") + header() + END,
    "a pax size that is no number": extension(b"x", record(b"size", b"-5")) + header() + END,
    "a pax size of many digits": extension(b"x", record(b"size", b"9" * 5000)) + header() + END,
    "a pax path with a NUL": extension(b"x", record(b"path", b"a\0b")) + header() + END,
    "a global header that renames": extension(b"g", record(b"path", b"a")) + header() + END,
    "a global header that resizes": extension(b"g", record(b"size", b"9")) + header() + END,
    "an extension without a member": extension(b"L", b"name\0") + END,
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_headers_are_told(data: bytes) -> None:
    with pytest.raises(BadArtifact) as pushed:
        push = TarPush(lambda member: None)
        push.feed(data)
        push.close()
    with pytest.raises(BadArtifact) as walked:
        list(TarWalk(io.BytesIO(data)))
    assert pushed.value.code in ("damaged", "truncated")
    assert walked.value.code in ("damaged", "truncated")


def test_every_truncation_inside_a_member_is_told() -> None:
    data = extension(b"x", record(b"path", b"p" * 700)) + header(size=700) + bytes(1024)
    for size in range(1, len(data)):
        with pytest.raises(BadArtifact) as caught:
            members(data[:size])
        assert caught.value.code == "truncated"


def test_bytes_after_the_end_are_pointed_to() -> None:
    data = header() + END + bytes(5000)
    for offset in (1600, 3000, len(data) - 1):
        bent = data[:offset] + b"!" + data[offset + 1 :]
        push = TarPush(lambda member: None)
        for start in range(0, len(bent), 100):
            push.feed(bent[start : start + 100])
        assert push.trailing == offset
        walk = TarWalk(io.BytesIO(bent))
        assert len(list(walk)) == 1
        assert walk.trailing_byte() == offset


def test_a_chain_of_extensions_before_a_member_ends_at_the_limit() -> None:
    chain = io.BytesIO(extension(b"L", b"n\0") * 5000)
    with pytest.raises(BadArtifact):
        next_member(chain.read, 1 << 20)
    assert chain.tell() <= (1 << 20) + 2048


def test_content_reaches_the_sink_whole() -> None:
    content = os.urandom(100_000)
    data = header(size=len(content)) + content + padding(len(content)) + header("skipped") + END
    for step in (1000, 512, 65_536, len(data)):
        got = bytearray()
        ended: list[str] = []
        push = TarPush(
            lambda member, got=got: got.extend if member.name == "a" else None,  # type: ignore[misc]
            lambda member, ended=ended: ended.append(member.name),  # type: ignore[misc]
        )
        for start in range(0, len(data), step):
            push.feed(data[start : start + step])
        push.close()
        assert bytes(got) == content
        assert ended == ["a", "skipped"]


def test_names_are_split_for_ustar_where_posix_says() -> None:
    for name in ("d" * 150 + "/" + "n" * 99, "d" * 155 + "/" + "n" * 100, "a/" + "b" * 99):
        (member,) = members(encode_head(name, 0, "ustar") + END)
        assert member.name == name
    for name in ("d" * 156 + "/n", "n" * 101, "d/" + "n" * 101):
        with pytest.raises(ValueError, match="too long"):
            encode_head(name, 0, "ustar")
    (member,) = members(encode_head("n" * 3000, 0, "gnu") + END)
    assert member.name == "n" * 3000
