"""`bom scan`: the BOM of something that is there already, made without a build.

An image archive (docker save, OCI layout, sealed or not) is read in one pass; a directory is
read for what it holds installed and for what its project declares and locks. The document is
the one a build makes, unsigned, with the phase `discovery`, and with nothing about a build.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bom import canonical
from bom.compose import validate
from bom.compose.bom import Evidence, document, source_date_epoch
from bom.errors import BadArtifact, BomError
from bom.identity import own_digest
from bom.model import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.builder.protocol import Progress
    from bom.compose.component import Json
    from bom.model import Observation

_CHUNK: Final = 1 << 20


def scan(
    target: Path, progress: Progress, environment: Mapping[str, str], *, spec_version: str = "1.6"
) -> bytes:
    """The BOM's bytes (RFC 8785).

    Raises BomError where the target is neither a directory nor an image archive, or can't be
    read; what could not be learned of it stands in the document as a gap.
    """
    epoch = source_date_epoch(environment.get("SOURCE_DATE_EPOCH"))
    try:
        subject, observations = (
            _directory(target) if target.is_dir() else _archive(target, progress)
        )
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
    from bom.builder.docker.image import Export, subject
    from bom.catalog.image import ImageCataloguer
    from bom.seal import recognise

    form = recognise(target)
    if form is None or form.name != "tar":
        raise _no_image(target)
    digest = hashlib.sha256()
    size = 0
    progress.start(f"scan {target.name}", target.stat().st_size)
    try:
        with ImageCataloguer() as cataloguer, target.open("rb") as stream:

            def feed(part: bytes | memoryview) -> None:
                nonlocal size
                digest.update(part)
                size += len(part)
                cataloguer.feed(bytes(part))
                progress.advance(len(part))

            if form.read(target) is None:
                while part := stream.read(_CHUNK):
                    feed(part)
            else:
                form.unseal(stream, feed)
            contents = cataloguer.finish()
    except BadArtifact as error:
        if error.code == "not-an-image":
            raise _no_image(target) from error
        raise
    finally:
        progress.done()
    export = Export(target, digest.hexdigest(), size, contents)
    tags = contents.identity.tags
    return subject(target.name, export, tags), contents.observations


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
        *catalogue_directory(root),
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
