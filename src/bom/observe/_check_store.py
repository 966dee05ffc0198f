"""Where the results of checks are kept until the next build: never in the tree, where they would
be packed.

In git `git rev-parse --git-path bom`/checks/NAME.json (each work tree its own), elsewhere
`$XDG_STATE_HOME/bom/PROJECT/checks/NAME.json`, PROJECT being the hex SHA-256 of the root's path.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.input import read_bounded
from bom.observe._git import GitUnusable, open_repository
from bom.output import PRIVATE, write_whole
from bom.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.check_record import CheckRecord

SIZE_LIMIT: Final = 16 * 1024 * 1024  # bytes of one record
_NAME_LENGTH: Final = 100


def valid_name(name: str) -> str:
    """`name`, if it can name a check: a file name on any system. Raises BomError."""
    good = (
        0 < len(name) <= _NAME_LENGTH
        and name.isprintable()
        and not name.startswith((".", "-", " "))
        and not set(name) & set('/\\:*?"<>|')
        and len(os.fsencode(name)) <= 200
    )
    if not good:
        raise BomError(
            "this is no name for a check",
            hint="up to 100 letters, digits, spaces, `.`, `_`, `-`, as in `bom check unit -- ...`",
        )
    return name


def folder(root: Path, environment: Mapping[str, str]) -> Path:
    """Where the results for the project at `root` are kept; it may not be there yet."""
    try:
        answer = open_repository(root).ask("rev-parse", "--git-path", "bom")
        if answer.code == 0:
            return root / os.fsdecode(answer.out.rstrip(b"\n")) / "checks"
    except GitUnusable:
        pass
    project = hashlib.sha256(os.fsencode(root)).hexdigest()
    return state_folder(environment) / project / "checks"


def keep(place: Path, record: CheckRecord) -> None:
    """Write a record to `place`, whole or not at all, readable to its owner alone."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(place, (record.model_dump_json(indent=1) + "\n").encode(), mode=PRIVATE)


def read(path: Path) -> CheckRecord:
    """The record at `path`. Raises BomError where it is none."""
    # only here: most builds and scans have no results, and loading pydantic takes its time
    from pydantic import ValidationError

    from bom.check_record import CheckRecord

    try:
        data = read_bounded(path, SIZE_LIMIT)
    except OSError as error:
        raise BomError(f"the check results {path} can't be read: {error.strerror}") from error
    try:
        record = CheckRecord.model_validate_json(data)
    except ValidationError as error:
        raise BomError(
            f"{path} holds no results of `bom check`", hint="write them by `bom check --out FILE`"
        ) from error
    valid_name(record.name)
    return record


def stored(place: Path) -> tuple[Path, ...]:
    """The files of the results kept in the folder `place`, sorted."""
    try:
        return tuple(sorted(path for path in place.iterdir() if path.suffix == ".json"))
    except (FileNotFoundError, NotADirectoryError):
        return ()
