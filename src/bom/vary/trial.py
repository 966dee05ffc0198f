"""Building one artifact as often as an investigation needs it, each time in a new checkout."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from bom.compare import compare
from bom.errors import BomError
from bom.private_folder import remove
from bom.vary import FACTORS
from bom.vary.again import built_again
from bom.vary.clone import checked_out
from bom.vary.investigate import Attempt
from bom.vary.protocol import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.builder.protocol import BuildRequest, Progress
    from bom.difference import Comparison
    from bom.model import Revision
    from bom.vary.protocol import Circumstance


@dataclass(frozen=True, slots=True)
class Builds:
    """Builds of the artifact that is called `name`. `request`: how it is built, in a checkout that
    has the `revision`. `umask`: what `bom` sets for it, None for nothing. `epoch`: what comparing
    normalises to. `files`: paths of the source's files, for the probes. `folder`: a private one,
    for what is built."""

    request: BuildRequest
    revision: Revision
    umask: int | None
    name: str
    epoch: int
    files: tuple[str, ...]
    folder: Path
    progress: Progress
    _numbers: Iterator[int] = field(default_factory=count)

    def build(self, circumstance: Circumstance) -> Attempt | None:
        """See `Trial`. Raises BomError where the source can't be checked out."""
        output = self.folder / f"build-{next(self._numbers)}"
        output.mkdir()
        checked_out(self.revision, self.request.root, circumstance)
        try:
            place = Place(
                circumstance.source, circumstance.environment, circumstance.prefix, self.files
            )
            seen = {factor.name: factor.seen(place) for factor in FACTORS}
            artifact = self._built(circumstance, output)
        finally:
            remove(circumstance.source)
        return None if artifact is None else Attempt(artifact, seen)

    def _built(self, circumstance: Circumstance, output: Path) -> Path | None:
        try:
            with built_again(
                self.request, circumstance, output, self.umask, self.progress
            ) as second:
                for item in second.artifacts.values():
                    if item.target.name == self.name:
                        # an image's archive goes with the build, a file with its checkout
                        return shutil.copyfile(item.built, output / f"kept-{self.name}")
        except BomError:
            return None  # a build that fails: nothing is learnt from it
        return None

    def compare(self, one: Path, two: Path) -> Comparison:
        return compare(one, two, epoch=self.epoch, name=self.name)
