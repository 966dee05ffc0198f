"""What the stages of a multi-stage build held: the compiler that made what ships, though it
doesn't ship itself.

A builder that keeps its stages hands one out as the tar of its file system. That must never run a
step of the user's a second time, and must be what the build used: a builder that can't be sure of
both refuses, and that is a gap.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from bom.compose.formulation import build_ref
from bom.errors import BadArtifact
from bom.model import Dependency, Gap, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from bom.builder.images.context import BuildInputs
    from bom.builder.images.provenance import Reported
    from bom.builder.protocol import Progress
    from bom.model import Component, Observation

STAGE: Final = "bom-seal:stage"
_GAP: Final = "stage.packages"
_LIMIT: Final = 100  # stages of one image
_NO_EXPORTER: Final = "this builder hands out no stage"
CHANGED: Final = "what it is made from is not known to be the same still as in the build"
_SWITCHED_OFF: Final = "switched off in the configuration (stages = false)"


class NotExported(Exception):
    """A stage could not be had. `reason`: for a gap, so the same in every run."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StageExporter(Protocol):
    """A builder that keeps the stages of the build that it has just done."""

    def export(self, stage: str, reported: Reported, /) -> Generator[bytes, None, None]:
        """The tar of a stage's file system, in pieces. `stage`: as `--target` names it.

        Runs none of the build's steps. Raises NotExported, also after the last piece: then what
        came is not what the build used.
        """

    def close(self) -> None:
        """Remove what the exports left in the builder."""


class SwitchedOff:
    """The exporter of a user who wants none."""

    def export(self, stage: str, reported: Reported, /) -> Generator[bytes, None, None]:
        raise NotExported(_SWITCHED_OFF)

    def close(self) -> None:
        """Nothing was left."""


def observations(
    exporter: StageExporter | None,
    stages: Sequence[str],
    reported: Reported,
    inputs: BuildInputs,
    progress: Progress,
) -> Iterator[Observation]:
    """The packages of every stage that the image comes from, as what built it; a gap for each
    stage that can't be read. `exporter`: None where the builder hands out none. `inputs`: what
    the build was given, which must be the same still."""
    found = tuple(_exported(exporter, stages, reported, progress))
    if any(isinstance(item, Dependency) for item in found) and not inputs.is_unchanged():
        # an older state of the files may be in the cache as well
        found = tuple(Gap(_GAP, printable_name(stage), CHANGED) for stage in stages)
    yield from found


def _exported(
    exporter: StageExporter | None, stages: Sequence[str], reported: Reported, progress: Progress
) -> Iterator[Observation]:
    if len(stages) > _LIMIT:
        yield Gap(_GAP, f"{len(stages) - _LIMIT} stages", f"only {_LIMIT} are looked into")
    for stage in stages[:_LIMIT]:
        shown = printable_name(stage)
        if exporter is None:
            yield Gap(_GAP, shown, _NO_EXPORTER)
            continue
        progress.start(f"look into the build stage {shown}", 0)
        try:
            with closing(exporter.export(stage, reported)) as pieces:
                # all of it before any is told: an export may turn out wrong at its end
                found = tuple(_held(pieces, shown))
        except (NotExported, BadArtifact) as error:
            yield Gap(_GAP, shown, error.reason)
        else:
            yield from found
        finally:
            progress.done()
    if exporter is not None:
        exporter.close()


def _held(pieces: Iterable[bytes], stage: str) -> Iterator[Observation]:
    """The packages in a tar of a stage, and what could not be had of them."""
    from bom.catalog import catalogue
    from bom.catalog.unpacked import Contents

    with Contents() as contents:
        for piece in pieces:
            contents.feed(piece)
        view, gaps = contents.finish()
    inside = catalogue(view)
    known: dict[str, str] = {}
    for item in inside.installed:
        part = item.component
        known.update(_refs(part))
        properties = (*part.properties, Property(STAGE, stage))
        # whose stage it was says what it was for; which of them needs which is not recorded
        yield Dependency(replace(part, properties=properties, requires=()), "build")
    for gap in (*inside.gaps, *gaps):
        if gap.ref in known:
            yield replace(gap, ref=known[gap.ref])
        else:
            yield replace(gap, where=f"stage {stage}: {gap.where}", ref="")


def _refs(part: Component) -> Iterator[tuple[str, str]]:
    """The refs of a component and of all inside it, each with the one in the formulation."""
    yield part.bom_ref, build_ref(part)
    for child in part.components:
        yield from _refs(child)
