"""All results of one docker build: where each is to stand sealed, and what they turn out to be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

from bom.builder.images import naming, written
from bom.builder.images.results import (
    ArchiveFile,
    EngineImage,
    Nothing,
    Pushed,
    RootFsFolder,
    RootFsTar,
)
from bom.builder.images.written import Folder
from bom.builder.protocol import Collected
from bom.errors import BomError
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.builder.images.collect import Collector
    from bom.builder.images.provenance import Reported
    from bom.builder.images.recipe import Recipe
    from bom.builder.images.results import Result
    from bom.builder.protocol import Artifact, BuildRequest, Progress
    from bom.model import Observation

_EXAMPLE: Final = "docker build ..."


class Outcome:
    """The results of one build that is about to run. Raises BomError where they can't go where
    `bom build -o` says.

    An image that no file holds needs `-o`. What the build writes into files is sealed where it
    is; `-o` takes it elsewhere where there is no such image.
    """

    def __init__(
        self,
        wanted: Sequence[Result],
        request: BuildRequest,
        tags: Sequence[str],
        platforms: Sequence[str] = (),
    ) -> None:
        """`platforms`: those that the build is told to build for."""
        self.wanted = tuple(wanted)
        self._platforms = tuple(platforms)
        _refuse_unfindable(self.wanted, tags)
        if request.normalise is not None:
            _refuse_pushed(self.wanted)
        self._request = request
        self._targets = dict(_targets(self.wanted, request.output, tags))
        self._folders: Mapping[Path, Folder] = {
            result.path: Folder.watch(
                result.path, replace(request, output=self._targets.get(result))
            )
            for result in self.wanted
            if isinstance(result, RootFsFolder)
        }

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the build and its sealing will write, each once; folders left out."""
        own = [result.path for result in self.wanted if isinstance(result, ArchiveFile | RootFsTar)]
        sealed = [path for path in self._targets.values() if not path.is_dir()]
        return tuple(dict.fromkeys((*sealed, *own)))

    @property
    def image_file(self) -> Path | None:
        """Where the image that is in no file goes; None where there is none."""
        images = [item for item in self.wanted if isinstance(item, EngineImage | Pushed)]
        return self._targets[images[0]] if images else None

    def collect(
        self,
        collector: Collector,
        recipe: Recipe,
        reported: Reported,
        progress: Progress,
        commit: str,
    ) -> Collected:
        """What the finished build left, in the order of its outputs."""
        made: list[Collected] = []
        facts: tuple[Observation, ...] = ()
        if any(isinstance(result, RootFsTar | RootFsFolder) for result in self.wanted):
            facts = collector.made_from(recipe, reported, progress)
        for result in self.wanted:
            match result:
                case EngineImage() | Pushed():
                    target = self._targets[result]
                    item = collector.image(recipe, reported, target, progress, commit)
                    made.append(Collected((item,)))
                case ArchiveFile():
                    places = (result.path, self._targets[result])
                    item = collector.archive(recipe, reported, places, progress, commit)
                    made.append(Collected((item,)))
                case RootFsTar():
                    target = self._targets[result]
                    tar = written.file_system(result.path, target, self._request, progress)
                    gaps = _unlooked(self._platforms)
                    made.append(Collected((_with(tar, (*facts, *gaps)),)))
                case RootFsFolder():
                    found = self._folders[result.path].collect(progress)
                    artifacts = tuple(_with(item, facts) for item in found.artifacts)
                    made.append(replace(found, artifacts=artifacts))
                case Nothing():
                    continue
                case _:
                    assert_never(result)
        return Collected(
            tuple(item for part in made for item in part.artifacts),
            sealed_already=tuple(item for part in made for item in part.sealed_already),
            warnings=tuple(text for part in made for text in part.warnings),
        )


def _refuse_pushed(wanted: Sequence[Result]) -> None:
    """What is pushed is what the builder made: the sealed file would hold another image."""
    if any(isinstance(result, Pushed) for result in wanted):
        raise BomError(
            "an image that the build pushes itself can't be normalised",
            hint="build without pushing and push what was sealed, or build with --no-normalize",
        )


def _unlooked(platforms: Sequence[str]) -> tuple[Gap, ...]:
    """Of several platforms each has a folder of its own in the tar (`linux_arm64/`)."""
    if len(platforms) < 2:
        return ()
    why = (
        "its file system is in a folder of the tar: system packages are only looked for at the top"
    )
    return tuple(Gap("image.platform", platform, why) for platform in platforms)


def _with(artifact: Artifact, facts: Sequence[Observation]) -> Artifact:
    return replace(artifact, observations=tuple(dict.fromkeys((*artifact.observations, *facts))))


def _targets(
    wanted: Sequence[Result], output: Path | None, tags: Sequence[str]
) -> Mapping[Result, Path]:
    """Where each result goes. A folder is there only where `-o` takes its files elsewhere."""
    found: dict[Result, Path] = {}
    images = [item for item in wanted if isinstance(item, EngineImage | Pushed)]
    others = [item for item in wanted if isinstance(item, ArchiveFile | RootFsTar | RootFsFolder)]
    if images:
        (place,) = naming.destinations(output, [tags[0] if tags else "image"], _EXAMPLE)
        found.update(dict.fromkeys(images, place))
        output = None
    if output is not None and len(others) > 1 and not output.is_dir():
        raise BomError(
            f"this build has {len(others)} outputs, and {output.name} is no folder",
            hint="-o names a folder that is there; without it they are sealed where they are",
        )
    if output is not None and not output.is_dir() and not output.parent.is_dir():
        raise BomError(
            f"{output.name} can't be written there", hint="-o names a file in a folder that exists"
        )
    for item in others:
        if isinstance(item, RootFsFolder):
            if output is not None:
                found[item] = output
        elif output is None:
            found[item] = item.path
        else:
            found[item] = output / item.path.name if output.is_dir() else output
    _refuse_twice(list(found.values()), images)
    return found


def _refuse_unfindable(wanted: Sequence[Result], tags: Sequence[str]) -> None:
    """With several outputs buildx reports the digest of one image only, not always the engine's."""
    kinds = {type(item) for item in wanted}
    if not tags and {EngineImage, ArchiveFile} <= kinds:
        raise BomError(
            "the image in the engine could not be told from others: it has no tag, and the build"
            " has another output besides",
            hint="give it a tag: -t NAME",
        )


def _refuse_twice(targets: Sequence[Path], images: Sequence[Result]) -> None:
    """Two results in one file: one of them would be lost (two images of one build are one)."""
    files = [path for path in targets if not path.is_dir()]
    spare = max(len(images) - 1, 0)
    if len(set(files)) < len(files) - spare:
        names = sorted({path.name for path in files if files.count(path) > 1})
        raise BomError(
            f"several outputs of this build would go to {', '.join(names)}",
            hint="give each output a file of its own name",
        )
