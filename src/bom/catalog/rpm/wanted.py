"""Which files of a view the RPM ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.os_release import PATHS
from bom.catalog.protocol import Extract

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

FOLDERS: Final = ("usr/lib/sysimage/rpm/", "var/lib/rpm/", "usr/share/rpm/")
SQLITE: Final = "rpmdb.sqlite"
_NDB: Final = "Packages.db"
_BDB: Final = "Packages"
FORMATS: Final = (SQLITE, _NDB, _BDB)
LOG: Final = "-wal"
JOURNAL: Final = "-journal"
NAMES: Final = frozenset([*FORMATS, SQLITE + LOG, SQLITE + JOURNAL])
MANIFEST: Final = "var/lib/rpmmanifest/container-manifest-2"  # distroless images of Azure Linux
# `etc/redhat-release` is a link to the distribution's own in all but Red Hat's.
OLD_PATHS: Final = (
    "etc/redhat-release",
    "etc/system-release",
    "etc/centos-release",
    "etc/fedora-release",
    "etc/oracle-release",
)
# The names of all files that say whose packages these are.
RELEASES: Final = frozenset(path.rpartition("/")[2] for path in (*PATHS, *OLD_PATHS))

# What `take` gives of a database that is too large to be kept.
HEADERS: Final = "headers"
PROBLEMS: Final = "problems"
ERROR: Final = "error"


def wants(path: str) -> bool:
    """Whether it is a file of a database, or says whose packages these are."""
    folder, slash, name = path.rpartition("/")
    if name in NAMES and folder + slash in FOLDERS:
        return True
    return path in PATHS or path in OLD_PATHS


def _take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    from bom.catalog.rpm.database import take

    return take(content)


EXTRACT: Final = Extract(
    _take,
    magics=(b"",),
    gives=frozenset([HEADERS, PROBLEMS, ERROR]),
    endings=tuple(f"/{name}" for name in FORMATS),
)
