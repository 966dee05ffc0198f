"""A command that the docker client itself refuses: it is left to say so, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.builder.prepared import Closing
from bom.builder.protocol import Invocation

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.docker.endpoint import ClientRefuses
    from bom.builder.protocol import BuildRequest, Collected, Progress
    from bom.model import Observation


class RefusedByClient(Closing):
    """Runs the command untouched. Should it end well all the same, nothing is sealed."""

    observations: tuple[Observation, ...] = ()
    warnings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def __init__(self, request: BuildRequest, why: ClientRefuses) -> None:
        self.invocation = Invocation(request.command, request.environment)
        self._why = why

    def packs(self, path: Path) -> bool:
        """Nothing is built."""
        return False

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        raise self._why
