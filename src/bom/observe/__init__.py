"""What happened: one module per kind of fact, all listed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.model import Gap
from bom.observe.checks import ChecksObserver
from bom.observe.environment import EnvironmentObserver
from bom.observe.source import SourceObserver, commit_time, is_ignored
from bom.observe.tools import ToolsObserver

if TYPE_CHECKING:
    from pathlib import Path

    from bom.model import Observation
    from bom.observe.protocol import BuildContext, Observer

__all__ = ["OBSERVERS", "commit_time", "is_ignored", "observe", "project_root"]

OBSERVERS: Final[tuple[Observer, ...]] = (
    SourceObserver(),
    EnvironmentObserver(),
    ToolsObserver(),
    ChecksObserver(),
)


def observe(build: BuildContext) -> tuple[Observation, ...]:
    """Everything that the observers see before the command runs, each once.

    An observer that fails becomes a gap; a BomError (results of checks that are refused) stops
    the build before it began.
    """
    seen: dict[Observation, None] = {}
    for observer in OBSERVERS:
        try:
            for observation in observer.observe(build):
                seen.setdefault(observation)
        except BomError:
            raise
        except Exception as error:  # noqa: BLE001 - an observer must not stop a build
            why = f"the observer failed ({type(error).__name__})"
            seen.setdefault(Gap(f"{observer.name}.observer", observer.name, why))
    return tuple(seen)


def project_root(cwd: Path) -> Path:
    """The top of the git work tree that holds `cwd`, else `cwd` itself; symlinks resolved."""
    place = cwd.resolve()
    for folder in (place, *place.parents):
        if _is_repository(folder / ".git"):
            return folder
    return place


def _is_repository(marker: Path) -> bool:
    """`.git`: a directory with a HEAD, or the file of a linked work tree or submodule."""
    try:
        if marker.is_dir():
            return (marker / "HEAD").is_file()
        with marker.open("rb") as stream:
            return stream.read(8) == b"gitdir: "
    except OSError:
        return False
