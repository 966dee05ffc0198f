"""Comparisons as a person reads them."""

from __future__ import annotations

from html.parser import HTMLParser

from bom.difference import Comparison, Difference
from bom.report.change import Changes, Line, Moved, Swapped
from bom.report.comparison import comparison_text
from bom.report.html import changes as changes_page
from bom.report.html.comparison import page as html_page

EVIL = '"><script>alert(1)</script><img src=//example.org/x onerror=x>\u202e\x1b]0;x\x07`<b>`'


def difference(path: str, cause: str = "timestamp", remedy: str = "Do this.") -> Difference:
    return Difference(path, cause, "1 -> 2", remedy)  # type: ignore[arg-type]


def test_same_is_one_line() -> None:
    assert comparison_text(Comparison("same"), "app.tar") == "same: app.tar\n"


def test_a_cause_stands_once_and_so_does_what_to_do() -> None:
    found = Comparison(
        "different",
        (
            Difference("a", "unknown", "x", "Look.", ("hash-seed", "locale", "order")),
            difference("b"),
            difference("c"),
            difference("d", remedy="Do that."),
        ),
    )
    assert comparison_text(found, "app.tar") == (
        "different: app.tar\n"
        "\n"
        "  timestamp: 3 differences\n"
        "    b\n"
        "      1 -> 2\n"
        "    c\n"
        "      1 -> 2\n"
        "    do: Do this.\n"
        "    d\n"
        "      1 -> 2\n"
        "    do: Do that.\n"
        "\n"
        "  unknown: 1 difference; may be hash-seed, locale or order\n"
        "    a\n"
        "      x\n"
        "    do: Look.\n"
        "\n"
        "  docs/reproducibility.md#causes says how each cause is told, and more of what to do\n"
    )


def test_of_many_the_first_are_shown() -> None:
    found = Comparison("different", tuple(difference(f"{n:05}") for n in range(12_345)))
    text = comparison_text(found, "app.tar")
    assert "  timestamp: 12,345 differences\n" in text
    assert "    ... and 12,335 more (--json lists them)\n" in text
    assert len(text.splitlines()) < 40


def test_what_was_normalised_is_said() -> None:
    found = Comparison("normalised", (difference("a"),), ("the order of entries", "the times"))
    assert "  made stable first: the order of entries, the times\n" in comparison_text(found, "a")
    assert "<li>the order of entries</li>" in html_page(found, "a")


class Page(HTMLParser):
    """Every tag, and what could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def assert_inert(page: str) -> Page:
    """Nothing on it loads or runs, but for our own script, which the policy names by its digest."""
    seen = Page()
    seen.feed(page)
    assert not {"img", "link", "iframe", "object", "form", "base", "svg", "b"} & set(seen.tags)
    loading = [(n, v) for n, v in seen.attributes if n in ("src", "href", "action", "style")]
    assert all(name == "href" and value.startswith("#") for name, value in loading)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "default-src 'none'" in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    return seen


def test_the_page_loads_and_runs_nothing_whatever_names_say() -> None:
    many = [Difference(f"{EVIL} > {n}", "path", EVIL, EVIL) for n in range(60)]
    found = Comparison("different", (*many, difference("b")))
    seen = assert_inert(html_page(found, EVIL))
    assert "script" not in seen.tags
    assert seen.tags.count("details") == 1


def test_the_page_of_what_changed_loads_and_runs_nothing_either() -> None:
    moved = tuple(Moved(EVIL, EVIL, f"{EVIL}{n}", "downgrade", EVIL) for n in range(300))
    found = Changes(
        moved=moved,
        swapped=(Swapped(EVIL, EVIL, EVIL, EVIL, EVIL),),
        tools=(Line(EVIL, None, EVIL),),
        gaps=(Line(EVIL, EVIL, None),),
    )
    bytes_too = Comparison("different", (Difference(EVIL, "path", EVIL, EVIL),))
    page = changes_page.page((EVIL, EVIL), found, bytes_too)
    seen = assert_inert(page)
    assert "noscript" in seen.tags
    words = page.count("<script>")
    assert (words, page.count("script-src 'sha256-")) == (1, 1)
    assert page == changes_page.page((EVIL, EVIL), found, bytes_too)
