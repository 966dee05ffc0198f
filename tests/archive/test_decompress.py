"""Compressed streams give back what went in, whatever the pieces, and end in words otherwise."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.archive import decompress
from bom.errors import BadArtifact

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
FORMS = sorted(PACK)
TEXT = b"".join(b"line %d\n" % number for number in range(60_000))


def unpacked(packed: bytes, size: int) -> bytes:
    out: list[bytes] = []
    stream = decompress.stream(decompress.form_of(packed), out.append)
    for start in range(0, len(packed), size):
        stream.feed(packed[start : start + size])
    stream.close()
    assert all(0 < len(piece) <= decompress.PIECE for piece in out)
    return b"".join(out)


@pytest.mark.parametrize("form", FORMS)
@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_went_in_comes_out_whatever_the_pieces(form: str, data: bytes, size: int) -> None:
    packed = PACK[form](data)
    assert decompress.form_of(packed) == form
    assert unpacked(packed, size) == data


@pytest.mark.parametrize("form", FORMS)
def test_several_streams_behind_each_other_are_one(form: str) -> None:
    packed = PACK[form](TEXT) + PACK[form](b"") + PACK[form](b"end")
    for size in (1000, 100_000, len(packed)):
        assert unpacked(packed, size) == TEXT + b"end"


def test_frames_without_content_are_passed_over() -> None:
    """zstd:chunked writes its table of contents into one."""
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    assert unpacked(skipped + zstd.compress(b"a") + skipped, 3) == b"a"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [1, 9, 200])
def test_a_stream_that_ends_early_is_truncated(form: str, cut: int) -> None:
    with pytest.raises(BadArtifact) as caught:
        unpacked(PACK[form](TEXT)[:-cut], 4096)
    assert caught.value.code in ("truncated", "damaged")
    assert form in caught.value.reason


@pytest.mark.parametrize("form", FORMS)
@given(st.data())
def test_a_damaged_stream_gives_an_error_in_words_or_other_bytes(
    form: str, data: st.DataObject
) -> None:
    packed = bytearray(PACK[form](TEXT[:4000]))
    place = data.draw(st.integers(6, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    try:
        unpacked(bytes(packed), data.draw(st.integers(1, 5000)))
    except BadArtifact as error:
        assert error.code in ("damaged", "truncated", "oversized")


def test_little_that_becomes_very_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompress, "_UNSUSPICIOUS", 1 << 20)
    bomb = zstd.compress(bytes(2 << 30))
    total = 0

    def count(piece: bytes) -> None:
        nonlocal total
        total += len(piece)

    stream = decompress.stream("zstd", count)
    with pytest.raises(BadArtifact, match="attack") as caught:
        stream.feed(bomb)
    assert caught.value.code == "oversized"
    assert total < 2 << 30


def test_a_window_that_would_take_gigabytes_is_refused() -> None:
    wide: dict[int, int] = {
        zstd.CompressionParameter.window_log: 30,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    engine = zstd.ZstdCompressor(options=wide)
    packed = engine.compress(TEXT[:1000]) + engine.flush()
    with pytest.raises(BadArtifact, match="zstd data can't be decompressed"):
        unpacked(packed, 1000)
