"""What differs between two builds, as a person reads it: on a terminal, and as one HTML page."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Final

from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.difference import Comparison, Difference

_LISTED: Final = 10  # differences of one cause and remedy on a terminal
_CHAPTER: Final = "docs/reproducibility.md"
_VERDICTS: Final = {
    "same": "the same bytes",
    "normalised": "the same after normalising",
    "different": "different",
}


def comparison_text(comparison: Comparison, name: str, before: Sequence[str] = ()) -> str:
    """Lines ending in a newline: the verdict first, `before`, then each cause with what it is
    about and, once, what to do."""
    lines = [f"{comparison.verdict}: {inert(name)}"]
    if comparison.normalised:
        lines.append(f"  made stable first: {inert(', '.join(comparison.normalised))}")
    lines += before
    for heading, parts in _groups(comparison.differences):
        lines += ["", f"  {heading}"]
        for remedy, group in parts:
            for difference in group[:_LISTED]:
                lines.append(f"    {inert(difference.path)}")
                lines.append(f"      {inert(difference.evidence)}")
            if len(group) > _LISTED:
                lines.append(f"    ... and {len(group) - _LISTED:,} more (--json lists them)")
            lines.append(f"    do: {inert(remedy)}")
    if comparison.differences:
        lines += ["", f"  {_CHAPTER}#causes says how each cause is told, and more of what to do"]
    return "\n".join(lines) + "\n"


def changes_text(changes: Sequence[tuple[str, str, str | None, str | None]]) -> list[str]:
    """What two BOMs say: (kind, name, in the first, in the second), None: it names none."""
    if not changes:
        return []
    return ["", "  what the two BOMs say"] + [
        f"    {kind} {inert(name)}: {_value(one)} -> {_value(two)}"
        for kind, name, one, two in changes
    ]


def changes_html(changes: Sequence[tuple[str, str, str | None, str | None]]) -> str:
    """The same as a section of the page, "" where there is nothing to tell."""
    if not changes:
        return ""
    titles = ("", "name", "in the first", "in the second")
    found = [(kind, name, _value(one), _value(two)) for kind, name, one, two in changes]
    return f"<section><h2>What the two BOMs say</h2>{rows(titles, found)}</section>"


def _value(value: str | None) -> str:
    return "none" if value is None else inert(value) or "(empty)"


def _groups(
    differences: Sequence[Difference],
) -> Iterator[tuple[str, list[tuple[str, list[Difference]]]]]:
    """(heading, (remedy, differences)...) of each cause. `unknown` stands last."""

    def key(item: Difference) -> tuple[bool, str, tuple[str, ...]]:
        return (item.cause == "unknown", item.cause, item.candidates)

    for (_, cause, candidates), found in groupby(sorted(differences, key=key), key=key):
        parts: dict[str, list[Difference]] = {}
        for item in sorted(found):
            parts.setdefault(item.remedy, []).append(item)
        total = sum(map(len, parts.values()))
        heading = f"{cause}: {_plural(total, 'difference')}"
        if candidates:
            heading += f"; may be {_or(candidates)}"
        yield heading, list(parts.items())


def _plural(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


# --- HTML ---------------------------------------------------------------------------------------

# Nothing is loaded and nothing runs, whatever stands in a name: the policy says so as well.
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: #777; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.verdict { display: inline-block; padding: .1rem .7rem; border-radius: 1rem; color: #fff; }
.same { background: #1a7f37; }
.normalised { background: #9a6700; } .different { background: #cf222e; }
.remedy { background: var(--soft); border-left: 4px solid #0969da; padding: .5rem .8rem; }
.candidates, .count { color: var(--dim); font-weight: normal; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem .35rem 0; text-align: left; }
td { vertical-align: top; }
td, code { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; }
th { font-size: .8rem; color: var(--dim); font-weight: normal; }
summary { cursor: pointer; padding: .5rem 0; }
nav a { margin-right: 1rem; } footer { margin-top: 3rem; color: var(--dim); font-size: .85rem; }
"""
_CODE: Final = re.compile(r"`([^`<>]*)`")
_SHOWN: Final = 50  # rows of one cause that are open
_TITLE: Final = "Two builds compared"


def html_page(comparison: Comparison, name: str, before: str = "") -> str:
    """One HTML page that needs nothing else. `before`: HTML that stands above the differences."""
    groups = list(_groups(comparison.differences))
    verdict = comparison.verdict
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(f'{verdict}: {name}')}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_TITLE}: {_text(name)}</h1>",
        f'<p><span class="verdict {verdict}">{verdict}</span> {_summary(comparison)}</p>',
    ]
    if comparison.normalised:
        items = "".join(f"<li>{_text(phrase)}</li>" for phrase in comparison.normalised)
        parts.append(f"<p>Made stable first:</p><ul>{items}</ul>")
    parts.append(before)
    if len(groups) > 1:
        links = " ".join(
            f'<a href="#c{number}">{_text(heading)}</a>'
            for number, (heading, _) in enumerate(groups)
        )
        parts.append(f"<nav>{links}</nav>")
    for number, group in enumerate(groups):
        parts += _section(number, *group)
    parts.append(
        f"<footer>Made by bom. The chapter “Causes” of {_CHAPTER} says how each cause is told."
        "</footer></body></html>"
    )
    return "\n".join(part for part in parts if part) + "\n"


def _summary(comparison: Comparison) -> str:
    told = _VERDICTS[comparison.verdict]
    if not comparison.differences:
        return f"{told}."
    causes = len({item.cause for item in comparison.differences})
    count = _plural(len(comparison.differences), "difference")
    return f"{told}: {count} of {_plural(causes, 'cause')}."


def _section(
    number: int, heading: str, parts: Sequence[tuple[str, list[Difference]]]
) -> Iterator[str]:
    yield f'<section id="c{number}"><h2>{_text(heading)}</h2>'
    titles = ("where", "what was seen")
    for remedy, group in parts:
        marked = _CODE.sub(r"<code>\1</code>", _text(remedy))
        yield f'<p class="remedy">{marked}</p>'
        yield rows(titles, [(item.path, item.evidence) for item in group[:_SHOWN]])
        if more := group[_SHOWN:]:
            table = rows(titles, [(item.path, item.evidence) for item in more])
            yield f"<details><summary>{len(more):,} more</summary>{table}</details>"
    yield "</section>"


def rows(titles: Sequence[str], found: Sequence[Sequence[str]]) -> str:
    """A table of foreign texts."""
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(text)}</td>" for text in row) + "</tr>" for row in found
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(foreign: str) -> str:
    return escape(inert(foreign))
