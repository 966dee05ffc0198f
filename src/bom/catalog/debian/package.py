"""One installed Debian package: its component, its files, and how they fit dpkg's record."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.came_with import layer
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.debian import dpkg
from bom.catalog.debian.copyright import package_licences
from bom.catalog.integrity import Stated, check
from bom.catalog.system_purl import system_purl
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.debian.graph import Graph
    from bom.catalog.protocol import FileView
    from bom.model import Finding

_FALLBACK_VENDOR: Final = "debian"


class Described(NamedTuple):
    """A package, what could not be had of it, what is wrong, and what it brought: the paths of its
    files, links and folders."""

    dependency: Dependency
    gaps: list[Gap]
    findings: list[Finding]
    paths: tuple[str, ...]


def package_purl(package: dpkg.Package, release: Mapping[str, str]) -> str:
    """Its purl. Raises BomError where none can be formed."""
    return _purl(package.name, package.version, package.architecture, release)


def _purl(name: str, version: str, arch: str, release: Mapping[str, str]) -> str:
    return system_purl("deb", name, version, release, otherwise=_FALLBACK_VENDOR, arch=arch)


def describe(
    files: FileView,
    package: dpkg.Package,
    ref: str,
    release: Mapping[str, str],
    graph: Graph,
    diverted: Mapping[str, tuple[str, str]],
) -> Described:
    """`ref`: its purl; `release`: the os-release; `diverted`: what `dpkg.diversions` gives."""
    list_path, listed = dpkg.file_list(files, package)
    paths = [_real(path, package.name, diverted) for path in listed or ()]
    pairs, unhashed = digests(files, _leaves(paths))
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
    licences, unstated = package_licences(files, package.name)
    if unstated:
        gaps.append(Gap("component.licence", ref, unstated, ref))
    requires, unmet = graph.edges(package)
    gaps += [
        Gap("dependency", ref, f"it depends on {clause}, which is not installed", ref)
        for clause in unmet
    ]
    if not package.complete:
        gaps.append(Gap("component", ref, "dpkg says that it is only half installed", ref))
    integrity, findings = _integrity(files, package, ref, diverted)
    properties = [
        *_source(package, release),
        *layer(files.entry(list_path or package.record)),
        *_edited(files, package, diverted),
        integrity,
        Property("bom-seal:deb:status", package.state),
    ]
    component = Component(
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
        properties=tuple(sorted(properties)),
        occurrences=(Occurrence(printable_name(package.record), package.line),),
        requires=requires,
    )
    return Described(Dependency(component), gaps, findings, tuple(paths))


def _integrity(
    files: FileView, package: dpkg.Package, ref: str, diverted: Mapping[str, tuple[str, str]]
) -> tuple[Property, list[Finding]]:
    """Its files against their MD5. A conffile is the administrator's to edit (Policy 10.7)."""
    editable = dpkg.conffiles(package)
    rows = [
        Stated(_real(path, package.name, diverted), "md5", digest)
        for path, digest in dpkg.md5sums(files, package) or ()
        if path not in editable
    ]
    return check(files, ref, rows)


def _edited(
    files: FileView, package: dpkg.Package, diverted: Mapping[str, tuple[str, str]]
) -> Iterator[Property]:
    """The conffiles that are there and known to be others than the package brought."""
    for path, digest in dpkg.conffiles(package).items():
        real = _real(path, package.name, diverted)
        entry = files.entry(real)
        if digest and entry is not None and entry.type == "file":
            actual = files.digest(real, "md5")
            if actual is not None and actual != digest:
                yield Property("bom-seal:deb:edited", printable_name(path))


def _source(package: dpkg.Package, release: Mapping[str, str]) -> Iterable[Property]:
    """The source package with its own version, by which Debian's advisories go."""
    source, version = package.source
    yield Property("bom-seal:deb:source", f"{source} {version}")
    try:
        source_purl = _purl(source, version, "source", release)
    except BomError:
        return  # no purl can be formed of it; its name and version stand above
    yield Property("bom-seal:source:purl", source_purl)


def _leaves(paths: Sequence[str]) -> Iterator[str]:
    """Without most of the folders: dpkg lists what is in one right after it."""
    for path, following in zip_longest(paths, paths[1:], fillvalue=""):
        if not following.startswith(f"{path}/"):
            yield path


def _real(path: str, package: str, diverted: Mapping[str, tuple[str, str]]) -> str:
    """Where dpkg put a package's file (dpkg-divert(1))."""
    if not diverted or path not in diverted:
        return path
    real, owner = diverted[path]
    return path if owner == package else real
