"""PyPI: the version specifiers' ordering (PEP 440), by `packaging`."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def key(text: str) -> Version:
    """A version's place. Raises ValueError."""
    try:
        return Version(text)
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is no version of PEP 440") from error
