"""HTML that can't be got wrong: every text is escaped, because only `element` makes tags.

An `Html` is what needs no more escaping. Whatever else is put into an element is foreign text: it
is made inert (no controls, no turned reading direction) and escaped. Attributes that load or run
something can't be written at all, and a link leads nowhere but to a place on the page.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterable

_ATTRIBUTE: Final = re.compile(r"[a-zA-Z][a-zA-Z-]*")
_ACTIVE: Final = re.compile(r"on.*|style|src|srcset|srcdoc|action|formaction|background|data|ping")
_FRAGMENT: Final = re.compile(r"#[a-z][a-z0-9-]*")
_VOID: Final = frozenset({"br", "col", "hr", "input", "link", "meta", "wbr"})
# What ends a script element, or is read as a comment's begin in one (HTML 13.1.3), and the two
# line ends that JSON allows in strings.
_UNSAFE_JSON: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class Html(str):
    """A piece of HTML. Made by the functions of this module alone."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str) -> Html:
    """A tag with what is in it, a plain string as text. `class_` and `for_` are what Python has
    other uses for, `aria_label` is aria-label; None and attributes "" are left out, and the value
    "true" of an attribute that needs none (`hidden`) may stand.

    Raises ValueError for an attribute that could load or run something.
    """
    named = "".join(_attribute(name, value) for name, value in attributes.items() if value)
    if tag in _VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{joined(children)}</{tag}>")


def joined(children: Iterable[str | None]) -> Html:
    """The children in a row."""
    return Html("".join(text(child) for child in children if child))


def text(value: str) -> Html:
    """A foreign text; what is `Html` stays as it is."""
    return value if isinstance(value, Html) else Html(escape(inert(value)))


def data(identifier: str, value: object) -> Html:
    """`value` as JSON in a script element that no browser runs. Its texts are made inert."""
    written = json.dumps(_inert(value), ensure_ascii=False, separators=(",", ":"))
    return Html(
        f'<script type="application/json" id="{escape(identifier)}">'
        f"{written.translate(_UNSAFE_JSON)}</script>"
    )


def _inert(value: object) -> object:
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list | tuple):
        return [_inert(item) for item in value]
    if isinstance(value, dict):
        return {inert(str(name)): _inert(item) for name, item in value.items()}
    return value


def _attribute(name: str, value: str) -> str:
    spelled = name.rstrip("_").replace("_", "-")
    if not _ATTRIBUTE.fullmatch(spelled) or _ACTIVE.fullmatch(spelled.lower()):
        raise ValueError(f"no such attribute here: {spelled}")
    if spelled == "href" and not _FRAGMENT.fullmatch(value):
        raise ValueError("a link leads to a place on the page")
    return f' {spelled}="{escape(inert(value))}"'
