"""Asking a program, in the very place where a build runs, what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.process import printed

if TYPE_CHECKING:
    from bom.vary.protocol import Place

_PATIENCE: Final = 30.0  # seconds


def output(place: Place, script: str) -> str:
    """What a shell script prints there; "" where it can't be run, fails or takes too long."""
    said = printed(
        [*place.prefix, "sh", "-c", script],
        environment=place.environment,
        cwd=place.source,
        patience=_PATIENCE,
    )
    return said.strip()
