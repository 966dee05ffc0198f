"""Red Hat, Rocky, AlmaLinux, SUSE and others: epoch, version and release, by rpm's segments
(rpm-version(7)). An epoch that isn't stated is 0; a release that isn't is before all others."""

from __future__ import annotations

import re
from typing import Final, Self

from bom.catalog.rpm.version import compare
from bom.versions.ordered import Ordered

_FORM: Final = re.compile(r"(?:([0-9]+):)?([^\s:-]+)(?:-([^\s:-]+))?")


class _Version(Ordered):
    __slots__ = ("epoch", "release", "version")

    def __init__(self, epoch: int, version: str, release: str) -> None:
        self.epoch, self.version, self.release = epoch, version, release

    def _order(self, other: Self) -> int:
        if self.epoch != other.epoch:
            return 1 if self.epoch > other.epoch else -1
        return compare(self.version, other.version) or compare(self.release, other.release)


def key(text: str) -> _Version:
    """A version's place. Raises ValueError."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no version of an RPM package")
    return _Version(int(found[1] or 0), found[2], found[3] or "")
