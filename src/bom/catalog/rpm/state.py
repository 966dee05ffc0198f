"""Files that no package lists and that rpm, dnf and yum keep of their own work.

Only by names that these programs write: anything else in the same folders is not accounted for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog.protocol import Owned
from bom.catalog.rpm.wanted import FOLDERS, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.catalog.protocol import FileView

RULE: Final = "rpm-state"
_RPM: Final = ("rpm", "rpm-libs", "dnf", "libdnf5", "microdnf", "zypper", "yum")
_DNF: Final = ("dnf", "dnf5", "libdnf5", "libdnf", "microdnf", "yum")
_YUM: Final = ("yum", "dnf")
# Berkeley DB's indexes and its environment, ndb's index, locks, SQLite's shared memory.
_INDEXES: Final = re.compile(
    r"(?:Basenames|Conflictname|Dirnames|Enhancename|Filetriggername|Group|Index\.db|Installtid"
    r"|Name|Obsoletename|Packages|Providename|Provideversion|Pubkeys|Recommendname|Requirename"
    r"|Requireversion|Sha1header|Sigmd5|Suggestname|Supplementname|Transfiletriggername"
    r"|Triggername|rpmdb\.sqlite-shm|__db\.\d{3}|\.rpm\.lock|\.dbenv\.lock|\.migratedb"
    r"|\.rpmdbdirsymlink_created)"
)
_PLACES: Final = (
    (
        "var/lib/dnf",
        _DNF,
        re.compile(
            r"(?:history\.sqlite(?:-shm|-wal)?|groups\.json|modulefailsafe/[^/]+\.yaml"
            r"|history\.sqlite\.lock)"
        ),
    ),
    (
        "usr/lib/sysimage/libdnf5",
        _DNF,
        re.compile(
            r"(?:transaction_history\.sqlite(?:-shm|-wal)?|(?:environments|groups|modules|nevras"
            r"|packages|system)\.toml|comps_groups/[^/]+\.xml)"
        ),
    ),
    (
        "var/lib/yum",
        _YUM,
        re.compile(
            r"(?:uuid|history/history-[\d-]+\.sqlite(?:-journal)?|history/[\d-]+/\d+/[\w-]+"
            r"|rpmdb-indexes/[\w-]+|transaction-(?:all|done)\.[\d.:-]+(?:\.disabled)?"
            r"|groups/installed|yumdb/.*)"
        ),
    ),
)


def state(view: FileView, refs: Mapping[str, str], database: str) -> Iterator[Owned]:
    """What belongs to the programs' own work. `refs`: bom-refs by package name; `database`: the
    path of the one in use, whose files are rpm's."""
    if owner := _first(refs, _RPM):
        folder = next((top for top in FOLDERS if database.startswith(top)), FOLDERS[0])
        found = [
            entry.path
            for entry in view.below(folder.rstrip("/"))
            if (name := entry.path.removeprefix(folder)) in NAMES or _INDEXES.fullmatch(name)
        ]
        yield from _owned(owner, found)
    for folder, programs, names in _PLACES:
        if owner := _first(refs, programs):
            found = [
                entry.path
                for entry in view.below(folder)
                if names.fullmatch(entry.path.removeprefix(f"{folder}/"))
            ]
            yield from _owned(owner, found)


def _owned(owner: str, paths: Iterable[str]) -> Iterator[Owned]:
    if ordered := sorted(paths):
        yield Owned(owner, ordered, rule=RULE)


def _first(refs: Mapping[str, str], names: Iterable[str]) -> str:
    return next((refs[name] for name in names if name in refs), "")
