"""`bom build --check-reproducible`: the same revision built a second time, under circumstances that
are changed as far as they can be, and compared."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact, BomError, CannotNormalise, Refused
from bom.model import Reproduction, Revision
from bom.private_folder import remove
from bom.vary import FACTORS, FIXED, images, varied
from bom.vary.again import built_again, identity
from bom.vary.clone import checked_out, tracked
from bom.vary.protocol import Circumstance, Host, Place
from bom.vary.sight import circumstances, claims, now, sight
from bom.vary.source import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.builder.protocol import Artifact, BuildRequest, PreparedBuild, Progress
    from bom.compare.protocol import Circumstances
    from bom.model import Observation
    from bom.vary.protocol import Varied

_LISTED: Final = 100  # differences in the BOM
_INVASIVE: Final = frozenset(factor.name for factor in FACTORS if factor.invasive)
_OPTION: Final = "--check-reproducible"


@dataclass(frozen=True, slots=True)
class Asked:
    """The build that is to be built again. `umask`: what `bom` set, None: nothing (`--as-is`).
    `epoch`: what comparing normalises to; `normalises`: whether what ships is normalised.
    `started`: when the first build began, in seconds since 1970."""

    request: BuildRequest
    revision: Revision
    umask: int | None
    epoch: int
    normalises: bool
    started: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The artifacts, each with what came of building it again; `warnings`: a sentence each."""

    artifacts: tuple[Artifact, ...]
    warnings: tuple[str, ...] = ()


def required(artifacts: Iterable[Artifact]) -> None:
    """Raise Refused where building again gave other bytes, or nothing."""
    for item in artifacts:
        for fact in item.observations:
            if isinstance(fact, Reproduction) and fact.outcome != "same":
                raise Refused(
                    f"--require-reproducible: {item.target.name} built again is {_told(fact)}",
                    hint=_remedy(fact),
                )


def _told(fact: Reproduction) -> str:
    if fact.outcome == "failed":
        return "not there: the second build made none"
    if fact.differences:
        cause, path = fact.differences[0]
        return f"{fact.outcome}: {cause} in {path}" + (
            f", and {fact.count - 1} more" if fact.count > 1 else ""
        )
    return fact.outcome


def _remedy(fact: Reproduction) -> str:
    if fact.outcome == "normalised":
        return "nothing was sealed; --normalize makes stable what differs"
    return "nothing was sealed; docs/reproducibility.md says what to do about each cause"


def revision_to_check(observations: Iterable[Observation]) -> Revision:
    """What can be built again: a clean revision. Raises Refused, before anything is built."""
    found = next((fact for fact in observations if isinstance(fact, Revision)), None)
    if found is None:
        raise Refused(
            f"{_OPTION} builds the commit again, and there is none",
            hint="commit the project to git first",
        )
    if found.state != "clean":
        changed = (*found.modified, *found.untracked, "the tree")
        raise Refused(
            f"{_OPTION} builds the commit again, and this differs from it: {changed[0]}",
            hint="commit first, or name in .gitignore what does not belong to the source",
        )
    return found


def refuse_once_only(prepared: PreparedBuild, request: BuildRequest) -> None:
    """Raise Refused for a build that can't be repeated."""
    if prepared.invocation.stdin is not None:
        raise Refused(
            f"{_OPTION} builds twice, and standard input is there only once",
            hint="give the build its input in a file",
        )
    if images.pushes(request.command):
        raise Refused(
            f"{_OPTION} builds twice, and the second build would be pushed, too",
            hint="check a build that does not push",
        )


def checked(asked: Asked, artifacts: Sequence[Artifact], progress: Progress) -> Checked:
    """Build again and compare. A second build that fails is a result, not an error.

    Raises BomError where it can't be tried at all (no room, no clone).
    """
    if not artifacts:
        return Checked(())
    try:
        with scratch_folder() as scratch:
            if images.is_image_build(asked.request):
                with images.engine(asked.request, artifacts) as engine:
                    return _of_images(asked, artifacts, scratch, engine, progress)
            return _of_files(asked, artifacts, scratch, progress)
    except OSError as error:
        raise BomError(
            f"the second build can't be made: {error.strerror or error}",
            hint="it needs room for another clone and for what the build makes",
        ) from error


# --- files ---------------------------------------------------------------------------------------


def _of_files(
    asked: Asked, artifacts: Sequence[Artifact], scratch: Path, progress: Progress
) -> Checked:
    """First with everything changed; where the command fails under that, without what it may not
    take for reasons of its own."""
    first = _first(asked.request)
    reason = ""
    for without in (frozenset[str](), _INVASIVE):
        attempt = scratch / f"{scratch.name}-{len(without)}"
        attempt.mkdir()
        found = varied(
            _start(asked.request, attempt),
            Host(attempt, first),
            fixed=FIXED if asked.umask is not None else (),
            without=without,
        )
        second = _checked_out(asked, first, found)
        try:
            result = _files_again(asked, artifacts, (first, second), found, attempt, progress)
        except BomError as error:
            reason = error.reason
        else:
            if isinstance(result, tuple):
                return Checked(result)
            reason = f"it ended with {result}"
        remove(second.source)
        if not _INVASIVE & {factor.name for factor in found.applied}:
            break
    return _failed(artifacts, reason)


