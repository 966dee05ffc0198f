"""The tools of a build: what its builder and the observers see before the command runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bom.builder import builder_for
from bom.builder.protocol import BuildRequest
from bom.lock_record import LockedTool
from bom.model import Tool
from bom.observe import observe, project_root
from bom.observe.protocol import BuildContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.config import Config
    from bom.model import Observation


def of_command(
    command: Sequence[str], environment: Mapping[str, str], config: Config, cwd: Path
) -> list[LockedTool]:
    """The tools of this command, sorted; it isn't run. Raises BomError where it couldn't be
    wrapped, EnvironmentLacks where it lacks its engine."""
    root = project_root(cwd)
    context = BuildContext(
        root=root, cwd=cwd, command=tuple(command), environment=environment, config=config
    )
    with tempfile.TemporaryDirectory(prefix="bom-lock-") as folder:
        request = BuildRequest(
            command=tuple(command),
            cwd=cwd,
            root=root,
            environment=environment,
            config=config,
            output=Path(folder),
        )
        with builder_for(command).prepare(request) as prepared:
            return of_observations((*observe(context), *prepared.observations))


def of_observations(observations: Iterable[Observation]) -> list[LockedTool]:
    """The tools among these facts, sorted, one for each kind and name."""
    found: dict[tuple[str, str], LockedTool] = {}
    for fact in observations:
        if isinstance(fact, Tool):
            digests = [item.value for item in fact.hashes if item.alg == "SHA-256"]
            found[fact.kind, fact.name] = LockedTool(
                kind=fact.kind,
                name=fact.name,
                version=fact.version,
                sha256=digests[0] if digests else "",
            )
    return [found[key] for key in sorted(found)]
