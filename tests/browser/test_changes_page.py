"""The pages of `bom diff` and `bom rebuild` in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.hostile_words import WORDS, document

from bom.difference import Comparison, Difference
from bom.report.changes import changes
from bom.report.contents import contents
from bom.report.html import changes as changes_page
from bom.report.html import comparison as comparison_page
from bom.versions import compared

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.devtools import Browser

    from bom.difference import Cause

CAUSES: Final[tuple[Cause, ...]] = ("unknown", "timestamp")
COMPARISON: Final = Comparison(
    "different",
    tuple(
        Difference(word, cause, word, word, ("locale", "order"))
        for word in WORDS.values()
        for cause in CAUSES
    ),
    tuple(WORDS.values()),
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    words = list(WORDS.values())
    found = changes(contents(document(words)), contents(document([*words[5:], "new"])), compared)
    written = {
        "diff": changes_page.page((words[0], words[1]), found, COMPARISON),
        "rebuild": comparison_page.page(COMPARISON, words[0]),
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, text in written.items():
        (folder / name).with_suffix(".html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in written}


@pytest.mark.parametrize(("name", "scheme"), [("diff", "dark"), ("rebuild", "light")])
def test_hostile_words_stay_words_and_axe_finds_no_fault(
    browser: Browser, pages: dict[str, Path], axe: str, name: str, scheme: str
) -> None:
    browser.prefer(scheme)
    browser.size(1280, 900)
    browser.open(pages[name])
    assert (browser.requests, browser.complaints) == ([pages[name].as_uri()], [])
    active = "img,iframe,object,embed,form,link,[onerror],[onload],[style]"
    assert browser.value(f"document.querySelectorAll('{active}').length") == 0
    browser.value(f"{axe};0")
    found = browser.value(
        "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map("
        "(one) => `${one.impact} ${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"
    )
    assert found == []
