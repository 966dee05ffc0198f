"""What is added to a docker build to learn of its result: an ID file and, where the build goes to
buildx, a metadata file. Where the user gives one of them it is read and left alone.

The ID file doesn't go with every output: buildx refuses it beside the exporters `local` and
`tar`, and BuildKit's own client of 20.10 fails after the build where there is no image at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.builder.images import provenance
from bom.builder.images.results import EngineImage, Pushed, RootFsFolder, RootFsTar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bom.builder.docker.client import Route
    from bom.builder.docker.command import DockerCommand
    from bom.builder.images.provenance import Reported
    from bom.builder.images.results import Result

NO_ATTESTATIONS: Final = "BUILDX_NO_DEFAULT_ATTESTATIONS"
METADATA_PROVENANCE: Final = "BUILDX_METADATA_PROVENANCE"
_STREAMS: Final = ("/dev/", "/proc/")


@dataclass(frozen=True, slots=True)
class Added:
    """The options that are added, the variables (unless the user sets them), and where the two
    files will be; None: the build writes none that could be read."""

    options: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    id_file: Path | None
    metadata_file: Path | None

    @classmethod
    def to(
        cls,
        command: DockerCommand,
        route: Route,
        wanted: Sequence[Result],
        places: tuple[Path, Path],
    ) -> Added:
        """`places`: the working directory, and a private folder for files."""
        cwd, folder = places
        options: list[str] = []
        # what is pushed is the user's to use, so nothing is left out of it
        pushes = any(isinstance(result, Pushed) for result in wanted)
        variables = [] if pushes or command.wants_attestations else [(NO_ATTESTATIONS, "1")]
        id_file = _given(command.value("iidfile"), cwd)
        if not command.value("iidfile") and _takes_id_file(route, wanted):
            id_file = folder / "id"
            options += ["--iidfile", str(id_file)]
        metadata_file = _given(command.value("metadata-file"), cwd)
        if not command.value("metadata-file") and route == "buildx":
            metadata_file = folder / "metadata.json"
            options += ["--metadata-file", str(metadata_file)]
        if metadata_file is not None:
            variables.append((METADATA_PROVENANCE, "max"))
        return cls(tuple(options), tuple(variables), id_file, metadata_file)

    def reported(self, wanted: Sequence[Result]) -> Reported:
        """What the finished build says of itself. Raises BomError where it doesn't say which
        image it made, though it made one."""
        id_file, metadata_file = _readable(self.id_file), _readable(self.metadata_file)
        if all(isinstance(result, RootFsTar | RootFsFolder) for result in wanted):
            return provenance.stated(id_file, metadata_file)
        return provenance.read(id_file, metadata_file)


def _takes_id_file(route: Route, wanted: Sequence[Result]) -> bool:
    if route == "buildkit":
        return all(isinstance(result, EngineImage) for result in wanted)
    return not any(isinstance(result, RootFsTar | RootFsFolder) for result in wanted)


def _given(name: str, cwd: Path) -> Path | None:
    """The user's own file; a stream can be read by one reader only, and that is the user."""
    if not name or name.startswith(_STREAMS):
        return None
    return cwd / name


def _readable(path: Path | None) -> Path | None:
    return path if path is not None and path.is_file() else None
