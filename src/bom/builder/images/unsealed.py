"""Commands near a build that leave nothing to seal: they run as they are, and that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom.builder.prepared import Closing
from bom.builder.protocol import Collected, Invocation
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.images.results import Nothing
    from bom.builder.protocol import BuildRequest, Progress
    from bom.model import Observation


def prepare(request: BuildRequest, nothing: Nothing) -> UnsealedBuild:
    """The command as it stands. Raises BomError where a build is asked to leave a sealed file and
    can't: whoever waits for that file has to hear of it."""
    said = [f"nothing is sealed: {nothing.reason}"]
    if request.output is not None and nothing.is_build:
        raise BomError(
            f"{request.output.name} can't be made: {nothing.reason}",
            hint="leave `bom build -o` out, or the build's own output",
        )
    if request.output is not None:
        said.append(f"{request.output.name} is not written")
    return UnsealedBuild(Invocation(request.command, request.environment), ("; ".join(said),))


@dataclass(frozen=True, slots=True)
class UnsealedBuild(Closing):
    """A command about to run of which nothing is collected."""

    invocation: Invocation
    warnings: tuple[str, ...]
    observations: tuple[Observation, ...] = ()
    needs: tuple[str, ...] = ()

    def packs(self, path: Path) -> bool:
        """Nothing is packed that anybody gets."""
        return False

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """Nothing."""
        return Collected()
