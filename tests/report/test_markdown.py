"""Reports as Markdown, rendered by those who read Markdown."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests import hostile_words

from bom.report.bom_markdown import bom_markdown
from bom.report.markdown import Block, code, folded, items, page, row, table
from bom.report.text import inert

if TYPE_CHECKING:
    from markdown_it.token import Token
    from tests.conftest import Need

# What we write of tags ourselves, and what else is made of our Markdown.
TAGS: Final = re.compile(r"<summary>[A-Za-z0-9 ,():]*</summary>|</?details>")
MADE: Final = {"table", "thead", "tbody", "tr", "th", "td", "h3", "h4", "ul", "li", "p"} | {
    "code",
    "strong",
    "details",
    "summary",
}


def rendered(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def leaves(tokens: list[Token]) -> list[Token]:
    return [leaf for token in tokens for leaf in (token.children or [token])]


def assert_inert(text: str, *words: str) -> None:
    """Nothing that Markdown knows comes out of the words, by CommonMark's rules and tables."""
    found = leaves(rendered(text))
    kinds = {token.type for token in found}
    assert not {"link_open", "image", "html_inline", "hr", "fence", "code_block"} & kinds, kinds
    assert not {"blockquote_open", "em_open", "s_open", "ordered_list_open"} & kinds, kinds
    for token in found:
        if token.type == "html_block":
            assert all(TAGS.fullmatch(line) for line in token.content.split("\n") if line)
        if token.type == "text":
            assert not set("@#<>&[]!`$|~_*") & set(token.content), token.content
    spans = {token.content for token in found if token.type == "code_inline"}
    for word in words:
        assert any(shown_in_code(word) in span for span in spans), word


def shown_in_code(word: str) -> str:
    return inert(word).replace("`", "\\x60").replace("|", "\\x7c").strip()[:70]


def test_every_hostile_word_is_a_code_span_and_nothing_else() -> None:
    text = bom_markdown(hostile_words.document())
    assert_inert(text, *hostile_words.WORDS.values())
    assert not hostile_words.ACTIVE.search(text)


def test_github_s_own_renderer_makes_no_link_no_image_and_no_tag_of_them(need: Need) -> None:
    options = ["--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist"]
    for text in (
        bom_markdown(hostile_words.document()),
        "\n\n".join(code(word) for word in hostile_words.WORDS.values()),
        "\n".join(
            ["| a | b |", "|---|---|"] + [row(code(w), "x") for w in hostile_words.WORDS.values()]
        ),
    ):
        made = subprocess.run(
            [need("cmark-gfm"), *options], input=text, capture_output=True, text=True, check=True
        ).stdout
        outside = re.sub(r"<code>[^<]*</code>", "", made)
        assert set(re.findall(r"</?([a-z0-9]+)", outside)) <= MADE
        assert set(re.findall(r"<(?:[a-z0-9]+)( [^>]*)>", outside)) == set()
        assert not re.search("[@`#$]|evil|owned|href", outside)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("", "–"),
        ("plain-1.0", "`plain-1.0`"),
        ("a`b``", "`a\\x60b\\x60\\x60`"),
        ("a|b\\|c", "`a\\x7cb\\\\x7cc`"),
        ("a\nb", "`a\\x0ab`"),
        ("x" * 300, f"`{'x' * 199}…`"),
    ],
)
def test_a_word_is_one_code_span(word: str, shown: str) -> None:
    assert code(word) == shown


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_text_at_all_leaves_its_cell(words: list[str]) -> None:
    text = page([table("", ["x"] * len(words), [row(*map(code, words))])])
    tokens = rendered(text)
    assert sum(token.type == "td_open" for token in tokens) == len(words)
    inner: list[Any] = [leaf for leaf in leaves(tokens) if leaf.type in ("code_inline", "text")]
    assert {leaf.content for leaf in inner if leaf.type == "text"} <= {"x", "–"}


def test_what_is_too_long_is_cut_and_counted() -> None:
    long = items("Long", (code(f"word {number:05}") for number in range(5_000)))
    short = folded("Short (2)", table("", ("a", "b"), [row("1", "2"), row("3", "4")]))
    blocks = [Block(("### Title",)), long, short]
    whole = page(blocks)
    assert len(whole) > 70_000
    for limit in (1_000, 10_000, 65_536):
        text = page(blocks, limit)
        assert limit * 0.9 < len(text) <= limit
        kept = text.count("- `word ")
        assert f"- … and {5_000 - kept:,} more\n" in text
        assert text.endswith("</details>\n")
    assert page(blocks, 80_000) == whole
    assert len(page(blocks, 60)) <= 60
    assert "sections are left out" in page(blocks, 90)


@given(st.integers(40, 3_000))
def test_no_page_is_longer_than_it_may_be(limit: int) -> None:
    assert (
        len(bom_markdown(hostile_words.document(list(hostile_words.WORDS.values())[:5]), limit))
        <= limit
    )


@pytest.mark.parametrize("document", [{}, {"metadata": 1}, {"components": [{}, 1, None]}])
def test_any_document_is_shown(document: dict[str, object]) -> None:
    assert bom_markdown(document).startswith("### Artifact\n")
