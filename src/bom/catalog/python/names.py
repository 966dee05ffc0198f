"""Names of Python projects and extras, as locks and manifests spell them."""

from __future__ import annotations

import re
from typing import Final

from bom import purl
from bom.catalog.stated import strings, text

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,199}")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([^"']+)["']|["']([^"']+)["']\s+in\s+extras""")


def name(value: object) -> str:
    """A project's name, normalised; "" where it is none (PyPA: Names and normalization)."""
    spelled = text(value)
    return purl.pypi_name(spelled) if _NAME.fullmatch(spelled) else ""


def version(value: object) -> str:
    """A version as stated; "" where it can't be one (PEP 440's characters, and what it allows)."""
    spelled = text(value)
    return spelled if _VERSION.fullmatch(spelled) else ""


def names(value: object) -> tuple[str, ...]:
    return tuple(sorted({purl.pypi_name(item) for item in strings(value)}))


def extras_in(marker: str) -> tuple[str, ...]:
    """The extras that a marker asks for (`extra == "http2"`, `"http2" in extras`)."""
    return tuple(sorted({purl.pypi_name(a or b) for a, b in _EXTRA.findall(marker)}))
