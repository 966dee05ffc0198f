"""Debian packages that are installed, from dpkg's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.debian import dpkg
from bom.catalog.licences import debian_licences
from bom.catalog.os_release import PATHS, distro, read_os_release, vendor
from bom.catalog.protocol import Reads
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Property

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Finding, Licence

_FALLBACK_VENDOR: Final = "debian"
_ANY: Final = "any"


class Debian:
    """The ecosystem of dpkg: Debian and what descends from it."""

    name = "deb"
    reads = Reads(
        frozenset(["copyright", "diversions", "os-release", "status"]),
        (".list",),
        (dpkg.STATUS_FOLDER,),
    )
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        text = str(path)
        if text.startswith("var/lib/dpkg/"):
            return (
                text in (dpkg.STATUS, dpkg.DIVERSIONS)
                or (text.startswith(dpkg.INFO_FOLDER) and text.endswith(".list"))
                or text.startswith(dpkg.STATUS_FOLDER)
            )
        if text.endswith("/copyright"):
            return text.startswith("usr/share/doc/") and text.count("/") == 4
        return text in PATHS

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Nothing: no file of a project locks Debian packages."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every installed package once, with the graph of Depends and Pre-Depends."""
        release = read_os_release(files)
        installed = []
        names: dict[dpkg.Package, str] = {}
        for package in dpkg.packages(files):
            try:
                names[package] = _purl(package, release)
            except BomError as error:
                where = f"{package.name} {package.version}"
                yield Gap("component", where, f"dpkg's database holds it: {error.reason}")
                continue
            installed.append(package)
        if installed and not vendor(release):
            yield Gap(
                "component.purl",
                "deb",
                "no os-release says whose packages these are; the purls say debian",
            )
        graph = _Graph(installed, names)
        diverted = dpkg.diversions(files)
        for package in installed:
            yield from _describe(files, package, names[package], release, graph, diverted)


def _purl(package: dpkg.Package, release: Mapping[str, str]) -> str:
    if not package.version:
        raise BomError("it has no version")
    qualifiers = {"arch": package.architecture, "distro": distro(release)}
    return purl.build(
        "deb",
        package.name,
        namespace=vendor(release) or _FALLBACK_VENDOR,
        version=package.version,
        qualifiers=qualifiers,
    )


def _describe(
    files: FileView,
    package: dpkg.Package,
    ref: str,
    release: Mapping[str, str],
    graph: _Graph,
    diverted: Mapping[str, tuple[str, str]],
) -> Iterable[Dependency | Gap]:
    list_path, listed = dpkg.file_list(files, package)
    properties = _properties(files, package, list_path or package.record, release)
    paths = [_real(path, package.name, diverted) for path in listed or ()]
    pairs, unhashed = digests(files, paths)
    hashes, hash_of = content_hash(pairs)
    gaps = unhashed_gaps(unhashed, ref)
    if not hashes:
        why = (
            "no list says which files are its own"
            if listed is None
            else "none of its files is in the final file system"
            if any(files.entry(path) is None for path in paths)
            else "it has no files of its own"
        )
        gaps.append(Gap("component.hash", ref, why, ref))
    licences, unstated = _licences(files, package.name)
    if unstated:
        gaps.append(Gap("component.licence", ref, unstated, ref))
    requires, unmet = graph.edges(package)
    gaps += [
        Gap("dependency", ref, f"it depends on {clause}, which is not installed", ref)
        for clause in unmet
    ]
    if not package.complete:
        gaps.append(Gap("component", ref, "dpkg says that it is only half installed", ref))
    yield Dependency(
        Component(
            "library",
            package.name,
            package.version,
            purl=ref,
            hashes=hashes,
            hash_of=hash_of,
            licences=licences,
            # Origin says which distribution supplies it; the maintainer is someone else.
            supplier=package.field("origin"),
            maintainer=package.field("maintainer"),
            homepage=package.field("homepage"),
            description=package.field("description").split("\n", 1)[0],
            properties=properties,
            requires=requires,
        )
    )
    yield from gaps


def _licences(files: FileView, name: str) -> tuple[tuple[Licence, ...], str]:
    """The licences that a package's copyright file states, or why there are none."""
    raw = files.read(f"usr/share/doc/{name}/copyright")
    if raw is None:
        return (), "its copyright file is not there"
    stated = debian_licences(raw)
    if stated is None:
        return (), "its copyright file is not in the machine-readable format"
    return stated, "" if stated else "its copyright file names none"


def _properties(
    files: FileView, package: dpkg.Package, record: str, release: Mapping[str, str]
) -> tuple[Property, ...]:
    source, source_version = package.source
    found = [
        Property("bom-seal:deb:source", f"{source} {source_version}"),
        Property("bom-seal:deb:status", package.state),
    ]
    try:
        source_purl = purl.build(
            "deb",
            source,
            namespace=vendor(release) or _FALLBACK_VENDOR,
            version=source_version,
            qualifiers={"arch": "source", "distro": distro(release)},
        )
        found.append(Property("bom-seal:source:purl", source_purl))
    except BomError:
        found.append(Property("bom-seal:source:purl", ""))
    entry = files.entry(record)
    if entry is not None and entry.layer:
        found.append(Property("bom-seal:layer", entry.layer))
    return tuple(sorted(item for item in found if item.value))


def _real(path: str, package: str, diverted: Mapping[str, tuple[str, str]]) -> str:
    """Where dpkg put a package's file (dpkg-divert(1))."""
    real, owner = diverted.get(path, (path, ""))
    return path if owner == package else real


class _Graph:
    """Depends and Pre-Depends, resolved to what is installed (Debian Policy 7.2, 7.5).

    Of alternatives all that are installed count; a virtual package stands for its providers.
    """

    def __init__(self, installed: Iterable[dpkg.Package], refs: Mapping[dpkg.Package, str]) -> None:
        self._refs = refs
        self._real: dict[str, list[dpkg.Package]] = {}
        self._virtual: dict[str, list[dpkg.Package]] = {}
        self._native = ""
        for package in installed:
            self._real.setdefault(package.name, []).append(package)
            if package.name == "dpkg":
                self._native = package.architecture
            for clause in dpkg.relations(package.field("provides")):
                for name, _ in clause:
                    self._virtual.setdefault(name, []).append(package)

    def edges(self, package: dpkg.Package) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The refs that a package depends on, and the clauses that nothing installed meets."""
        found: set[str] = set()
        unmet = []
        for field in ("pre-depends", "depends"):
            for clause in dpkg.relations(package.field(field)):
                met = {
                    self._refs[other]
                    for name, architecture in clause
                    for other in self._candidates(name, architecture, package)
                }
                found |= met
                if not met:
                    unmet.append(" | ".join(name for name, _ in clause))
        found.discard(self._refs[package])
        return tuple(sorted(found)), tuple(sorted(set(unmet)))

    def _candidates(
        self, name: str, architecture: str, package: dpkg.Package
    ) -> list[dpkg.Package]:
        candidates = self._real.get(name) or self._virtual.get(name) or []
        if architecture == _ANY:
            return candidates
        wanted = architecture or package.architecture
        if wanted == "all":
            wanted = self._native
        if not wanted:
            return candidates
        return [
            other
            for other in candidates
            if other.architecture in (wanted, "all") or other.field("multi-arch") == "foreign"
        ]
