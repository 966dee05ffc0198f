"""Gzip streams in their normal form."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pytest

from bom.archive.decompress import PIECE
from bom.errors import CannotNormalise
from bom.normalise import Change, deflate

if TYPE_CHECKING:
    from tests.normalise.conftest import Lab


def test_a_gzip_stream_has_no_time_no_name_and_its_content(lab: Lab) -> None:
    out = io.BytesIO()
    with gzip.GzipFile("/home/joe/data.json", "wb", 1, out) as stream:
        stream.write(b"{}" * 1_000)
    result = lab.bytes_of(out.getvalue(), "data.json.gz")
    assert result[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert gzip.decompress(result) == b"{}" * 1_000
    assert lab.changes == (Change("compression"), Change("headers", "", 1))


@pytest.mark.parametrize(
    ("built", "reason"),
    [
        (gzip.compress(b"a") * 2, "more follows after its first gzip member"),
        (gzip.compress(b"a") + b"\0", "more follows after its first gzip member"),
        (
            b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\4\0BC\0\0" + gzip.compress(b"a")[10:],
            "extra field",
        ),
        (gzip.compress(b"a" * 99)[:-9], "ends early"),
        (gzip.compress(b"a" * 99)[:-5] + b"wrong", "can't be decompressed"),
    ],
    ids=["members", "padding", "extra", "cut", "trailer"],
)
def test_what_is_not_one_sound_gzip_member_is_refused(lab: Lab, built: bytes, reason: str) -> None:
    assert reason in lab.refusal(built, "x.gz").reason


def test_the_compressed_data_do_not_depend_on_the_pieces_that_are_fed() -> None:
    data = b"".join(b"line %d of it\n" % (number % 997) for number in range(60_000))
    whole = b"".join(deflate.deflated([data]))
    for size in (1, 7, 4_096, PIECE // 4 + 1):
        parts = [data[at : at + size] for at in range(0, 300_000, size)]
        rest = data[sum(map(len, parts)) :]
        assert b"".join(deflate.deflated([*parts, rest])) == whole


def test_another_compressor_normalises_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "LEVEL", 5)
    deflate._require_known.cache_clear()
    try:
        refused = lab.refusal(gzip.compress(b"a"), "x.gz")
    finally:
        deflate._require_known.cache_clear()
    assert isinstance(refused, CannotNormalise)
    assert "zlib-ng" in refused.reason and "requirements.lock" in refused.hint
