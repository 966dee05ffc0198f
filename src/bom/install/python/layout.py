"""Where staged files lie, and where they go: into an environment, or one folder (`--target`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.installed.python.site import Distribution, distributions, placed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.install.python.interpreter import Interpreter

# of pip's own folder for `--target`, `TEMPORARY/lib/python`
_OUT: Final = "../../"


@dataclass(frozen=True, slots=True)
class Layout:
    """`stage`: where things are put together; `top`: what that folder stands for ("/" for pip's
    `--root`, the environment for uv's `--prefix`, else the target)."""

    python: Interpreter
    stage: Path
    top: Path
    target: Path | None

    @property
    def sites(self) -> tuple[Path, ...]:
        """The folders of packages that are installed into."""
        if self.target is not None:
            return (self.target,)
        return tuple(sorted({Path(self.python.paths[name]) for name in ("purelib", "platlib")}))

    @property
    def staged_sites(self) -> tuple[Path, ...]:
        return tuple(self._staged(site) for site in self.sites)

    def staged(self) -> dict[str, Distribution]:
        """The staged packages by name."""
        return {
            name: item for site in self.staged_sites for name, item in distributions(site).items()
        }

    def staged_scheme(self, scheme: str) -> Path | None:
        """Where files of a wheel's `.data/SCHEME` are staged; None for headers, of which every
        client has its own idea."""
        if scheme not in ("scripts", "data"):
            return None
        if self.target is not None:
            return self.stage / "bin" if scheme == "scripts" else self.stage
        return self._staged(Path(self.python.paths[scheme]))

    def staged_files(self) -> Iterator[Path]:
        for folder, names, files in os.walk(self.stage):
            links = [name for name in names if Path(folder, name).is_symlink()]
            for name in (*files, *links):
                yield Path(folder, name)

    def final(self, staged: Path) -> Path:
        """Where a staged file goes."""
        return self.top / staged.relative_to(self.stage)

    def places(self) -> Mapping[Path, Path]:
        """Every staged file by where it goes."""
        return {self.final(path): path for path in self.staged_files()}

    def record_path(self, path: str) -> str:
        """A path of RECORD as it is right: pip writes RECORD before it moves scripts and data to
        the target."""
        return path.removeprefix(_OUT) if self.target is not None else path

    def is_lost(self, site: Path, path: str) -> bool:
        """Whether pip dropped a file on the way: headers, with `--target`."""
        return self.target is not None and not placed(site, path).exists()

    def _staged(self, place: Path) -> Path:
        return self.stage / place.relative_to(self.top)
