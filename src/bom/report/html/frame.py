"""What every page has: its head with a policy, a header, a way past the menu, one style sheet.

The page is one file that needs no other. Its Content-Security-Policy (CSP level 3) forbids to load
anything from anywhere, and names the style sheet and the script by their SHA-256: nothing else that
looks like one does anything. With Trusted Types the script itself can't make HTML out of text.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from bom.report.html.element import Html, element, joined, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLES: Final = ("frame.css",)
_SCRIPTS: Final = ("store.js", "table.js", "map.js", "graph.js", "start.js")


def page(
    title: str,
    header: Iterable[str],
    body: Iterable[str],
    menu: Sequence[tuple[str, str, str]] = (),
    *,
    interactive: bool = False,
) -> str:
    """The whole page, ending in a newline. `title` is foreign text, `header` and `body` are HTML.

    `menu`: (place on the page, label, a count or ""). `interactive`: with the script that makes
    large tables and the graph out of the page's data.
    """
    style = _asset(_STYLES)
    script = _asset(_SCRIPTS) if interactive else None
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{text(title)}</title><style>{style}</style>"
    )
    content = joined(
        (
            element("a", "To the content", class_="skip", href="#content"),
            element("header", *header),
            element(
                "div",
                _menu(menu) if menu else None,
                element("main", *body, id="content", tabindex="-1"),
                class_="columns" if menu else "single",
            ),
            element("footer", "Made by bom. This page loads nothing and sends nothing."),
        )
    )
    run = f"<script>{script}</script>" if script is not None else ""
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n'
        f"<body>{content}{run}</body></html>\n"
    )


def section(place: str, title: str, *children: str | None, count: str = "") -> Html:
    """A part of the page with its heading, which the menu can lead to."""
    counted = element("span", f" {count}", class_="count") if count else None
    heading = element("h2", title, counted, id=f"{place}-h")
    return element("section", heading, *children, id=place, aria_labelledby=f"{place}-h")


def _menu(entries: Sequence[tuple[str, str, str]]) -> Html:
    items = [
        element(
            "li",
            element(
                "a",
                label,
                element("span", f" {count}", class_="count") if count else None,
                href=f"#{place}",
            ),
        )
        for place, label, count in entries
    ]
    return element("nav", element("ul", *items), class_="menu", aria_label="Sections")


def _policy(style: str, script: str | None) -> str:
    rules = ["default-src 'none'", f"style-src '{_digest(style)}'"]
    if script is not None:
        rules.append(f"script-src '{_digest(script)}'")
    rules += ["base-uri 'none'", "form-action 'none'"]
    rules += ["require-trusted-types-for 'script'", "trusted-types 'none'"]
    return "; ".join(rules)


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


@cache
def _asset(names: tuple[str, ...]) -> str:
    """Our own files, as they are: they hold nothing that could end the element they stand in."""
    folder = files("bom.report.html")
    return "\n" + "".join((folder / name).read_text(encoding="utf-8") for name in names)
