"""What every build of images has while it is about to run: a folder of its own, its settings, and
its tools, which are looked at meanwhile."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bom.builder.images.collect import NEEDS
from bom.builder.prepared import Closing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from bom.model import Observation


class PreparedImages(Closing):
    """`folder`: for temporary files, removed at the end. `tools`: prepared.looked_at."""

    needs: tuple[str, ...] = NEEDS

    def __init__(
        self,
        folder: Path,
        settings: Iterable[Observation],
        tools: Future[tuple[Observation, ...]],
    ) -> None:
        self._folder = folder
        self._settings = tuple(settings)
        self._tools = tools

    @property
    def observations(self) -> tuple[Observation, ...]:
        """The build's settings and tools; waits for what is still looked at."""
        return (*self._settings, *self._tools.result())

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
