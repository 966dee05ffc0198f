"""The runtimes in a view that no package manager owns, and whose the virtual environments are."""

from __future__ import annotations

import re
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.came_with import layer
from bom.catalog.conda import records as conda
from bom.catalog.content import content_hash, digests, unhashed_gaps
from bom.catalog.debian import dpkg
from bom.catalog.debian.package import package_purl
from bom.catalog.debian.wanted import STATUS, STATUS_FOLDER
from bom.catalog.os_release import read_os_release
from bom.catalog.protocol import Owned
from bom.catalog.runtimes import layout, venv
from bom.catalog.runtimes.wanted import NODE_HEADER, PYTHON_HEADER
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView
    from bom.model import Finding

# Where apk, dpkg and RPM keep what they know; with one of them /usr is theirs.
_DATABASES: Final = (
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    STATUS,
    STATUS_FOLDER.rstrip("/"),
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
    "usr/share/rpm",
)
_INTERPRETER: Final = re.compile(r"usr/bin/python([23]\.\d{1,3})")


def find(files: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every runtime that no package manager owns; whose the virtual environments are."""
    refs: dict[tuple[str, str], str] = {}
    theirs = _Managed(files)
    for item in layout.find(files):
        if item.header in theirs:
            continue
        if not item.version:
            where = printable_name(item.header)
            yield Gap("component", where, "the header of a runtime states no version")
            continue
        ref = purl.build("generic", item.name, version=item.version)
        refs.setdefault((item.name, f"{item.prefix}bin"), ref)
        yield from _describe(files, item, ref)
    environments = list(venv.find(files))
    if environments:
        packaged = _packaged_interpreters(files)
        for environment in environments:
            maker = refs.get(("python", environment.home)) or packaged.get(
                (environment.home, ".".join(environment.version.split(".")[:2])), ""
            )
            if maker:
                yield Owned(maker, environment.paths, rule=venv.RULE)


def _describe(
    files: FileView, item: layout.Runtime, ref: str
) -> Iterator[Dependency | Gap | Owned]:
    pairs, unhashed = digests(files, item.paths)
    hashes, hash_of = content_hash(pairs)
    yield from unhashed_gaps(unhashed, ref)
    if not hashes:
        yield Gap("component.hash", ref, "none of its files could be hashed", ref)
    yield Gap("component.licence", ref, "nothing states its licence in a form that is read", ref)
    yield Dependency(
        Component(
            "application",
            item.name,
            item.version,
            purl=ref,
            hashes=hashes,
            hash_of=hash_of,
            properties=layer(files.entry(item.header)),
            occurrences=(Occurrence(printable_name(item.header)),),
        ),
        content=_comparable(pairs, item.prefix),
    )
    yield Owned(ref, item.paths, rule=item.rule)


def _comparable(pairs: list[tuple[str, str]], prefix: str) -> str:
    # What was configured for a prefix holds its path: headers and modules alone don't.
    start = len(prefix)
    below = sorted((path[start:], digest) for path, digest in pairs if path.endswith((".h", ".py")))
    below = [pair for pair in below if "_sysconfigdata" not in pair[0] and "/bin/" not in pair[0]]
    return sha256(repr(below).encode("utf-8", "surrogateescape")).hexdigest()


class _Managed:
    """Which headers of runtimes a package manager brought.

    With a package database at hand all of /usr but /usr/local is the system's; elsewhere only
    dpkg's lists are looked at, and conda's environments.
    """

    def __init__(self, files: FileView) -> None:
        self._files = files
        self._system = any(files.entry(path) is not None for path in _DATABASES)
        self._conda: frozenset[str] | None = None
        self._listed: frozenset[str] | None = None

    def __contains__(self, header: str) -> bool:
        if header.startswith("usr/local/"):
            return False
        if header.startswith("usr/") and self._system:
            return True
        if self._conda is None:
            self._conda = conda.environments(self._files)
        prefix = header.partition("include/")[0].rstrip("/")
        return prefix in self._conda or header in self._headers()

    def _headers(self) -> frozenset[str]:
        if self._listed is None:
            self._listed = frozenset(
                path
                for package in dpkg.packages(self._files)
                for path in dpkg.file_list(self._files, package)[1] or ()
                if path.endswith((PYTHON_HEADER, NODE_HEADER))
            )
        return self._listed


def _packaged_interpreters(files: FileView) -> Mapping[tuple[str, str], str]:
    """The refs of the packages that brought an interpreter, by its folder and version (3.11)."""
    found: dict[tuple[str, str], str] = {}
    for record in conda.records(files) if conda.environments(files) else ():
        if isinstance(record, conda.Record) and record.name == "python":
            home = f"{record.prefix}/bin".lstrip("/")
            found[home, ".".join(record.version.split(".")[:2])] = record.ref
    release = read_os_release(files)
    for package in dpkg.packages(files):
        if package.name.startswith("python"):
            for path in dpkg.file_list(files, package)[1] or ():
                if match := _INTERPRETER.fullmatch(path):
                    with suppress(BomError):  # the Debian ecosystem says that it has no purl
                        ref = package_purl(package, release)
                        found.setdefault(("usr/bin", match[1]), ref)
                        found.setdefault(("bin", match[1]), ref)  # a merged /usr
    return found
