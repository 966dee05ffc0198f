"""Asking a program, in the very place where a build runs, what it sees."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bom.vary.protocol import Place

_PATIENCE: Final = 30.0  # seconds


def output(place: Place, script: str) -> str:
    """What a shell script prints there; "" where it can't be run, fails or takes too long."""
    try:
        done = subprocess.run(
            [*place.prefix, "sh", "-c", script],
            cwd=place.source,
            env=dict(place.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
