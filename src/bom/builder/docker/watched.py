"""The engine as a store of images that is watched while a command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.builder.docker.endpoint import NoOptions
from bom.builder.docker.engine import reach
from bom.builder.docker.events import ImageEvents
from bom.builder.docker.tools import engine_parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.model import Observation


class WatchedEngine:
    """The engine that a docker client in this environment uses."""

    def __init__(self, environment: Mapping[str, str], cwd: Path) -> None:
        self.store = reach(NoOptions(), environment, cwd)
        try:
            self.observations: tuple[Observation, ...] = tuple(engine_parts(self.store.version()))
            self._events = ImageEvents(self.store)
        except BaseException:
            self.store.close()
            raise

    def made(self, name: str, image: str) -> bool:
        return self._events.made(name, image)

    def close(self) -> None:
        self._events.close()
