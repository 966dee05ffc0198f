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
from bom.builder.docker.client import Question
from bom.builder.docker.local_builds import LocalBuilds
from bom.builder.images import provenance
from bom.builder.images.remote import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bom.builder.docker.client import Client
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
        self._contexts = {item.label: item.context for item in definitions}
        self._cwd = request.cwd
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
            mine = [one.ref for one in builds if self._is_of(one, label)]
            return history.reported(image, mine, self._history)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(images, pool.map(of, images.items()), strict=True))

    def _is_of(self, build: LocalBuild, label: str) -> bool:
        return _target(build.target) == _target(label) and _place(
            build.context, self._cwd
        ) == _place(self._contexts[label], self._cwd)


def _target(name: str) -> str:
    """Compose calls the target of `a.b` `a_b`, with more of them where that is taken."""
    return name.replace(".", "_").rstrip("_")


def _place(context: str, cwd: Path) -> str:
    return context if is_remote(context) else os.path.normpath(cwd / context)
