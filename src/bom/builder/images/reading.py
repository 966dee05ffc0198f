"""Bytes on their way past: digested, counted, shown as progress, given to whoever reads them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bom.builder.protocol import Progress


def read_through(
    pieces: Iterable[bytes], takes: Iterable[Callable[[bytes], object]], progress: Progress
) -> tuple[str, int]:
    """Give each piece to all of `takes`, in that order. The SHA-256 (hex) and size of them all."""
    digest = hashlib.sha256()
    size = 0
    everybody = (*takes, digest.update)
    for piece in pieces:
        for take in everybody:
            take(piece)
        size += len(piece)
        progress.advance(len(piece))
    return digest.hexdigest(), size
