"""Times of entries, clamped to the epoch: never later than it, and earlier ones stay.

A clone writes its files after the commit was made, so that all which a build touches is clamped;
what is older was unpacked from somewhere with its time, which is the same for everybody. Only the
source's own files are older in the tree in which they were written (they were, before they were
committed): `Epoch` knows them by time and size, and they get the epoch, too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

# The westernmost zone is twelve hours behind UTC: a local time that says nothing of its zone may
# be meant as much later.
_UNZONED: Final = 12 * 3600
_FIRST: Final = 315_532_800  # 1980-01-01, where MS-DOS time begins
_LAST: Final = 4_354_819_198  # 2107-12-31 23:59:58, where it ends
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
TAR_LAST: Final = 8**11 - 1  # what eleven octal digits hold


class Epoch(int):
    """SOURCE_DATE_EPOCH, with the times of the source's own files where these are earlier.

    `files`: seconds and size of each regular file and, with size 0, of each symbolic link.
    `folders`: seconds.
    """

    files: frozenset[tuple[int, int]]
    folders: frozenset[int]
    _even: frozenset[tuple[int, int]]

    @classmethod
    def of(
        cls, seconds: int, files: Iterable[tuple[int, int]] = (), folders: Iterable[int] = ()
    ) -> Self:
        made = cls(seconds)
        made.files = frozenset(files)
        made.folders = frozenset(folders)
        made._even = frozenset((time & ~1, size) for time, size in made.files)
        return made

    def is_source(self, time: int, size: int) -> bool:
        return (time, size) in self.files

    def is_source_even(self, time: int, size: int) -> bool:
        """The same for a time in steps of two seconds."""
        return (time & ~1, size) in self._even


def clamped(time: int, epoch: int) -> int:
    """Seconds since 1970, of those that a tar header can hold without an extension."""
    return max(0, min(time, epoch, TAR_LAST))


def clamped_file(time: int, size: int, epoch: int) -> int:
    """The same for a file of this size, or, with size 0, a symbolic link."""
    if isinstance(epoch, Epoch) and epoch.is_source(time, size):
        time = epoch
    return clamped(time, epoch)


def clamped_folder(time: int, epoch: int) -> int:
    """The same for a folder."""
    if isinstance(epoch, Epoch) and time in epoch.folders:
        time = epoch
    return clamped(time, epoch)


def clamped_local(time: int, size: int, epoch: int) -> int:
    """The same for a zip's time that was read as UTC, though the zone isn't stated: what may be
    meant as later than the epoch is the epoch. Even, as MS-DOS times are."""
    even = _representable(epoch)
    if isinstance(epoch, Epoch) and epoch.is_source_even(time, size):
        return even
    return even if time > even - _UNZONED else _representable(time)


def may_be_later(time: int, epoch: int) -> bool:
    """Whether a local time read as UTC may be meant as the epoch or later."""
    return time > _representable(epoch) - _UNZONED


def from_dos(date: int, time: int) -> int:
    """Seconds since 1970 of MS-DOS date and time read as UTC; of a date that no calendar has, the
    first day (APPNOTE 4.4.6)."""
    try:
        day = datetime(1980 + (date >> 9), date >> 5 & 15, date & 31, tzinfo=UTC)
    except ValueError:
        return _FIRST
    seconds = (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2
    return (day - _BEGINNING) // timedelta(seconds=1) + seconds


def to_dos(seconds: int) -> tuple[int, int]:
    """MS-DOS date and time of a time within their years."""
    moment = _BEGINNING + timedelta(seconds=seconds)
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2


def _representable(seconds: int) -> int:
    return max(_FIRST, min(seconds, _LAST)) & ~1
