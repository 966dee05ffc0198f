"""Facts about the tools of a build: a program that runs here is hashed, what another one states is
only quoted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom import sha256sum
from bom.compose.formulation import tool_ref
from bom.errors import BomError
from bom.model import Gap, Hash, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bom.model import Observation, ToolKind


@dataclass(frozen=True, slots=True)
class RunHere:
    """A program that runs on this machine. `path`: resolved. `version`: "" where it states none."""

    kind: ToolKind
    name: str
    path: Path
    version: str


def used(programs: Sequence[RunHere]) -> Iterator[Observation]:
    """The programs with SHA-256 and the Debian package that each comes from. Raises BomError for
    one that can't be read."""
    from bom.observe.packages import owners

    paths = tuple(program.path for program in programs)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(owners, paths)
        digests = {path: _digest(path) for path in paths}
        packages = asked.result()
    for item in programs:
        tool = Tool(
            item.kind,
            item.name,
            item.version,
            hashes=(Hash("SHA-256", digests[item.path]),),
            package=packages.get(item.path, ""),
        )
        yield tool
        if not item.version:
            yield Gap("tool.version", item.name, "it states no version", tool_ref(tool))


def stated(
    kind: ToolKind, name: str, version: str, by: str = "the engine"
) -> Iterator[Observation]:
    """`v0.0.0+unknown` is what a build without its version stamped in says: no version."""
    known = "" if version in ("", "unknown") or version.startswith("v0.0.0+") else version
    tool = Tool(kind, name, known, evidence="stated")
    yield tool
    why = ""
    if not known:
        why = f"{by} states no version of it"
    elif "unknown" in known:
        why = f"{by} states its version with an unknown part"
    if why:
        yield Gap("tool.version", name, why, tool_ref(tool))


def _digest(path: Path) -> str:
    try:
        return sha256sum.of_file(path)
    except OSError as error:
        raise BomError(f"{path.name} can't be read: {error.strerror}") from error
