"""Builds that make images some way of their own: `bom build --image REF -- make image`.

Whatever the command is, it runs untouched; the images are those that `--image` names. Each must
have been made or moved while the command ran: one that lay there before, and that nothing of this
build has touched, would get a BOM of a build that is not its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from bom.builder.images.collect import NEEDS, Collector
from bom.builder.images.context import BuildInputs
from bom.builder.images.folder import LocalContext
from bom.builder.images.ignore import IgnoreRules
from bom.builder.images.naming import destinations
from bom.builder.images.provenance import Reported
from bom.builder.images.recipe import Recipe
from bom.builder.prepared import Closing
from bom.builder.protocol import Collected, Invocation
from bom.catalog.images.reference import familiar
from bom.errors import BomError
from bom.model import Gap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.builder.images.store import ImageStore, StoredImage
    from bom.builder.protocol import BuildRequest, Progress
    from bom.model import Observation

NO_ATTESTATIONS: Final = "BUILDX_NO_DEFAULT_ATTESTATIONS"
_UNKNOWN: Final = "the image is made by a command of its own: what it gives the builder isn't seen"
_LIMIT: Final = 400  # characters of a name; registries allow 255 for a repository


class Watched(Protocol):
    """A store that is watched while a command runs."""

    @property
    def store(self) -> ImageStore: ...

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What the store states of itself."""

    def made(self, name: str, image: str) -> bool:
        """Whether the image with this ID got the name since the watch began, or was loaded."""

    def close(self) -> None:
        """End the watch; the store stays open."""


def watched(environment: Mapping[str, str], cwd: Path) -> Watched:
    """The store that the command's images are looked for in: the engine that a docker client
    called there without options would use. Another store is chosen here."""
    from bom.builder.docker.watched import WatchedEngine

    return WatchedEngine(environment, cwd)


def prepare(request: BuildRequest) -> IndirectBuild:
    """What the store holds before the command runs. Raises BomError, EnvironmentLacks."""
    if request.artifacts:
        raise BomError(
            "--image and --artifact exclude each other",
            hint="seal the images with one call, the files with another",
        )
    names = tuple(dict.fromkeys(_name(text) for text in request.images))
    example = "make image"
    targets = destinations(request.output, names, " ".join(("--image", names[0], "--", example)))
    watch = watched(request.environment, request.cwd)
    try:
        before = {name: _id(watch.store.inspect(name)) for name in names}
    except BaseException:
        watch.close()
        watch.store.close()
        raise
    return IndirectBuild(request, watch, before, dict(zip(names, targets, strict=True)))


class IndirectBuild(Closing):
    """One build about to run; a context manager that owns its exports."""

    needs: tuple[str, ...] = NEEDS
    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        request: BuildRequest,
        watch: Watched,
        before: Mapping[str, str],
        targets: Mapping[str, Path],
    ) -> None:
        # else buildx puts times into each image, and its ID differs from run to run
        environment = {NO_ATTESTATIONS: "1", **request.environment}
        self.invocation = Invocation(request.command, environment)
        self.observations = watch.observations
        self._request = request
        self._watch = watch
        self._before = before
        self._targets = targets
        self._collector = Collector(watch.store, request)

    def close(self) -> None:
        self._watch.close()
        self._collector.close()

    def packs(self, path: Path) -> bool:
        """Whether `path` lies in the project and git doesn't ignore it: what of it goes into an
        image isn't known."""
        from bom.observe import is_ignored

        return not is_ignored(self._request.root, path)

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """The images' archives. Raises BomError for an image that this command didn't make."""
        # all of them first: where one isn't the command's own, nothing is exported in vain
        made = {name: self._made(name) for name in self._targets}
        artifacts = [
            self._collector.image(
                Recipe(tags=(name,), inputs=self._inputs()),
                Reported(digest=image),
                self._targets[name],
                progress,
                commit,
            )
            for name, image in made.items()
        ]
        return Collected(artifacts=tuple(artifacts))

    def _made(self, name: str) -> str:
        """The ID of the image that the command made under this name."""
        image = _id(self._watch.store.inspect(name))
        if not image:
            raise BomError(
                f"after the command the engine holds no image {name}",
                hint="does the command build it under another name, or in another engine?",
            )
        if image == self._before[name] and not self._watch.made(name, image):
            raise BomError(
                f"{name} was not made by this command: it is the image that was there before",
                hint=f"let the command build it (remove it before: docker image rm {name})",
            )
        return image

    def _inputs(self) -> BuildInputs:
        folder = LocalContext(self._request.cwd, IgnoreRules())
        gaps = tuple(
            Gap(what, where, _UNKNOWN)
            for what, where in (
                ("context.digest", "the build context"),
                ("dockerfile.digest", "the Dockerfile"),
            )
        )
        return BuildInputs((("", folder),), None, gaps)


def _id(image: StoredImage | None) -> str:
    return image.id if image is not None else ""


def _name(text: str) -> str:
    """The image's name with its tag. Raises BomError for what is no name that could move."""
    last = text.rsplit("/", 1)[-1]
    bare = text.strip() == text and text.isprintable() and 0 < len(text) <= _LIMIT
    if not bare or not last or text.startswith(("-", "sha256:")) or "@" in text or "://" in text:
        raise BomError(
            f"--image {text[:80]!r} is no name of an image",
            hint="name it as `docker image ls` does, with its tag: --image app:1.0",
        )
    return familiar(text)
