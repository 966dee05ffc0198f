"""The layer that something came in with, as a component's property."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.model import Property

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import FileEntry

LAYER: Final = "bom-seal:layer"


def layer(entry: FileEntry | None) -> tuple[Property, ...]:
    """The layer of the file that proves a component; nothing outside images."""
    return (Property(LAYER, entry.layer),) if entry is not None and entry.layer else ()


def most_common_layer(entries: Iterable[FileEntry | None]) -> str:
    """The diff ID that most of the files have, "" for none: where all packages stand in one
    database, each step writes it anew, and a package's own files tell more."""
    layers = Counter(entry.layer for entry in entries if entry is not None and entry.layer)
    return min(layers, key=lambda diff_id: (-layers[diff_id], diff_id), default="")
