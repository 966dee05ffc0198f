"""`bom checksums record`: from locks, caches, download folders and registries to one file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom.catalog.stated import public_url
from bom.checksums import downloading, maven, registries
from bom.checksums.digests import of_file, same_kind
from bom.checksums.model import Lacking, Project, Wanted
from bom.checksums.unnamed import named
from bom.model import Finding
from bom.report.checksums_record import Checksums, ImageDigest, PackageChecksum, PinnedCommit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.builder.protocol import Progress
    from bom.checksums.model import Digests
    from bom.checksums.places import Places

_NOT_STATED: Final = "no lock states its SHA-256, and no file of it is there (--from, --download)"
_NO_SHA1: Final = "no file of it is there to take its SHA-1 of (--from, --download)"


@dataclass(frozen=True, slots=True)
class Options:
    """`whole`: the folders are download folders, so that a Maven repository among them holds
    exactly what the project downloads. `downloads`: a private folder, None where nothing may be
    downloaded. `bases`: registries' URLs by ecosystem."""

    bases: Mapping[str, str]
    whole: bool = False
    sha1: bool = False
    downloads: Path | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """`read`: how many files were read for it."""

    checksums: Checksums
    lacking: tuple[Lacking, ...]
    findings: tuple[Finding, ...]
    read: int


def recorded(project: Project, places: Places, options: Options, progress: Progress) -> Recorded:
    """What `checksums.json` is to hold, what has no checksum, and where files are other ones than
    the locks state. Raises BomError where a file or a registry can't be read."""
    if options.whole:
        project = maven.completed(project, places)
    work = _Work(places, options, [], set(project.lacking), {})
    rows = set()
    for number, item in enumerate(named(project.files, places), start=1):
        progress.start(f"checksums {number}/{len(project.files)}", 0)
        row = work.entry(item)
        if row is not None:
            rows.add(tuple(row.model_dump().items()))
    progress.done()
    packages = [PackageChecksum.model_validate(dict(row)) for row in rows]
    return Recorded(
        Checksums(
            packages=sorted(packages, key=order),
            images=[ImageDigest(name=name, digest=digest) for name, digest in project.images],
            commits=[PinnedCommit(name=name, commit=commit) for name, commit in project.commits],
        ),
        tuple(sorted(work.lacking)),
        tuple(work.findings),
        work.read,
    )


def order(item: PackageChecksum) -> tuple[str, ...]:
    return (item.ecosystem, item.name, item.version, item.file, item.sha256)


@dataclass(slots=True)
class _Work:
    places: Places
    options: Options
    findings: list[Finding]
    lacking: set[Lacking]
    indexes: dict[str, dict[str, tuple[str, str]]]
    read: int = 0

    def entry(self, item: Wanted) -> PackageChecksum | None:
        if not item.version:
            self.lacking.add(Lacking(item.why or "no lock states its version", item.shown))
            return None
        item = self._placed(item)
        found = next(self._digests(item), None)
        needs_file = not item.sha256 or self.options.sha1
        if found is None and needs_file and self.options.downloads is not None:
            found = self._downloaded(item)
        sha256 = item.sha256 or (found.sha256 if found else "")
        if not sha256 or (self.options.sha1 and found is None):
            reason = _NO_SHA1 if sha256 else item.why or _NOT_STATED
            self.lacking.add(Lacking(reason, item.shown))
            if not sha256:
                return None
        return PackageChecksum(
            ecosystem=item.ecosystem,
            name=item.name,
            version=item.version,
            file=item.file,
            sha256=sha256,
            own=item.own or (found.own if found else f"sha256:{sha256}"),
            sha1=found.sha1 if found and self.options.sha1 else None,
            url=public_url(item.url),
        )

    def _placed(self, item: Wanted) -> Wanted:
        """With its URL, by the registry's rule or by asking it."""
        if item.url:
            return item
        asks = item.ecosystem == "pypi" and item.sha256 and self.options.downloads is not None
        if not asks:
            return replace(item, url=registries.url(item, self.options.bases))
        if item.name not in self.indexes:
            try:
                base = self.options.bases["pypi"]
                self.indexes[item.name] = downloading.index(base, item.name)
            except downloading.NotThere:
                self.indexes[item.name] = {}
        file, url = self.indexes[item.name].get(item.sha256, (item.file, ""))
        return replace(item, file=file, url=url)

    def _digests(self, item: Wanted) -> Iterator[Digests]:
        """Of the files that are there and are what the lock states."""
        for found in self.places.look_up(item):
            digests = of_file(found.path, item.ecosystem)
            self.read += 1
            if self._fits(item, digests, str(found.path)):
                yield digests

    def _downloaded(self, item: Wanted) -> Digests | None:
        assert self.options.downloads is not None
        if not item.url:
            return None
        try:
            digests = downloading.digests(item.url, item.ecosystem, self.options.downloads)
        except downloading.NotThere as error:
            self.lacking.add(Lacking(str(error), item.shown))
            return None
        self.read += 1
        return digests if self._fits(item, digests, public_url(item.url)) else None

    def _fits(self, item: Wanted, digests: Digests, where: str) -> bool:
        for expected, actual in (
            (item.sha256, digests.sha256),
            (item.own, same_kind(item.own, digests)),
        ):
            if expected and actual and expected != actual:
                message = f"{item.shown} is another file than {item.place} states"
                self.findings.append(Finding("checksum", message, expected, actual, where))
                return False
        return True
