"""Words of strangers, made harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.report.text import inert


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("plain name 1.0", "plain name 1.0"),
        ("größer → 大", "größer → 大"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("two\nlines\r\n", "two\\x0alines\\x0d\\x0a"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("txt.\u202egpj", "txt.\\u202egpj"),
        ("\u2066a\u2069\u200b\ufeff", "\\u2066a\\u2069\\u200b\\ufeff"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("::add-mask::x", "\\x3a:add-mask::x"),
        ("  ::error::x", "  \\x3a:error::x"),
        ("a::b", "a::b"),
        ("##[set-env name=A]b", "#\\x23[set-env name=A]b"),
        ("x ##vso[task.setvariable]y", "x #\\x23vso[task.setvariable]y"),
        ("###[group]", "##\\x23[group]"),
        ("<img onerror=x>", "<img onerror=x>"),
        ("e\u0301\u0323 ok", "e\u0301\u0323 ok"),
        ("z" + "\u0301" * 6, "z" + "\u0301" * 4 + "\\u0301\\u0301"),
        ("", ""),
    ],
)
def test_foreign_words_are_shown_and_do_nothing(foreign: str, shown: str) -> None:
    assert inert(foreign) == shown


@given(st.text())
def test_what_is_inert_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = inert(text)
    assert shown.isprintable()
    assert not shown.lstrip().startswith("::")
    assert inert(shown) == shown
