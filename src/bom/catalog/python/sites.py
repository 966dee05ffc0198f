"""Where distributions are recorded in a file system: dist-info, egg-info and eggs.

In site-packages and dist-packages everything that pip sees there counts. Elsewhere (`pip install
--target`, an unpacked wheel) a dist-info with METADATA and RECORD does; one inside another
distribution's package is a copy that is vendored there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.python.wanted import SBOMS, SITE_FOLDERS, VENDOR_FOLDERS, VENDOR_LISTS

if TYPE_CHECKING:
    from collections.abc import Iterable

_INFOS: Final = (".dist-info", ".egg-info")
_SINGLE: Final = (".egg-info", ".egg-link", ".egg")
_ANCESTORS: Final = 64  # folders above a copy that are looked at


@dataclass(frozen=True, slots=True)
class Info:
    """One record. `path`: the dist-info, egg-info or egg; `site`: the folder that holds it, ""
    for the root; `files`: what is wanted below it, "" where the record is one file."""

    path: str
    site: str
    files: frozenset[str]

    @property
    def metadata(self) -> str:
        """The file that states name and version; "" where there is none."""
        if "" in self.files:
            return self.path
        for name in ("METADATA", "PKG-INFO"):
            if name in self.files:
                return f"{self.path}/{name}"
        return ""


@dataclass(frozen=True, slots=True)
class Found:
    """`installed`: what pip lists, or would with that folder on its path. `inside`: what lies
    below a folder with installed ones, in a folder of another name. `elsewhere`: egg-infos of
    source trees, by their folder. `vendor_lists`: files that state vendored copies. Sorted."""

    installed: list[Info] = field(default_factory=list)
    inside: list[Info] = field(default_factory=list)
    elsewhere: dict[str, list[Info]] = field(default_factory=dict)
    vendor_lists: list[str] = field(default_factory=list)


def split(path: str) -> tuple[str, str, str] | None:
    """Record, site and name below the record of a file that belongs to one, by its path."""
    above, _, name = path.rpartition("/")
    if name.endswith(_SINGLE):
        return path, above, ""
    site, _, folder = above.rpartition("/")
    if folder.endswith(_INFOS):
        return above, site, name
    if folder == "EGG-INFO" and site.endswith(".egg"):
        return above, site.rpartition("/")[0], name
    if folder == SBOMS and site.endswith(".dist-info"):
        return site, site.rpartition("/")[0], f"{SBOMS}/{name}"
    return None


def find(paths: Iterable[str]) -> Found:
    """All records among these paths of wanted files."""
    found = Found()
    records: dict[str, tuple[str, set[str]]] = {}
    for path in paths:
        name = path[path.rfind("/") + 1 :]
        if name in VENDOR_LISTS:
            found.vendor_lists.append(path)
        elif (place := split(path)) is not None:
            records.setdefault(place[0], (place[1], set()))[1].add(place[2])
    others = []
    sites = set()
    for path, (site, names) in sorted(records.items()):
        info = Info(path, site, frozenset(names))
        if site.rpartition("/")[2] in SITE_FOLDERS:
            found.installed.append(info)
            sites.add(site)
        elif path.endswith(".egg-info"):
            found.elsewhere.setdefault(site, []).append(info)
        elif path.endswith(".dist-info"):
            others.append(info)
    # The outermost first: what lies inside a site can't make its own folder one before it.
    for info in sorted(others, key=lambda info: (info.site.count("/"), info.path)):
        complete = "METADATA" in info.files and "RECORD" in info.files
        if info.site not in sites and any(above in sites for above in _above(info.site)):
            found.inside.append(info)
        elif complete:
            sites.add(info.site)
            found.installed.append(info)
    found.installed.sort(key=lambda info: info.path)
    return found


def is_vendored(site: str) -> bool:
    return any(part in VENDOR_FOLDERS for part in site.split("/"))


def _above(site: str) -> Iterable[str]:
    for _ in range(_ANCESTORS):
        if not site:
            return
        site = site.rpartition("/")[0]
        yield site