def _files_again(
    asked: Asked,
    artifacts: Sequence[Artifact],
    places: tuple[Place, Place],
    found: Varied,
    scratch: Path,
    progress: Progress,
) -> tuple[Artifact, ...] | int:
    """The exit code, where the second build ended with one that isn't 0."""
    first, second = places
    seen = sight(first, second)
    names, unseen = claims((factor.name for factor in found.applied), seen)
    claimed = Reproduction(
        "failed", varied=names, fixed=found.fixed, kept=tuple(sorted((*found.kept, *unseen)))
    )
    one = circumstances(first, seen.one, asked.started, second)
    began = now(second)
    output = scratch / "output"
    output.mkdir()
    with built_again(asked.request, found.circumstance, output, asked.umask, progress) as result:
        if result.code:
            return result.code
        two = circumstances(second, seen.two, began, first)
        return _compared(asked, artifacts, result.artifacts, claimed, (one, two), scratch)


# --- images --------------------------------------------------------------------------------------


def _of_images(
    asked: Asked,
    artifacts: Sequence[Artifact],
    scratch: Path,
    engine: images.Engine,
    progress: Progress,
) -> Checked:
    """The engine runs the steps: what is changed for its client doesn't reach them, so only what
    comes by the build context is changed, and what a probe's own build sees is claimed."""
    request = asked.request
    first = _first(request)
    factors = tuple(factor for factor in FACTORS if factor.name in images.IN_CONTEXT)
    found = varied(_start(request, scratch), Host(scratch, first), factors=factors)
    second = _checked_out(asked, first, found)
    folders = (scratch / "probe", second.source.parent / "probe")
    probe = images.probed(engine, request, artifacts, (first, second), folders)
    names, unseen = claims(images.NAMES, probe)
    refused = dict((*unseen, *found.kept))
    claimed = Reproduction("failed", varied=names, kept=tuple(sorted(refused.items())))
    one = circumstances(first, {}, asked.started, first)
    began = int(time.time())
    output = scratch / "output"
    output.mkdir()
    again = images.uncached(request)
    try:
        with built_again(again, found.circumstance, output, asked.umask, progress) as result:
            if result.code:
                return _failed(artifacts, f"it ended with {result.code}")
            two = circumstances(second, {}, began, second)
            compared = _compared(asked, artifacts, result.artifacts, claimed, (one, two), scratch)
            engine.remove_unnamed(result.artifacts.values(), artifacts)
            return Checked(compared)
    except BomError as error:
        return _failed(artifacts, error.reason)


# --- both ----------------------------------------------------------------------------------------


def _first(request: BuildRequest) -> Place:
    return Place(
        request.root, request.environment, files=tracked(request.root, request.environment)
    )


def _start(request: BuildRequest, folder: Path) -> Circumstance:
    return Circumstance(folder, request.root.name or "source", request.environment)


def _checked_out(asked: Asked, first: Place, found: Varied) -> Place:
    circumstance = found.circumstance
    checked_out(asked.revision, first.source, circumstance)
    return Place(circumstance.source, circumstance.environment, circumstance.prefix, first.files)


def _failed(artifacts: Sequence[Artifact], reason: str) -> Checked:
    return Checked(
        tuple(_with(item, Reproduction("failed")) for item in artifacts),
        (
            f"the second build failed: {reason}; it starts from a clean clone, where what git"
            " ignores is not there",
        ),
    )


def _with(artifact: Artifact, reproduction: Reproduction) -> Artifact:
    return replace(artifact, observations=(*artifact.observations, reproduction))


def _compared(
    asked: Asked,
    artifacts: Sequence[Artifact],
    others: Mapping[str, Artifact],
    claimed: Reproduction,
    known: tuple[Circumstances, Circumstances],
    scratch: Path,
) -> tuple[Artifact, ...]:
    from bom.compare import compare

    done = []
    for item in artifacts:
        other = others.get(identity(item, asked.request))
        if other is None:
            done.append(_with(item, claimed))
            continue
        with ExitStack() as stack:
            files = item.built, other.built
            if asked.normalises:  # what ships is normalised, too
                folder = Path(stack.enter_context(TemporaryDirectory(dir=scratch)))
                files = _stable(files, item.target.name, folder, asked.epoch)
            result = compare(*files, known=known, epoch=asked.epoch, name=item.target.name)
        told = result.differences[:_LISTED]
        found = replace(
            claimed,
            outcome=result.verdict,
            normalised=result.normalised,
            differences=tuple((part.cause, part.path) for part in told),
            count=len(result.differences),
        )
        done.append(_with(item, found))
    return tuple(done)


def _stable(files: tuple[Path, Path], name: str, folder: Path, epoch: int) -> tuple[Path, Path]:
    """Both in their normal form; as they are where there is none."""
    from bom.normalise import normalise

    outs = folder / "one", folder / "two"
    for path, out in zip(files, outs, strict=True):
        out.touch(mode=0o600)
        try:
            if normalise(path, out, epoch, name) is None:
                return files
        except (BadArtifact, CannotNormalise):
            return files
    return outs
