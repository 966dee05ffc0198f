"""Whose packages these are: os-release, or what distributions had before it (CentOS 6, older)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.os_release import distro, read_os_release, vendor
from bom.catalog.rpm.wanted import OLD_PATHS

if TYPE_CHECKING:
    from bom.catalog.protocol import FileView

_LIMIT: Final = 4096  # bytes of one of these
_LINE: Final = re.compile(
    r"(CentOS|Fedora|Oracle Linux|Red Hat Enterprise Linux|Scientific Linux)"
    r"(?: Linux| Server| Client| Workstation| ComputeNode| AS| ES| WS)?"
    r" release (\d{1,4}(?:\.\d{1,4}){0,2})\b"
)
_IDS: Final = {
    "CentOS": "centos",
    "Fedora": "fedora",
    "Oracle Linux": "ol",
    "Red Hat Enterprise Linux": "rhel",
    "Scientific Linux": "scientific",
}
_SUSE: Final = "opensuse"


class Distribution(NamedTuple):
    """`namespace`: of purls, "" where nothing states it; `distro`: `fedora-40`, or ""."""

    namespace: str
    distro: str


def read_distribution(view: FileView) -> Distribution:
    """What the file system says of itself."""
    stated = read_os_release(view)
    if namespace := vendor(stated):
        # The purl specification's own example of a vendor: openSUSE, whatever the edition.
        suse = namespace == _SUSE or namespace.startswith(f"{_SUSE}-")
        return Distribution(_SUSE if suse else namespace, distro(stated))
    for path in OLD_PATHS:
        raw = view.read(path)
        if raw is not None and len(raw) <= _LIMIT:
            found = _LINE.match(raw.decode("utf-8", "replace"))
            if found:
                name = _IDS[found[1]]
                return Distribution(name, f"{name}-{found[2]}")
    return Distribution("", "")
