"""The normalising step of a build: what the builder left unstable in one artifact is made stable
before it is sealed.

In the BOM stands what this kind of file is normalised in, and to which time: equal for two builds
of which one had nothing to change. What was changed, and in how many places, differs between them
and stands in the run record, with the digest of what the builder wrote.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom import sha256sum
from bom.errors import BadArtifact, BomError, CannotNormalise
from bom.model import Gap, Property, RunDetail
from bom.normalise import Normaliser, normalise, normaliser_of
from bom.normalise.tar import FileSystemNormaliser
from bom.output import temporary_file
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from bom.builder.protocol import Artifact
    from bom.normalise import Change

NORMALISED: Final = "bom-seal:normalised"
NORMALISED_TO: Final = "bom-seal:normalised:epoch"
GAP: Final = "artifact.normalised"
_FILE_SYSTEM: Final[Normaliser] = FileSystemNormaliser()
_UNKNOWN: Final = "this version normalises no file of this format"
_LISTED: Final = 100  # changes in the run record


def normalised(
    artifact: Artifact, built: Path, epoch: int, stack: ExitStack
) -> tuple[Artifact, Path]:
    """The artifact with what can be made stable made stable, and where its bytes now are.

    `built`: where they are before, without a seal. An image was normalised when it was collected.
    What can't be normalised stays as it was built, and the artifact has a gap that says so.
    `stack` removes the file that this makes. Raises BomError where there is no room for it.
    """
    subject = artifact.subject
    if artifact.original_sha256:
        return _told(artifact, built, epoch), built
    if subject.image is not None:
        return artifact, built  # why it is as built, its collector says
    name = artifact.target.name
    out = stack.enter_context(temporary_file(artifact.target))
    try:
        if artifact.is_file_system:
            changes: tuple[Change, ...] | None = _FILE_SYSTEM.normalise(built, out, epoch)
        else:
            changes = normalise(built, out, epoch, artifact.built.name)
        if changes is None:
            return _refused(artifact, _UNKNOWN), built
        digest = sha256sum.of_file(out)
        size = out.stat().st_size
    except (CannotNormalise, BadArtifact) as error:
        return _refused(artifact, error.reason), built
    except OSError as error:
        raise BomError(
            f"{name} can't be normalised: {error.strerror or error}",
            hint="it stays as it was built; normalising needs room for a second copy beside it",
        ) from error
    made = replace(
        artifact,
        subject=replace(subject, sha256=digest, size=size),
        changes=changes,
        original_sha256=subject.sha256,
    )
    return _told(made, out, epoch), out


def _refused(artifact: Artifact, why: str) -> Artifact:
    said = f"it is sealed as it was built: {why}"
    return replace(
        artifact,
        observations=(*artifact.observations, Gap(GAP, artifact.subject.kind, said)),
        warnings=(*artifact.warnings, f"{artifact.target.name} is not normalised: {why}"),
    )


def _told(artifact: Artifact, path: Path, epoch: int) -> Artifact:
    """With what stands in the BOM, and in the run record."""
    known = normaliser_of(path, artifact.built.name)
    normaliser = _FILE_SYSTEM if artifact.is_file_system else known
    aspects = normaliser.aspects if normaliser is not None else ()
    properties = (Property(NORMALISED_TO, str(epoch)), *(Property(NORMALISED, a) for a in aspects))
    details = (RunDetail("original.sha256", artifact.original_sha256), *_changes(artifact.changes))
    subject = artifact.subject
    return replace(
        artifact,
        subject=replace(subject, properties=(*subject.properties, *properties)),
        observations=(*artifact.observations, *details),
    )


def _changes(changes: Iterable[Change]) -> Iterator[RunDetail]:
    found = sorted(changes)
    for change in found[:_LISTED]:
        count = str(change.count) if change.count else "changed"
        shown = f"{printable_name(change.where)}: {count}" if change.where else count
        yield RunDetail(f"normalised.{change.aspect}", shown)
    if len(found) > _LISTED:
        yield RunDetail("normalised.more", str(len(found) - _LISTED))
