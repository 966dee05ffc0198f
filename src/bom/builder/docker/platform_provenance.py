"""BuildKit's provenance for every platform of a build.

The metadata file holds the provenance of a build for one platform; for several it is asked for in
the builder's record of the build (`buildx history`, buildx 0.22 and BuildKit 0.12 on).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.builder.docker.client import Question
from bom.builder.images import provenance

if TYPE_CHECKING:
    from bom.builder.docker.client import Client
    from bom.builder.docker.command import DockerCommand
    from bom.builder.images.provenance import Reported
    from bom.builder.protocol import BuildRequest

_PREDICATES: Final = ("https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1")


@dataclass(frozen=True, slots=True)
class PlatformProvenance:
    """Asks the client that built. `platforms`: of the build."""

    ask: Question
    builder: tuple[str, ...]
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
        prefix = (str(client.path), *command.argv[1 : command.globals_end])
        named = command.builder(request.environment)
        return cls(
            Question(prefix, request.environment, request.cwd),
            ("--builder", named) if named else (),
            platforms,
        )

    def added_to(self, reported: Reported) -> Reported:
        """What was reported, with each platform's provenance where the build had several and its
        builder keeps it. Raises BomError for one that is not as BuildKit writes it."""
        if len(self.platforms) < 2 or not reported.build_ref or reported.sources is not None:
            return reported
        if reported.platforms:
            return reported
        found = {name: self._asked(reported.build_ref, name) for name in self.platforms}
        return provenance.with_platforms(reported, found)

    def _asked(self, build_ref: str, platform: str) -> bytes:
        reference = build_ref.rpartition("/")[2]
        words = ("history", "inspect", "attachment", *self.builder, "--platform", platform)
        for predicate in _PREDICATES:
            if told := self.ask("buildx", *words, "--type", predicate, reference):
                return told.encode()
        return b""
