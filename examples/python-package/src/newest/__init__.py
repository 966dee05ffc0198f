"""The newest of some versions, by the rules of the Python version specifiers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable


def newest(lines: Iterable[str]) -> str | None:
    """The newest version among `lines`; words that are no version don't count."""
    versions = []
    for line in lines:
        try:
            versions.append(Version(line.strip()))
        except InvalidVersion:
            continue
    return str(max(versions)) if versions else None


def main() -> int:
    found = newest(sys.stdin)
    if found is None:
        sys.stderr.write("newest: no version on standard input\n")
        return 1
    sys.stdout.write(f"{found}\n")
    return 0
