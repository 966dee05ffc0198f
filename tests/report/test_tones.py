"""Colour and width on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.report.text import inert
from bom.report.tones import columns, padded, painted, plain, toned, wrapped

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("大小", 4), ("e\u0301", 1), ("ｆ", 2), (toned("bad", "大x"), 3)],
)
def test_wide_characters_take_two_columns_and_combining_ones_none(text: str, width: int) -> None:
    assert columns(text) == width
    assert padded(text, 8) == text + " " * (8 - width)


def test_a_tone_is_colour_on_a_terminal_and_nothing_elsewhere() -> None:
    text = f"a {toned('good', 'passed')} b"
    assert plain(text) == "a passed b"
    assert painted(text) == "a \x1b[32mpassed\x1b[0m b"
    assert toned("bad", "") == ""


def test_a_tone_goes_on_in_the_next_line_and_ends_with_each() -> None:
    lines = wrapped("x " + toned("bad", "one two three four five six"), 20)
    assert [plain(line) for line in lines] == ["x one two three four", "five six"]
    assert painted(lines[0]).endswith("\x1b[0m")
    assert painted(lines[1]) == "\x1b[1;31mfive six\x1b[0m"


def test_long_words_are_cut_and_digests_are_not() -> None:
    assert wrapped("x" * 50, 40) == ["x" * 40, "x" * 10]
    assert wrapped("大" * 30, 41) == ["大" * 20, "大" * 10]
    assert wrapped(f"as built {DIGEST} (1 B)", 40) == ["as built", DIGEST, "(1 B)"]
    assert wrapped("a b", 0, "├─ ", "│  ") == ["├─ a b"]


def test_no_line_that_goes_on_begins_with_a_command() -> None:
    text = "x" * 35 + " ::add-mask::y " + "z" * 36 + "::error::" + toned("bad", "w" * 40 + "::set")
    for width in range(20, 80):
        lines = wrapped(text, width, "  ", "    ")
        assert not [line for line in lines if plain(line).lstrip().startswith("::")]
        assert max(map(columns, lines)) <= max(width, 24)


@given(st.text() | st.text(": a"), st.integers(40, 130))
def test_no_line_is_wider_than_the_window_and_nothing_is_lost(text: str, width: int) -> None:
    shown = inert(text)
    lines = wrapped(shown, width, "├─ ", "│  ")
    assert all(columns(line) <= width for line in lines)
    whole = "".join(line[3:] for line in lines).replace("\\x3a", ":").replace(" ", "")
    assert whole == shown.replace("\\x3a", ":").replace(" ", "")


@given(st.text())
def test_no_word_of_a_stranger_sets_a_tone(text: str) -> None:
    assert painted(inert(text)) == inert(text)
