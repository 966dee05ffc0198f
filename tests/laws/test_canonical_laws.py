"""One value, one spelling: our RFC 8785 against the `rfc8785` package."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from bom.canonical import INTEGER_LIMIT, dumps, join, loads, loads_canonical, members
from bom.errors import BadArtifact, BomError


def reads_back(number: float) -> bool:
    """RFC 8785 spells these like integers, and an integer so large is not exact: not read."""
    return not (number.is_integer() and INTEGER_LIMIT < abs(number) < 1e21)


text = st.text(st.characters(codec="utf-8"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_LIMIT, INTEGER_LIMIT)
    | st.floats(allow_nan=False, allow_infinity=False).filter(reads_back)
    | text
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=30
)


@given(values)
@example({"\ufb33": 0.1, "\U0001f600": [1e21, 1e-7, -0.0]})
def test_equals_the_independent_implementation(value: object) -> None:
    assert dumps(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(number: float) -> None:
    assert float(dumps(number)) == number
    assert dumps([number]) == rfc8785.dumps([number])


@given(st.dictionaries(text, values))
def test_a_document_reads_back_and_spells_itself_again(value: dict[str, object]) -> None:
    data = dumps(value)
    again = loads_canonical(data)
    assert dumps(again) == data
    assert loads(data) == again


@given(st.dictionaries(text, values), st.randoms())
def test_the_order_of_keys_makes_no_difference(value: dict[str, object], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert dumps({key: value[key] for key in keys}) == dumps(value)


@given(st.dictionaries(text, values))
def test_every_other_spelling_is_refused(value: dict[str, object]) -> None:
    data = dumps(value)
    for other in (json.dumps(value, indent=1).encode() + b"\n", data + b"\n", b" " + data):
        with pytest.raises(BadArtifact):
            loads_canonical(other)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_finding(data: bytes) -> None:
    with suppress(BadArtifact):
        loads(data)
    with suppress(BadArtifact):
        assert dumps(loads_canonical(data)) == data


@given(st.dictionaries(st.text(max_size=8), values, max_size=6))
def test_an_object_joined_from_its_members_is_the_object_serialised(
    value: dict[str, object],
) -> None:
    try:
        whole = dumps(value)
    except BomError:
        with pytest.raises(BomError):
            join(members(value))
    else:
        assert join(members(value)) == whole
