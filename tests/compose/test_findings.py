"""Findings as a reader of the document sees them."""

from __future__ import annotations

import time

import pytest

from bom.compose.findings import as_annotations, sentence
from bom.model import Finding


@pytest.mark.parametrize(
    ("finding", "name", "text"),
    [
        (
            Finding("missing", "it is not installed", "a 1.0", "", "l:3", "pkg:npm/a@1.0"),
            "",
            "finding: missing: a 1.0: it is not installed (l:3)",
        ),
        (
            Finding("additional", "no lock lists it", "", "@x/a 1.0", "p", "pkg:npm/%40x/a@1.0"),
            "a",
            "finding: additional: @x/a 1.0: no lock lists it (p)",
        ),
        (
            Finding("version", "another one", "1.0", "2.0", "p", "pkg:npm/%40x/a@2.0?a=b#c"),
            "a",
            "finding: version: @x/a 2.0: another one: expected 1.0, found 2.0 (p)",
        ),
        (
            Finding("modified", "changed", "", "", "", "application:bin/x"),
            "x",
            "finding: modified: x: changed",
        ),
        (Finding("modified", "changed", ref="gone"), "", "finding: modified: gone: changed"),
        (Finding("copies", "differ", "a", "b"), "", "finding: copies: differ: expected a, found b"),
    ],
)
def test_a_sentence_says_each_thing_once(finding: Finding, name: str, text: str) -> None:
    assert sentence(finding, name) == text


def test_a_name_from_a_stranger_stays_text() -> None:
    hostile = Finding("version", "m", "1", "2", "", "pkg:npm/%1b%5D0;x%07%ED%A0%80@%0A2")
    sentence(hostile, "n").encode()


def test_what_the_document_does_not_hold_is_about_the_whole() -> None:
    (entry,) = as_annotations(
        [Finding("missing", "m", "a 1", ref="pkg:npm/a@1")], {}, "root", "2026-01-01T00:00:00Z"
    )
    assert entry["subjects"] == ["root"]


def test_five_thousand_findings_take_no_time() -> None:
    many = [
        Finding("additional", "m", "", f"p{n} 1", f"x/{n}", f"pkg:npm/p{n}@1") for n in range(5000)
    ]
    start = time.process_time()
    made = as_annotations([*many, *many], {}, "root", "2026-01-01T00:00:00Z")
    assert time.process_time() - start < 2
    assert len(made) == 5000
