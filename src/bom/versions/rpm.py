"""Red Hat, Rocky, AlmaLinux, SUSE and others: epoch, version and release, by rpm's segments
(rpm-version(7)). An epoch that isn't stated is 0; a release that isn't is before all others."""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Final

from bom.catalog.rpm.version import compare

_FORM: Final = re.compile(r"(?:([0-9]+):)?([^\s:-]+)(?:-([^\s:-]+))?")


@total_ordering
class _Version:
    __slots__ = ("epoch", "release", "version")

    def __init__(self, epoch: int, version: str, release: str) -> None:
        self.epoch, self.version, self.release = epoch, version, release

    def _order(self, other: _Version) -> int:
        if self.epoch != other.epoch:
            return 1 if self.epoch > other.epoch else -1
        return compare(self.version, other.version) or compare(self.release, other.release)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and self._order(other) == 0

    def __lt__(self, other: _Version) -> bool:
        return self._order(other) < 0

    def __hash__(self) -> int:
        raise TypeError("versions that are written in two ways may be equal")


def key(text: str) -> _Version:
    """A version's place. Raises ValueError."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no version of an RPM package")
    return _Version(int(found[1] or 0), found[2], found[3] or "")
