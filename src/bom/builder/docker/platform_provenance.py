"""BuildKit's provenance for every platform of a build.

The metadata file holds the provenance of a build for one platform; for several it is asked for in
the builder's record of the build (`history`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bom.builder.docker.client import Question
from bom.builder.docker.history import BuildRef, History
from bom.builder.images import provenance

if TYPE_CHECKING:
    from bom.builder.docker.client import Client
    from bom.builder.docker.command import DockerCommand
    from bom.builder.images.provenance import Reported
    from bom.builder.protocol import BuildRequest


@dataclass(frozen=True, slots=True)
class PlatformProvenance:
    """Asks the client that built. `platforms`: of the build."""

    history: History
    platforms: tuple[str, ...]

    @classmethod
    def of(
        cls, command: DockerCommand, client: Client, request: BuildRequest
    ) -> PlatformProvenance:
        platforms = command.platforms(request.environment) if client.route == "buildx" else ()
        return cls.of_call(command, client, request, platforms)

    @classmethod
    def of_call(
        cls,
        command: DockerCommand,
        client: Client,
        request: BuildRequest,
        platforms: tuple[str, ...],
    ) -> PlatformProvenance:
        """The same for a build whose platforms the command doesn't name."""
        prefix = (str(client.path), *command.buildx[1:])
        return cls(History(Question(prefix, request.environment, request.cwd)), platforms)

    def added_to(self, reported: Reported) -> Reported:
        """What was reported, with each platform's provenance where the build had several and its
        builder keeps it. Raises BomError for one that is not as BuildKit writes it."""
        if len(self.platforms) < 2 or reported.sources is not None or reported.platforms:
            return reported
        build = BuildRef.of(reported.build_ref)
        if build is None:
            return reported
        if why := self.history.refusal(build):
            return replace(reported, lacking=why)
        found = {name: self.history.provenance(build, name) for name in self.platforms}
        return provenance.with_platforms(reported, found)
