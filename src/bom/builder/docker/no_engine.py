"""No engine at all: builders of other drivers can push, or write files, without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from bom.builder.images.store import StoredImage


class NoEngine:
    """A store that holds nothing."""

    architecture: str = ""

    def inspect(self, name: str) -> StoredImage | None:
        """None, whatever the name."""
        return None

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        """Raises BomError."""
        raise BomError(f"no engine is there that could hold {names[0]}")

    def load(self, path: Path) -> None:
        """Raises BomError."""
        raise BomError(f"no engine is there that could take {path.name}")

    def tag(self, image: str, name: str) -> None:
        """Raises BomError."""
        raise BomError(f"no engine is there in which {name} could mean {image}")

    def close(self) -> None:
        """There is nothing to close."""
