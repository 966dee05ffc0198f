"""Whether a marker holds wherever a project can be installed (PyPA "Dependency specifiers").

Only markers about the interpreter's version are judged, by the versions that the project says it
runs on: all others depend on the machine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

_LIMIT: Final = 2000  # characters
# One version before, between and after every one that a marker of today can name.
_MINORS: Final = ("2.6", "2.7", *(f"3.{minor}" for minor in range(60)), "4.0")
_PATCHES: Final = (0, 1, 99)
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_VERSIONS_ONLY: Final = re.compile(
    r"(?:\s|[()<>=!~]|\b(?:python_version|python_full_version|and|or|not|in)\b)*"
)
_POETRY: Final = re.compile(r"\s*([\^~])\s*(\d{1,4}(?:\.\d{1,4})*)\s*", re.ASCII)


@lru_cache(maxsize=4096)
def always(marker: str, requires_python: str) -> bool:
    """Whether `marker` holds for every interpreter that `requires_python` lets in (a version
    specifier, or Poetry's `^3.11`). False where that can't be known."""
    if not marker:
        return True
    allowed = _allowed(requires_python)
    if not allowed or len(marker) > _LIMIT:
        return False
    if not _VERSIONS_ONLY.fullmatch(_QUOTED.sub("", marker)):
        return False
    try:
        parsed = Marker(marker)
        return all(
            parsed.evaluate({"python_version": minor, "python_full_version": full})
            for minor, full in allowed
        )
    except (
        InvalidMarker,
        InvalidVersion,
        RecursionError,
        UndefinedComparison,
        UndefinedEnvironmentName,
    ):
        return False


def _standard(part: str) -> str:
    """Poetry's own operators: `^3.11` means `>=3.11,<4`, and `~3.11` means `>=3.11,<3.12`."""
    found = _POETRY.fullmatch(part)
    if found is None:
        return part
    major, _, rest = found[2].partition(".")
    minor = rest.partition(".")[0]
    if found[1] == "~" and minor:
        return f">={found[2]},<{major}.{int(minor) + 1}"
    return f">={found[2]},<{int(major) + 1}"


@lru_cache(maxsize=256)
def _allowed(requires_python: str) -> tuple[tuple[str, str], ...]:
    """The interpreters to judge by, as python_version and python_full_version."""
    if not requires_python or len(requires_python) > _LIMIT:
        return ()
    try:
        wanted = SpecifierSet(",".join(map(_standard, requires_python.split(","))))
    except InvalidSpecifier:
        return ()
    return tuple(
        (minor, full)
        for minor in _MINORS
        for patch in _PATCHES
        if wanted.contains(full := f"{minor}.{patch}")
    )
