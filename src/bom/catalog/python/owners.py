"""Which distributions came with a package of the operating system or of conda.

Such a distribution is still one that pip lists and advisories name, so it stands for itself, with
the owner's purl; its files are the owner's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom import purl
from bom.catalog.conda import records as conda
from bom.catalog.debian import dpkg
from bom.catalog.os_release import distro, read_os_release, vendor
from bom.catalog.python.sites import split
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.catalog.protocol import FileView
    from bom.catalog.python.sites import Info

_FALLBACK_VENDOR: Final = "debian"


class Owner(NamedTuple):
    """`ref`: the owning package's purl. `paths`: its files beside the record; None where it holds
    several distributions, so that they can't be told apart."""

    ref: str
    paths: tuple[str, ...] | None


def owners(view: FileView, infos: Iterable[Info]) -> Mapping[str, Owner]:
    """The owners of those `infos` that have one, by the record's path."""
    sites = {info.path: info.site for info in infos}
    found: dict[str, Owner] = {}
    if any(
        site.startswith("usr/") and not site.startswith("usr/local/") for site in sites.values()
    ):
        release = read_os_release(view)
        for package in dpkg.packages(view):
            _, listed = dpkg.file_list(view, package)
            found.update(_of(deb_ref(package, release), listed or (), sites))
    if conda.environments(view):
        for record in conda.records(view):
            if not isinstance(record, conda.Unread) and record.ref:
                found.update(_of(record.ref, record.paths, sites))
    return found


def deb_ref(package: dpkg.Package, release: Mapping[str, str]) -> str:
    """The purl that the Debian ecosystem gives an installed package; "" where it has none."""
    if not package.version:
        return ""
    try:
        return purl.build(
            "deb",
            package.name,
            namespace=vendor(release) or _FALLBACK_VENDOR,
            version=package.version,
            qualifiers={"arch": package.architecture, "distro": distro(release)},
        )
    except BomError:
        return ""


def _of(ref: str, listed: Sequence[str], sites: Mapping[str, str]) -> dict[str, Owner]:
    if not ref:
        return {}
    infos = set()
    for path in listed:
        if "-info" in path or "EGG-INFO" in path:
            place = split(path)
            info = place[0] if place else path
            if info in sites:
                infos.add(info)
    if len(infos) > 1:
        return {info: Owner(ref, None) for info in infos}
    return {
        info: Owner(ref, tuple(path for path in listed if path.startswith(f"{sites[info]}/")))
        for info in infos
    }
