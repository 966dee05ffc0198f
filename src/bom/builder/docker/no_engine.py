"""No engine at all: builders of other drivers can push, or write files, without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

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

    def close(self) -> None:
        """There is nothing to close."""
