"""A layer's entries are the same however its bytes come: files that are at hand as a whole take a
short way, all others the long one."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bom.archive.hashing import HashingThread
from bom.archive.layer import Kept, LayerEntry, LayerWalk, Take
from bom.archive.tar_header import HeaderDecoder, plain_file
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Mapping


class Everything:
    """Wants what is named `want`, takes something of what begins with `take`, compares `usr/`."""

    def wants(self, path: str) -> bool:
        return path.endswith("want")

    def extracts(self, path: str, executable: bool) -> bool:
        return executable or path.endswith("take")

    def extractor(self, path: str, executable: bool, head: bytes) -> Take | None:
        return _first_bytes if head.startswith(b"take") else None

    def compares(self, path: str) -> bool:
        return path.startswith("usr/")

    def settles(self, path: str) -> tuple[str, ...] | None:
        return {"settles-md5": ("md5",), "settles-sha1": ("sha1",), "settles-none": ()}.get(path)


def _first_bytes(content: object) -> Mapping[str, bytes]:
    assert isinstance(content, bytes)
    return {"first": content[:10], "size": b"%d" % len(content)}


def walked(archive: bytes, piece: int) -> tuple[list[LayerEntry], Kept] | str:
    kept = Kept(Everything())
    hashing = HashingThread()
    walk = LayerWalk(kept, hashing)
    try:
        for start in range(0, len(archive), piece):
            walk.feed(archive[start : start + piece])
        walk.close()
        hashing.settle()
        return walk.settled(), kept
    except BadArtifact as error:
        return str(error)
    finally:
        hashing.close()


names = st.sampled_from(
    ["usr/a", "usr/lib/want", "b/take", "c", "./d", "x" * 120, "usr/ü", "e/../f", "srv/want", "g/"]
)
contents = st.sampled_from([b"", b"x", b"take this", b"take" + b"y" * 5000, b"z" * 1_100_000])
members = st.tuples(names, contents, st.sampled_from([0o644, 0o755, 0o4711]))
forms = st.sampled_from([tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])


def packed(entries: list[tuple[str, bytes, int]], form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content, mode in entries:
            member = tarfile.TarInfo(name)
            if form == tarfile.USTAR_FORMAT and len(name) > 100:
                member.name = name[:100]
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.lists(members, max_size=8), forms, st.sampled_from([512, 4096, 100_000]))
def test_entries_are_the_same_however_the_layer_comes(
    entries: list[tuple[str, bytes, int]], form: int, piece: int
) -> None:
    archive = packed(entries, form)
    whole, in_pieces = walked(archive, len(archive)), walked(archive, piece)
    assert not isinstance(whole, str)
    assert not isinstance(in_pieces, str)
    assert whole[0] == in_pieces[0]
    assert whole[1].contents == in_pieces[1].contents
    assert whole[1].extracts == in_pieces[1].extracts


@pytest.mark.parametrize("place", [*range(0, 512, 3), 512, 1024])
def test_a_changed_byte_in_a_header_is_read_the_same_way_both_ways(place: int) -> None:
    archive = bytearray(packed([("usr/a", b"content", 0o644), ("c", b"x", 0o755)], 1))
    archive[place] ^= 0x11
    whole, in_pieces = walked(bytes(archive), len(archive)), walked(bytes(archive), 512)
    if isinstance(whole, str) or isinstance(in_pieces, str):
        assert whole == in_pieces
    else:
        assert whole[0] == in_pieces[0]


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=0, max_size=40), st.integers(0, 511), st.binary(min_size=1, max_size=12))
def test_what_the_short_way_reads_of_a_header_the_decoder_reads_too(
    name: bytes, place: int, patch: bytes
) -> None:
    block = bytearray(tarfile.TarInfo("name").tobuf(tarfile.GNU_FORMAT))
    block[: len(name)] = name
    block[place : place + len(patch)] = patch
    block = block[:512]
    total = sum(block) - sum(block[148:156]) + 8 * 0x20
    block[148:156] = b"%06o\0 " % (total & 0o777777)
    short = plain_file(bytes(block))
    if short is not None:
        member = HeaderDecoder().header(bytes(block), 0)
        assert member is not None
        assert member.is_file
        assert (member.name, member.size, member.mode) == short


def _plain(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
    return out.getvalue()


@pytest.mark.parametrize("piece", [100, 1 << 20])
@pytest.mark.parametrize(
    ("shown", "sizes"),
    [("settles-md5", (36, 16)), ("settles-sha1", (36, 20)), ("settles-none", (36, 0))],
)
def test_both_weak_digests_are_made_until_a_file_shows_which_are_needed(
    shown: str, sizes: tuple[int, int], piece: int
) -> None:
    found = walked(_plain("usr/before", shown, "usr/after", "home/x"), piece)
    assert not isinstance(found, str)
    weak = {entry.path: entry.weak for entry in found[0]}
    assert (len(weak["usr/before"]), len(weak["usr/after"])) == sizes
    assert weak["home/x"] == b""
    assert weak["usr/before"] == hashlib.md5(b"x").digest() + hashlib.sha1(b"x").digest()


def test_an_image_that_shows_nothing_gets_md5_after_some_thousand_entries() -> None:
    found = walked(_plain(*(f"usr/{number}" for number in range(4001))), 1 << 20)
    assert not isinstance(found, str)
    sizes = {entry.path: len(entry.weak) for entry in found[0]}
    assert (sizes["usr/0"], sizes["usr/3998"], sizes["usr/4000"]) == (36, 36, 16)
