"""NuGet: Semantic Versioning with a fourth number, pre-releases compared without case
(NuGet's documentation, "Package versioning")."""

from __future__ import annotations

import re
from typing import Final

from bom.versions import semver

_NUMBERS: Final = re.compile(r"([0-9]+(?:\.[0-9]+){0,3})(.*)", re.DOTALL)
Key = tuple[tuple[int, ...], tuple[object, ...]]


def key(text: str) -> Key:
    """A version's place. Raises ValueError."""
    found = _NUMBERS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no version of a NuGet package")
    numbers = [int(part) for part in found[1].split(".")]
    numbers += [0] * (4 - len(numbers))
    return (tuple(numbers), semver.key(f"0{found[2].lower()}"))
