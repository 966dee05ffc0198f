"""RFC 8785 against vectors from outside, and every way in which JSON can lie."""

from __future__ import annotations

import enum
import json
import struct
import time
from typing import TYPE_CHECKING

import pytest

from bom.canonical import DEPTH_LIMIT, VALUES_LIMIT, dumps, loads, loads_canonical
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class Need(Protocol):
        def vectors(self, name: str) -> Path: ...


class Big(enum.IntEnum):
    NUMBER = 2**60


CASES = ["arrays", "french", "structures", "unicode", "values", "weird"]


@pytest.mark.parametrize("name", CASES)
def test_the_vectors_of_the_rfc_come_out_byte_for_byte(need: Need, name: str) -> None:
    data = need.vectors("jcs") / "testdata"
    value = json.loads((data / "input" / f"{name}.json").read_bytes())
    expected = (data / "output" / f"{name}.json").read_bytes()
    assert bytes.fromhex((data / "outhex" / f"{name}.txt").read_text()) == expected
    assert dumps(value) == expected


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        # RFC 8785 appendix B
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_spelt_as_ecmascript_spells_them(bits: str, expected: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert dumps(number) == expected.encode()
    assert dumps({"n": [number]}) == b'{"n":[' + expected.encode() + b"]}"


def test_keys_are_sorted_by_utf16_and_not_by_code_point() -> None:
    # U+FB33 is below U+1F600, but above the surrogate 0xD83D that spells it in UTF-16.
    assert dumps({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == (
        '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()
    )


def test_subclasses_are_spelt_as_what_they_are() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    class Count(enum.IntEnum):
        TWO = 2

    assert dumps((Colour.RED, Count.TWO, True, None)) == b'["red",2,true,null]'


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        2**53,
        -(2**53),
        "\ud800",
        {"\udfff": 1},
        {"\udfff": 1e30},
        {1: 2},
        {None: 1, "a": 1},
        b"bytes",
        {"a": {1, 2}},
        Big.NUMBER,
    ],
    ids=ascii,
)
def test_what_json_cannot_say_exactly_is_refused(value: object) -> None:
    with pytest.raises(BomError):
        dumps({"in": [value]})


def test_a_value_nested_too_deep_is_refused() -> None:
    value: object = 1
    for _ in range(DEPTH_LIMIT):
        value = [value]
    assert loads(dumps(value)) == value
    with pytest.raises(BomError, match="nested deeper"):
        dumps([value])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"{} x", "damaged"),
        (b'{"a":1,"a":1}', "damaged"),
        (b'{"a":1,"\\u0061":2}', "damaged"),
        (b'[{"b":{"a":1,"a":2}}]', "damaged"),
        (b'"\xff"', "damaged"),
        (b"\xef\xbb\xbf{}", "damaged"),
        ('{"a":1}'.encode("utf-16"), "damaged"),
        (b'"\\ud800"', "damaged"),
        (b'{"\\uDC00":1}', "damaged"),
        (b'"\x01"', "damaged"),
        (b"NaN", "damaged"),
        (b"[-Infinity]", "damaged"),
        (b"1e999", "damaged"),
        (b"9007199254740992", "damaged"),
        (b"9" * 100_000, "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"[" * (DEPTH_LIMIT + 1) + b"]" * (DEPTH_LIMIT + 1), "damaged"),
        (b'{"a":' * 100_000, "damaged"),
        (b"[" + b"0," * VALUES_LIMIT + b"0]", "oversized"),
    ],
    ids=lambda value: ascii(value[:20]),
)
def test_json_that_lies_is_refused(data: bytes, code: str) -> None:
    for read in (loads, loads_canonical):
        with pytest.raises(BadArtifact) as caught:
            read(data)
        assert caught.value.code == code


def test_more_bytes_than_the_limit_are_not_even_parsed() -> None:
    assert loads(b"[1]", limit=3) == [1]
    with pytest.raises(BadArtifact) as caught:
        loads(b"[1] ", limit=3)
    assert caught.value.code == "oversized"


def test_an_escaped_pair_of_surrogates_is_a_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1} ',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":"\\u0061"}',
        b'{"a":"\\/"}',
        b'{"a":1.0}',
        b'{"a":-0}',
        b'{"a":1e2}',
        '{"\ufb33":1,"\U0001f600":2}'.encode(),
    ],
)
def test_another_spelling_of_the_same_value_is_not_canonical(data: bytes) -> None:
    loads(data)
    with pytest.raises(BadArtifact) as caught:
        loads_canonical(data)
    assert caught.value.code == "not-canonical"
    assert caught.value.where.startswith("byte ")
    assert caught.value.expected != caught.value.found


def test_a_canonical_document_is_an_object() -> None:
    assert loads_canonical(b'{"a":[1,"\xc3\xa9"]}') == {"a": [1, "é"]}
    with pytest.raises(BadArtifact) as caught:
        loads_canonical(b"[]")
    assert caught.value.code == "damaged"


def test_fifty_thousand_components_take_seconds_at_most() -> None:
    document = {
        "components": [
            {
                "bom-ref": f"pkg:pypi/name{n}@1.0",
                "hashes": [{"alg": "SHA-256", "content": f"{n:064x}"}],
                "name": f"name{n}",
                "properties": [{"name": "bom-seal:x", "value": "é" * 300}],
                "purl": f"pkg:pypi/name{n}@1.0",
                "type": "library",
                "version": "1.0",
            }
            for n in range(50_000)
        ]
    }
    start = time.process_time()
    data = dumps(document)
    took = time.process_time() - start
    assert len(data) > 30_000_000
    assert took < 3  # about 0.5 s on an idle machine; the benchmarks hold the exact figure
    assert loads_canonical(data) == document
