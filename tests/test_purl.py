"""purl.py against the specification's own conformance vectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom import purl
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Need


def canonical(text: str) -> str:
    """The canonical form; the round-trip vectors have qualifier keys in capital letters."""
    head, mark, tail = text.partition("?")
    query, hash_mark, subpath = tail.partition("#")
    pairs = [pair.partition("=") for pair in query.split("&")]
    query = "&".join(key.lower() + equals + value for key, equals, value in pairs)
    return str(purl.parse(head + mark + query + hash_mark + subpath if mark else text))


def cases(need: Need, kind: str) -> Iterator[dict[str, Any]]:
    paths = sorted(need.vectors("purl").glob("tests/*/*.json"))
    found = [
        case
        for path in paths
        for case in json.loads(path.read_text(encoding="utf-8"))["tests"]
        if case["test_type"] == kind
    ]
    assert len(found) > 100
    yield from found


def from_components(components: dict[str, Any]) -> str:
    return purl.build(
        components["type"] or "",
        components["name"] or "",
        namespace=components["namespace"] or "",
        version=components["version"] or "",
        qualifiers=components["qualifiers"] or {},
        subpath=components["subpath"] or "",
    )


def to_components(made: purl.Purl) -> dict[str, Any]:
    return {
        "type": made.type,
        "namespace": made.namespace or None,
        "name": made.name,
        "version": made.version or None,
        "qualifiers": dict(made.qualifiers) or None,
        "subpath": made.subpath or None,
    }


def test_every_build_vector_of_the_specification_holds(need: Need) -> None:
    for case in cases(need, "build"):
        if case["expected_failure"]:
            with pytest.raises(BomError):
                from_components(case["input"])
        else:
            assert from_components(case["input"]) == case["expected_output"], case["description"]


def test_every_parse_vector_of_the_specification_holds(need: Need) -> None:
    for case in cases(need, "parse"):
        if case["expected_failure"]:
            with pytest.raises(BomError):
                purl.parse(case["input"])
        else:
            found = to_components(purl.parse(case["input"]))
            assert found == case["expected_output"], case["input"]


def test_every_roundtrip_vector_of_the_specification_holds(need: Need) -> None:
    for case in cases(need, "validate"):
        if case["expected_failure"]:
            with pytest.raises(BomError):
                canonical(case["input"])
        else:
            assert canonical(case["input"]) == case["expected_output"], case["input"]


@given(st.text(min_size=1), st.text(), st.text())
def test_what_is_built_parses_back_to_the_same(name: str, version: str, value: str) -> None:
    made = purl.purl("generic", name, version=version, qualifiers={"key": value})
    assert purl.parse(str(made)) == made


@given(st.text())
def test_any_text_parses_or_is_refused_in_words(text: str) -> None:
    for candidate in (text, "pkg:" + text, "pkg:npm/" + text):
        try:
            made = purl.parse(candidate)
        except BomError as error:
            assert error.reason
        else:
            assert canonical(str(made)) == str(made)


def test_python_names_are_normalised_as_pep_503_has_it() -> None:
    assert purl.build("pypi", "Zope__.Interface", version="6.0") == "pkg:pypi/zope-interface@6.0"


def test_half_a_surrogate_pair_is_refused_and_a_raw_byte_keeps_its_value() -> None:
    with pytest.raises(BomError):
        purl.build("npm", "a\ud800")
    assert purl.build("generic", "a\udcff") == "pkg:generic/a%FF"
