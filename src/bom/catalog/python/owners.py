"""Which distributions came with a package of the operating system or of conda.

Such a distribution is still one that pip lists and advisories name, so it stands for itself, with
the owner's purl; its files are the owner's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from bom.catalog.alpine import database as apk
from bom.catalog.alpine.package import package_purl as apk_purl
from bom.catalog.conda import records as conda
from bom.catalog.debian import dpkg
from bom.catalog.debian.package import package_purl as deb_purl
from bom.catalog.os_release import read_os_release
from bom.catalog.python.sites import split
from bom.catalog.rpm import database as rpm
from bom.catalog.rpm.distribution import read_distribution
from bom.catalog.rpm.installed import package_ref
from bom.catalog.rpm.package import Package as RpmPackage
from bom.catalog.stated import Unreadable
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.protocol import FileView
    from bom.catalog.python.sites import Info


class Owner(NamedTuple):
    """`ref`: the owning package's purl. `paths`: its files beside the record; None where it holds
    several distributions, so that they can't be told apart."""

    ref: str
    paths: tuple[str, ...] | None


def owners(view: FileView, infos: Iterable[Info]) -> Mapping[str, Owner]:
    """The owners of those `infos` that have one, by the record's path."""
    sites = {info.path: info.site for info in infos}
    found: dict[str, Owner] = {}
    # No package of a distribution puts files into /usr/local (FHS 3.0, 4.9).
    if any(
        site.startswith("usr/") and not site.startswith("usr/local/") for site in sites.values()
    ):
        for ref, listed in system_packages(view):
            found.update(_of(ref, listed, sites))
    if conda.environments(view):
        for record in conda.records(view):
            if not isinstance(record, conda.Unread):
                found.update(_of(record.ref, record.paths, sites))
    return found


def system_packages(view: FileView) -> Iterator[tuple[str, Sequence[str]]]:
    """The refs of the operating system's packages that have one, and what each lists."""
    release = read_os_release(view)
    for debian in dpkg.packages(view):
        with suppress(BomError):  # a purl can't be formed: the Debian ecosystem says so
            yield deb_purl(debian, release), dpkg.file_list(view, debian)[1] or ()
    for alpine in apk.packages(view):
        with suppress(BomError):  # likewise
            yield apk_purl(alpine, release), [file.path for file in alpine.files]
    rpms = rpm.find(view)[0]
    if rpms is not None:
        distribution = read_distribution(view)
        for item in rpms.headers:
            package = RpmPackage(item)
            with suppress(BomError, Unreadable):  # the RPM ecosystem says so
                yield package_ref(package, distribution), package.paths()


def _of(ref: str, listed: Sequence[str], sites: Mapping[str, str]) -> dict[str, Owner]:
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
