"""Debian packages that are installed, from dpkg's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.debian import dpkg
from bom.catalog.debian.derived import UCF_REGISTRY, derived
from bom.catalog.debian.graph import Graph
from bom.catalog.debian.package import describe, package_purl
from bom.catalog.os_release import PATHS, read_os_release, vendor
from bom.catalog.protocol import Owned, Reads
from bom.errors import BomError
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView
    from bom.model import Dependency, Finding

_MANIFESTS: Final = ("var/lib/chisel/manifest.wall",)  # chiselled images of Ubuntu


class Debian:
    """The ecosystem of dpkg: Debian and what descends from it."""

    name = "deb"
    reads = Reads(
        frozenset(["copyright", "diversions", "os-release", "registry", "status"]),
        (".list", ".md5sums"),
        (dpkg.STATUS_FOLDER, dpkg.UPDATES_FOLDER),
    )
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        text = str(path)
        if text.startswith("var/lib/dpkg/"):
            return (
                text in (dpkg.STATUS, dpkg.DIVERSIONS)
                or (text.startswith(dpkg.INFO_FOLDER) and text.endswith((".list", ".md5sums")))
                or text.startswith((dpkg.STATUS_FOLDER, dpkg.UPDATES_FOLDER))
            )
        if text.endswith("/copyright"):
            return text.startswith("usr/share/doc/") and text.count("/") == 4
        return text in PATHS or text == UCF_REGISTRY

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Nothing: no file of a project locks Debian packages."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every installed package once, with the graph of Depends and Pre-Depends; whose its
        files are, and which others are derived from it."""
        release = read_os_release(files)
        refs: dict[dpkg.Package, str] = {}
        for package in dpkg.packages(files):
            try:
                refs[package] = package_purl(package, release)
            except BomError as error:
                where = f"{package.name} {package.version}"
                yield Gap("component", where, f"dpkg's database holds it: {error.reason}")
        for record in dpkg.unreadable(files):
            why = "dpkg's database can't be read, or is larger than is read"
            yield Gap("component", printable_name(record), why)
        for manifest in _MANIFESTS:
            if files.entry(manifest) is not None:
                why = "it lists slices of Debian packages, without dpkg's database, and is not read"
                yield Gap("component", manifest, why)
        if len(refs) >= dpkg.PACKAGES_LIMIT:
            why = f"dpkg's database holds more than {dpkg.PACKAGES_LIMIT} packages"
            yield Gap("component", dpkg.STATUS, why)
        if refs and not vendor(release):
            yield Gap(
                "component.purl",
                "deb",
                "no os-release says whose packages these are; the purls say debian",
            )
        graph = Graph(refs, refs)
        diverted = dpkg.diversions(files)
        brought: dict[str, tuple[str, ...]] = {}
        for package, ref in refs.items():
            described = describe(files, package, ref, release, graph, diverted)
            yield described.dependency
            yield from described.gaps
            yield from described.findings
            yield Owned(ref, described.paths)
            brought[ref] = described.paths
        yield from derived(files, refs, brought)
