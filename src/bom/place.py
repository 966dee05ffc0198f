"""Where and in what a build runs: its project, and what `bom` sets around the command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom import redact, repeatable
from bom.builder.protocol import BuildRequest
from bom.compose.bom import source_date_epoch
from bom.errors import Refused
from bom.model import Setting
from bom.normalise.moments import Epoch
from bom.observe import commit_time, project_root
from bom.observe.source_files import times

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.build_options import BuildOptions
    from bom.repeatable import Surroundings


@dataclass(frozen=True, slots=True)
class Place:
    """`root`: the project. `given`: the user's own SOURCE_DATE_EPOCH. `normalise`: the epoch that
    artifacts are normalised to, None: they stay as built."""

    root: Path
    around: Surroundings
    given: int | None = None
    normalise: Epoch | None = None

    def request(self, options: BuildOptions) -> BuildRequest:
        """The build that a builder is asked for. Images stay as it makes them."""
        return BuildRequest(
            command=options.command,
            cwd=options.cwd,
            root=self.root,
            environment=self.around.environment,
            config=options.config,
            output=options.output,
            artifacts=options.artifacts,
            images=options.images,
            epoch=self.around.epoch,
        )

    def told(self, options: BuildOptions) -> Iterator[Setting]:
        """What a rebuild has to tell `bom` again, and the umask that it set."""
        if self.around.umask is not None:
            yield Setting("option", "umask", f"{self.around.umask:03o}")
        if options.as_is:
            yield Setting("option", "as-is", "true")
        if self.normalise is not None:
            yield Setting("option", "normalize", "true")
        for pattern in filter(None, options.artifacts):
            shown = redact.command([pattern], root=self.root, cwd=options.cwd)
            yield Setting("option", "artifact", shlex.split(shown)[0])
        for image in options.images:
            yield Setting("option", "image", redact.text(image))


def place_of(options: BuildOptions) -> Place:
    """Raises BomError where SOURCE_DATE_EPOCH is no number, Refused where what is asked for needs
    a time and there is none."""
    given = source_date_epoch(options.environment.get(repeatable.EPOCH))
    root = project_root(options.cwd)
    normalises = options.config.normalize
    epoch = given
    if epoch is None and (normalises or not options.as_is):
        epoch = commit_time(root)
    if normalises and epoch is None:
        raise Refused(
            "--normalize needs a time to set, and there is none: the project has no commit, and"
            " SOURCE_DATE_EPOCH is not set",
            hint="commit first, or set SOURCE_DATE_EPOCH to seconds since 1970",
        )
    if options.as_is:
        around = repeatable.as_is(options.environment)
    else:
        around = repeatable.repeatable(options.environment, epoch)
    return Place(root, around, given, _normalised_to(epoch, root) if normalises else None)


def _normalised_to(epoch: int | None, root: Path) -> Epoch | None:
    """The epoch, with the times that the source's own files have before the command runs."""
    if epoch is None:
        return None
    found = times(root)
    return Epoch.of(epoch, found.files, found.folders)
