"""A folder that is replaced as a whole: the old one or the new one stands there, at any moment.

Beside `PREFIX` a private folder `.bom-install-NAME` holds what an install needs: `new`, in which it
is put together, and `old`, where exchanging two names in one step isn't possible. It is locked
while an install runs. What a killed one left there, the next one puts right: an `old` without a
`PREFIX` is the state before, and goes back; anything else is rubbish.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError, EnvironmentLacks, Refused
from bom.install import renaming
from bom.install.locked_folder import locked
from bom.printable import printable_os
from bom.private_folder import remove

if TYPE_CHECKING:
    from collections.abc import Iterator

_BESIDE: Final = ".bom-install-"
_OPEN: Final = 0o755
_BOM: Final = Path(".bom", "bom.cdx.json")


class Place:
    """Where an install goes. `new`: an empty folder, mode 0755, to put it together in. `lock`: the
    descriptor by which it is locked, for a program that works there too."""

    def __init__(self, prefix: Path, beside: Path, lock: int) -> None:
        self.prefix = prefix
        self.lock = lock
        self.new = beside / "new"
        self._old = beside / "old"

    def publish(self) -> None:
        """What stands in `new` is complete: let it take its place, or raise OSError."""
        renaming.sync(self.new)
        if not os.path.lexists(self.prefix):
            renaming.rename_new(self.new, self.prefix)
        elif not renaming.exchange(self.new, self.prefix):
            self.prefix.rename(self._old)
            try:
                renaming.rename_new(self.new, self.prefix)
            except BaseException:
                self._old.rename(self.prefix)
                raise
        renaming.sync(self.prefix.parent)


def checked(prefix: Path) -> Path:
    """The prefix with a parent without links. Raises Refused where nothing may be installed there:
    what is replaced is replaced as a whole, so it has to be nothing, or an earlier install."""
    shown = printable_os(str(prefix))
    absolute = prefix.absolute()
    try:
        parent = absolute.parent.resolve(strict=True)
    except OSError as error:
        raise BomError(
            f"{shown} can't be made: the folder above it can't be read: {error.strerror}",
            hint="make that folder first",
        ) from error
    place = parent / absolute.name
    if absolute.name in ("", "..") or place.is_mount():
        raise Refused(f"{shown} can't be replaced as a whole", hint="name a folder below it")
    if place.is_symlink():
        raise Refused(f"{shown} is a link", hint="name the folder that it leads to")
    if os.path.lexists(place) and not _is_ours(place):
        raise Refused(
            f"{shown} is there, and is no earlier install",
            hint="name a folder that is not there yet: what is replaced is replaced as a whole",
        )
    return place


def _is_ours(place: Path) -> bool:
    """An empty folder, or one of an earlier install: it holds the BOM of what was installed."""
    if not place.is_dir():
        return False
    try:
        names = [entry.name for entry in place.iterdir()]
    except OSError as error:
        raise BomError(f"{printable_os(str(place))} can't be read: {error.strerror}") from error
    return not names or any(
        (place / top / _BOM).is_file() for top in ("", names[0] if len(names) == 1 else "")
    )


@contextmanager
def replacing(prefix: Path) -> Iterator[Place]:
    """The place of a `checked` prefix, for one install at a time. What is left behind otherwise is
    removed on every way out. Raises BomError where another install is at it."""
    beside = prefix.parent / f"{_BESIDE}{prefix.name}"
    try:
        lock = locked(beside, prefix)
    except OSError as error:
        raise _failed(prefix, error) from error
    try:
        _restore(beside, prefix)
        checked(prefix)  # once more: what is there now may be what was put back
        place = Place(prefix, beside, lock)
        place.new.mkdir(mode=_OPEN)
        place.new.chmod(_OPEN)
        yield place
    except OSError as error:
        raise _failed(prefix, error) from error
    finally:
        _restore(beside, prefix)
        with suppress(OSError):
            beside.rmdir()  # while it is locked: who waits for it finds that it is another's
        os.close(lock)


def _restore(beside: Path, prefix: Path) -> None:
    """The state before an install that was cut off, or after one that was completed."""
    if (beside / "old").is_dir() and not os.path.lexists(prefix):
        (beside / "old").rename(prefix)
    for name in ("old", "new"):
        remove(beside / name)


def _failed(prefix: Path, error: OSError) -> BomError:
    reason = f"{printable_os(str(prefix))} can't be installed: {error.strerror or error}"
    hint = "what was there before is still there"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentLacks(reason, hint=f"make room on its disk; {hint}")
    return BomError(reason, hint=hint)
