"""`bom scan`: the BOM of something that is there already, made without a build.

An image archive (docker save, OCI layout, sealed or not, also compressed by gzip) is read in one
pass, and so is an OCI layout in a folder; any other directory is read for what it holds installed
and for what its project declares and locks. The document is the one a build makes, unsigned, with
the phase `discovery`, and with nothing about a build.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING, Final

from bom import canonical
from bom.archive import gzip
from bom.compose import validate
from bom.compose.bom import Evidence, document, source_date_epoch
from bom.errors import BadArtifact, BomError
from bom.identity import own_digest
from bom.model import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from _typeshed import ReadableBuffer

    from bom.builder.protocol import Progress
    from bom.catalog.image import ImageContents
    from bom.compose.component import Json
    from bom.model import Observation

_CHUNK: Final = 4 << 20  # bytes; smaller pieces change hands too often
_LAYOUT: Final = ("oci-layout", "index.json")  # what an OCI Image Layout has at its top


def scan(
    target: Path, progress: Progress, environment: Mapping[str, str], *, spec_version: str = "1.6"
) -> bytes:
    """The BOM's bytes (RFC 8785).

    Raises BomError where the target is neither a directory nor an image archive, or can't be
    read; what could not be learned of it stands in the document as a gap.
    """
    epoch = source_date_epoch(environment.get("SOURCE_DATE_EPOCH"))
    try:
        if not target.is_dir():
            subject, observations = _archive(target, progress)
        elif all((target / name).is_file() for name in _LAYOUT):
            subject, observations = _layout(target, progress)
        else:
            subject, observations = _directory(target)
    except OSError as error:
        raise BomError(f"{target} can't be read: {error.strerror or error}") from error
    return _document(
        Evidence(
            subject=subject,
            observations=observations,
            epoch=epoch,
            phase="discovery",
            signed=False,
            tool_digest=own_digest(),
            spec_version=spec_version,
        )
    )


def _document(evidence: Evidence) -> bytes:
    value: Json = document(evidence)
    problems = validate.errors(value)
    if problems:
        raise BomError(
            f"the BOM would break the CycloneDX schema: {problems[0]}",
            hint="this is a defect of bom: please report it",
        )
    return canonical.dumps(value)


def _archive(target: Path, progress: Progress) -> tuple[Subject, tuple[Observation, ...]]:
    """An image in a file: a tar, sealed or not, or such a tar compressed by gzip."""
    from bom.catalog.image import ImageCataloguer
    from bom.seal import recognise, unseal

    form = recognise(target)
    if form is None or form.name not in ("tar", "tar.gz"):
        raise _no_image(target)
    sealed = form.read(target) is not None
    if sealed and form.name != "tar":
        raise _no_image(target)
    progress.start(f"scan {target.name}", target.stat().st_size)
    try:
        with ImageCataloguer() as cataloguer, target.open("rb") as stream:
            source = _Source(stream, progress)
            if form.name == "tar.gz":
                for piece in gzip.inflate(source):
                    cataloguer.feed(piece)
            elif sealed:

                def sink(part: bytes | memoryview) -> None:
                    source.count(part)
                    cataloguer.feed(bytes(part))

                unseal(form, stream, sink, target.name)
            else:
                while part := source.read(_CHUNK):
                    cataloguer.feed(part)
            contents = cataloguer.finish()
    except BadArtifact as error:
        if error.code == "not-an-image":
            raise _no_image(target) from error
        raise
    finally:
        progress.done()
    return _image(target, contents, source.sha256, source.size)


class _Source:
    """A file, with the digest and the size of what is read of it; `count`s other bytes too."""

    def __init__(self, stream: BinaryIO, progress: Progress) -> None:
        self._stream = stream
        self._progress = progress
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int) -> bytes:
        part = self._stream.read(size)
        self.count(part)
        return part

    def count(self, part: bytes | memoryview) -> None:
        self._digest.update(part)
        self.size += len(part)
        self._progress.advance(len(part))


def _layout(target: Path, progress: Progress) -> tuple[Subject, tuple[Observation, ...]]:
    """An image in a folder (OCI Image Layout): read as the tar that would hold it."""
    from bom.catalog.image import ImageCataloguer

    files = sorted(path for path in target.rglob("*") if path.is_file())
    progress.start(f"scan {target.name}", sum(path.stat().st_size for path in files))

    try:
        with ImageCataloguer() as cataloguer:
            sink = _Sink(cataloguer.feed, progress)
            with tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT) as archive:
                for path in files:
                    archive.add(path, path.relative_to(target).as_posix(), recursive=False)
            contents = cataloguer.finish()
    finally:
        progress.done()
    return _image(target, contents, "", -1)


class _Sink(io.RawIOBase):
    """Where a tar is written that nobody keeps."""

    def __init__(self, feed: Callable[[bytes], None], progress: Progress) -> None:
        self._feed = feed
        self._progress = progress

    def write(self, data: ReadableBuffer, /) -> int:
        part = bytes(data)
        self._feed(part)
        self._progress.advance(len(part))
        return len(part)


def _image(
    target: Path, contents: ImageContents, sha256: str, size: int
) -> tuple[Subject, tuple[Observation, ...]]:
    from bom.builder.docker.image import Export, subject

    export = Export(target, sha256, size, contents)
    return subject(target.name, export, contents.identity.tags), contents.observations


def _no_image(target: Path) -> BomError:
    return BomError(
        f"{target.name} is no image archive and no directory",
        hint="`docker save -o app.tar NAME` writes one; a sealed file is read by `bom show`",
    )


def _directory(target: Path) -> tuple[Subject, tuple[Observation, ...]]:
    from bom.catalog import catalogue_directory
    from bom.catalog.project import read, resolve
    from bom.config import Config
    from bom.observe.protocol import BuildContext
    from bom.observe.source import SourceObserver

    root = target.resolve()
    project = read(root)
    context = BuildContext(root=root, cwd=root, command=(), environment={}, config=Config())
    observations: tuple[Observation, ...] = (
        *catalogue_directory(root).observations,
        *resolve(project),
        *SourceObserver().observe(context),
    )
    subject = Subject(
        name=project.manifest.name or root.name,
        kind="directory",
        sha256="",
        size=-1,
        package_name=project.manifest.name,
    )
    return subject, observations
