"""Standard input as a build reads it: a Dockerfile or a tar that is the context.

It can be read only once, so it is spooled to a private file, looked at there, and given to the
command from there.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from bom.archive.decompress import MAGIC, form_of
from bom.archive.tar import BLOCK, is_header
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "-"  # what the command line calls it
FILE: Final = "stdin"
_HINT: Final = "give it a file: bom build ... -- docker build - < Dockerfile"
_PIECE: Final = 1024 * 1024


def spool(folder: Path, descriptor: int = 0) -> Path:
    """All of `descriptor` in a new file (0600) in the private `folder`. Raises BomError where it
    is a terminal, closed, or can't be kept."""
    if _is_terminal(descriptor):
        raise BomError("this build reads standard input, which is a terminal", hint=_HINT)
    if descriptor == 0 and sys.stdin is None:  # closed: by now another file may have its number
        raise BomError("this build reads standard input, which is closed", hint=_HINT)
    path = folder / FILE
    try:
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with (
            os.fdopen(made, "wb") as target,
            os.fdopen(os.dup(descriptor), "rb", buffering=0) as source,
        ):
            shutil.copyfileobj(source, target, _PIECE)
    except OSError as error:
        raise BomError(
            f"standard input can't be kept for the build: {error.strerror}",
            hint=f"is there room for it in {folder.parent}? TMPDIR names another place",
        ) from error
    return path


def is_tar(path: Path) -> bool:
    """Whether docker takes this for a tar and not for a Dockerfile: it is compressed, or its
    first block is a tar's header."""
    with path.open("rb") as stream:
        head = stream.read(BLOCK)
    return bool(form_of(head[:MAGIC])) or is_header(head)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def is_used(context: str, dockerfile: str) -> bool:
    """Whether a build of these reads standard input. Raises BomError where it would need it
    twice, as docker does."""
    if context == dockerfile == NAME:
        raise BomError(
            "standard input can't be both the context and the Dockerfile",
            hint="name the Dockerfile inside the tar, or give the build a folder",
        )
    return NAME in (context, dockerfile)
