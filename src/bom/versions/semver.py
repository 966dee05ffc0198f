"""Semantic Versioning 2.0.0, section 11: npm, crates.io, Go, Hex, Pub, Swift, GitHub Actions.

Build metadata doesn't count. A leading `v` (Go) and missing numbers (`1.2` in an advisory) are
taken.
"""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(
    r"[vV]?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?"
)
# Of identifiers: numbers before words; no pre-release after all of them.
_NUMBER: Final = 0
_WORD: Final = 1
_Identifier = tuple[int, int, str]
Key = tuple[int, int, int, int, tuple[_Identifier, ...]]


def key(text: str) -> Key:
    """A version's place. Raises ValueError."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no semantic version")
    major, minor, patch = (int(part or 0) for part in found.groups()[:3])
    identifiers = tuple(map(_identifier, found[4].split("."))) if found[4] else ()
    return (major, minor, patch, 0 if identifiers else 1, identifiers)


def _identifier(text: str) -> _Identifier:
    return (_NUMBER, int(text), "") if text.isdigit() else (_WORD, 0, text)
