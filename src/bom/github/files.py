"""What a step leaves for others: outputs, the job's summary, programs on PATH.

GitHub's documentation, "Environment files". A value stands between two lines of a random delimiter,
so that no value can end early and set an output of its own.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.report.markdown import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.report.markdown import Block

SUMMARY_LIMIT: Final = 1024 * 1024  # bytes of one step's summary


def output(environment: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set outputs of this step. Raises BomError outside of a runner."""
    parts = []
    for name, value in values.items():
        mark = f"bom_{secrets.token_hex(16)}"
        parts.append(f"{name}<<{mark}\n{_plain(value)}\n{mark}\n")
    _append(environment, "GITHUB_OUTPUT", "".join(parts))


def summary(environment: Mapping[str, str], blocks: Sequence[Block]) -> None:
    """Add a page to the job's summary, cut to what one step may add."""
    limit = SUMMARY_LIMIT
    while len((text := page(blocks, limit)).encode("utf-8", "backslashreplace")) > SUMMARY_LIMIT:
        limit = limit * 3 // 4
    _append(environment, "GITHUB_STEP_SUMMARY", _plain(text))


def _plain(value: str) -> str:
    """Without halves of surrogate pairs (a path that is no UTF-8): the file is UTF-8."""
    return value.encode("utf-8", "backslashreplace").decode()


def _append(environment: Mapping[str, str], variable: str, text: str) -> None:
    place = environment.get(variable, "")
    if not place:
        raise BomError(f"{variable} is not set", hint="this runs in a step of a GitHub workflow")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with os.fdopen(os.open(Path(place), flags, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
