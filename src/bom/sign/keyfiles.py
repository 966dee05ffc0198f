"""Key files: read with care, written once.

A private key that others on the machine may read is refused, as ssh does: whoever copied it can
sign in the owner's name, and nothing would ever show it.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.output import PRIVATE, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bom.sign.keys import PrivateKey

PRIVATE_SUFFIX: Final = ".key"
PUBLIC_SUFFIX: Final = ".pub"
SIZE_LIMIT: Final = 64 * 1024  # bytes; a key has a few hundred
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read(path: Path) -> bytes:
    """The content of a key file or pipe. Raises BomError, naming the file."""
    return _read(path)[0]


def read_private(path: Path) -> bytes:
    """The content of a private key's file.

    Raises BomError as `read` does, and where group or others may read or write the file. What
    is no private key at all is for the reader of its content to refuse.
    """
    data, mode = _read(path)
    if stat.S_ISREG(mode) and mode & _OTHERS and b"PRIVATE KEY-----" in data:
        raise BomError(
            f"{path}: others on this machine may read or change this private key "
            f"(mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod 600 {path}; if others could really read it, make a new key",
        )
    return data


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors about the content name the file, whatever their class."""
    try:
        yield
    except BomError as error:
        raise type(error)(f"{path}: {error.reason}", hint=error.hint) from error


def pair(stem: Path) -> tuple[Path, Path]:
    """The paths of a pair of keys: STEM.key and STEM.pub."""
    return stem.with_name(stem.name + PRIVATE_SUFFIX), stem.with_name(stem.name + PUBLIC_SUFFIX)


def check_free(stem: Path) -> None:
    """Raises BomError where either file of the pair is there already."""
    for path in pair(stem):
        if os.path.lexists(path):
            raise BomError(
                f"{path} is there already, and a key that is overwritten is lost",
                hint="choose another name with --out, or move it away first",
            )


def write_pair(stem: Path, key: PrivateKey, passphrase: bytes | None) -> tuple[Path, Path]:
    """Write STEM.key (mode 0600, encrypted when a passphrase is given) and STEM.pub; their paths.

    Raises BomError where either is there already or can't be written.
    """
    check_free(stem)
    private, public = pair(stem)
    try:
        write_whole(private, key.pem(passphrase), mode=PRIVATE)
        write_whole(public, key.public.pem())
    except OSError as error:
        raise BomError(
            f"{stem.parent} can't be written to: {error.strerror}",
            hint="choose another place with --out",
        ) from error
    return private, public


def _read(path: Path) -> tuple[bytes, int]:
    """The content and the mode of a file or pipe of at most SIZE_LIMIT bytes."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BomError(
            f"{path}: the key can't be read: {reason}",
            hint="`bom key generate` makes a key; is the path right?",
        ) from error
    if len(data) > SIZE_LIMIT:
        raise BomError(f"{path}: too large for a key", hint="is it the right file?")
    return data, mode
