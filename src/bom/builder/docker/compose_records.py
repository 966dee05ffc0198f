"""What BuildKit's records say of the images that compose built.

Compose has buildx build, or does it by buildx' own code: both note each build on this machine, by
target and context. Only these builds are asked for.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.builder.docker import history
from bom.builder.docker.client import DOCKER_DRIVER, Question
from bom.builder.docker.local_builds import LocalBuilds
from bom.builder.images import provenance
from bom.builder.images.remote import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bom.builder.docker.client import Client
    from bom.builder.docker.history import BuildRef
    from bom.builder.docker.local_builds import LocalBuild
    from bom.builder.docker.plugin import PluginCall
    from bom.builder.docker.targets import Definition
    from bom.builder.images.provenance import Reported
    from bom.builder.images.store import StoredImage
    from bom.builder.protocol import BuildRequest

_AT_ONCE: Final = 2
_ALONE: Final = "docker-compose as a program of its own is not asked for the record of the build"


class Records:
    """The builds of one call of compose. Made before the command runs."""

    def __init__(
        self,
        call: PluginCall,
        client: Client,
        request: BuildRequest,
        definitions: Iterable[Definition],
    ) -> None:
        self._definitions = {item.label: item for item in definitions}
        self._cwd = request.cwd
        self._route = client.route
        self._lacking = _ALONE if call.alone and client.route == "buildx" else ""
        self._builds: LocalBuilds | None = None
        if client.route == "buildx" and not call.alone:
            self._builds = LocalBuilds.of(call, request.environment, request.cwd)
        prefix = (str(client.path), *call.as_build("build").buildx[1:])
        self._history = history.History(Question(prefix, request.environment, request.cwd))

    def reported(self, images: Mapping[str, StoredImage]) -> dict[str, Reported]:
        """What is known of each service's image."""
        if self._builds is None:
            return {
                label: replace(provenance.of_image(image.id), lacking=self._lacking)
                for label, image in images.items()
            }
        builds = self._builds.started()

        def of(item: tuple[str, StoredImage]) -> Reported:
            label, image = item
            platforms = self._definitions[label].platforms
            return history.reported(image, self._of(label, builds), self._history, platforms)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(images, pool.map(of, images.items()), strict=True))

    def pushed(self, label: str, kept: StoredImage | None) -> Reported | None:
        """What is known of the image that was pushed for a service, by the builder's record of
        it; None where there is none. `kept`: what the engine has under its name."""
        if self._builds is None:
            return None
        mine = self._of(label, self._builds.started())
        return history.pushed(kept, mine, self._history, self._definitions[label].platforms)

    def by_engine(self, label: str) -> bool:
        """Whether the service is known to have been built by the engine itself, which keeps what
        it pushes."""
        if self._route == "classic":
            return True
        mine = self._of(label, self._builds.started()) if self._builds is not None else []
        return bool(mine) and all(self._history.driver(one) == DOCKER_DRIVER for one in mine)

    def _of(self, label: str, builds: Iterable[LocalBuild]) -> list[BuildRef]:
        target, place = _target(label), _place(self._definitions[label].context, self._cwd)
        return [
            one.ref
            for one in builds
            if _target(one.target) == target and _place(one.context, self._cwd) == place
        ]


def _target(name: str) -> str:
    """Compose calls the target of `a.b` `a_b`, with more of them where that is taken."""
    return name.replace(".", "_").rstrip("_")


def _place(context: str, cwd: Path) -> str:
    return context if is_remote(context) else os.path.normpath(cwd / context)
