"""What a package manager fetches for a build of files: a protocol, and what its members share."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.capsule_record import Missing

# Folders of what comes with the source, what a build makes, and tests of tools themselves.
_NOT_IN: Final = frozenset({"node_modules", "target", "testdata", "vendor"})


class Fetched(NamedTuple):
    """A file of a package manager's own store or mirror. `name`: MANAGER/PATH, the path in it;
    `purl`: of the package that it is the file of, "" where it is about packages; `known`: whether
    a lock of the source states its digest, or it is what there is now."""

    file: Path
    name: str
    purl: str = ""
    known: Literal["stated", "resolved", ""] = ""


class Fetcher(Protocol):
    """A package manager whose locks state digests. `name`: what the names of its files begin with;
    `kind`: the type of its purls; `locks`: names of the files that state the digests, or beside
    which one does."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def locks(self) -> tuple[str, ...]: ...
    def fetch(
        self, root: Path, folder: Path, environment: Mapping[str, str]
    ) -> Iterator[Fetched | Missing]: ...
    def settings(
        self, folder: Path, room: Path, environment: Mapping[str, str]
    ) -> dict[str, str]: ...


def looked_for(root: Path, name: str) -> list[Path]:
    """The files of this name in the source, sorted, but for those of other people's packages."""
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = [item for item in folders if item not in _NOT_IN and item[0] not in "._"]
        if name in files:
            found.append(Path(place, name))
    return sorted(found)


def said(
    argv: Sequence[str], cwd: Path, environment: Mapping[str, str], patience: int
) -> subprocess.CompletedProcess[bytes] | str:
    """What came of a call, or why there was none. `patience`: seconds."""
    try:
        return subprocess.run(
            argv,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except FileNotFoundError:
        return f"{argv[0]} is not on PATH"
    except subprocess.TimeoutExpired:
        return f"{argv[0]} took over {patience} s"
