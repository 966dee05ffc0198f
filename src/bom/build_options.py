"""What the user asks of a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bom.process import STDOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.config import Config
    from bom.sign.keys import PrivateKey


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What the user asked for. `key` None: unsigned, which the user has to ask for.

    `environment`: the user's own; the command gets it with what makes it repeatable, or `as_is`
    exactly so. `stdout`: the descriptor for the command's standard output. `key_file`: where the
    private key lies, so that a build which would pack it is refused. `result_file`: where the
    caller writes what was done; like all of `bom`'s own files it is no part of the source.
    `locked`: only with the inputs that bom.lock names. `check_reproducible`: build a second time
    and compare; `require_reproducible`: and seal nothing where other bytes come out.
    """

    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    config: Config
    key: PrivateKey | None
    key_file: Path | None = None
    output: Path | None = None
    result_file: Path | None = None
    artifacts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    check_files: tuple[Path, ...] = ()
    require_checks: bool = False
    as_is: bool = False
    locked: bool = False
    check_reproducible: bool = False
    require_reproducible: bool = False
    stdout: int = STDOUT
