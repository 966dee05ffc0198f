"""`bom rebuild`: build a sealed artifact again from what its BOM records, and compare.

The steps, each in a module of its own: the artifact is verified and stripped (`original`), its BOM
read (`recipe`), the source cloned at its revision (`source`), the tools held against those that
were recorded (`tools`), settings restored (`settings`), built by `bom.build` in a private folder
(what images' names stood for is put back), what was made found again (`matching`), compared
(`bom.compare`), and vouched for (`attestation`).
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bom import sha256sum
from bom.build import BuildOptions, build
from bom.builder import builder_for
from bom.builder.kept import images_of, kept
from bom.compose import reading
from bom.config import load, nearest
from bom.difference import Comparison
from bom.errors import BomError, EnvironmentLacks, NotRebuilt, Refused
from bom.git import Git
from bom.observe.protocol import BuildContext
from bom.place import place_of
from bom.private_folder import private_folder
from bom.process import SIGNALLED, STDERR
from bom.rebuild import settings
from bom.rebuild.bases import moved
from bom.rebuild.matching import match, remade
from bom.rebuild.original import as_built, original
from bom.rebuild.recipe import recipe
from bom.rebuild.source import Source, check_out
from bom.rebuild.tools import differences, refuse_without, tools_here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.build import Reporter
    from bom.builder.kept import Images
    from bom.builder.protocol import PreparedBuild
    from bom.rebuild.matching import Remade
    from bom.rebuild.original import Original
    from bom.rebuild.recipe import Recipe
    from bom.rebuild.tools import ToolDifference
    from bom.sign.trust import TrustedKey

_SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP})


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """What the user asked for. `keys`: whose signatures on the artifact are trusted. `secrets`: by
    name, for what the BOM leaves out. `strict_tools`: don't build with other tools."""

    artifact: Path
    keys: tuple[TrustedKey, ...]
    environment: Mapping[str, str]
    source: Source = field(default_factory=Source)
    secrets: Mapping[str, str] = field(default_factory=dict)
    strict_tools: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """The second build, ready to be compared. Everything in it is gone when the rebuild is over.

    `one`, `two`: both artifacts as built; `sha256`: of the second one, hex. `options`: what was
    built, to do it once more (in the clone `root`). `changed`: the tools that are others here.
    Times are seconds since 1970.
    """

    original: Original
    recipe: Recipe
    root: Path
    options: BuildOptions
    remade: Remade
    one: Path
    two: Path
    sha256: str
    changed: tuple[ToolDifference, ...]
    started: int
    finished: int


@contextmanager
def rebuilt(options: RebuildOptions, reporter: Reporter) -> Iterator[Built]:
    """Build again. While this is open, both artifacts are there.

    Raises BomError where it can't be tried, NotRebuilt where the build doesn't come to its end,
    EnvironmentLacks where the machine lacks what it takes.
    """
    with private_folder() as folder:
        places = {name: folder / name for name in ("original", "source", "made", "rebuilt")}
        for place in places.values():
            place.mkdir(mode=0o700)
        sealed = original(options.artifact, options.keys, places["original"])
        planned = recipe(sealed.document, options.artifact.name)
        settings.refuse_publishing(planned, reading.gaps(sealed.document))
        planned = settings.with_secrets(planned, options.secrets)
        git = Git.of(options.environment)
        checkout = check_out(planned.source, options.source, places["source"], git)
        for note in checkout.notes:
            reporter.warn(note)
        asked = _asked(planned, checkout.root, options.environment, places["made"])
        changed, images = _before(asked, planned, sealed, reporter, strict=options.strict_tools)
        started = _now()
        with kept(images):
            made = _made(asked, planned.line, reporter)
        item = match(sealed.document, made)
        two = as_built(item.sealed, places["rebuilt"] / sealed.name)
        yield Built(
            original=sealed,
            recipe=planned,
            root=checkout.root,
            options=asked,
            remade=item,
            one=sealed.built,
            two=two,
            sha256=sha256sum.of_file(two),
            changed=changed,
            started=started,
            finished=_now(),
        )


def compared(built: Built) -> Comparison:
    """The verdict, and what differs and why."""
    if built.sha256 == built.original.built_sha256:
        return Comparison("same")
    from bom.compare import compare
    from bom.rebuild.circumstances import of_original, of_rebuild

    times = (built.started, built.finished)
    known = (
        of_original(built.original.document, built.original.artifact),
        of_rebuild(built.remade.document, built.root, built.options.environment, times),
    )
    name = built.original.name
    return compare(built.one, built.two, known=known, epoch=built.recipe.epoch, name=name)


def _asked(planned: Recipe, root: Path, environment: Mapping[str, str], made: Path) -> BuildOptions:
    """The recorded build, in the clone."""
    cwd = root / planned.folder
    if not cwd.resolve().is_relative_to(root) or not cwd.is_dir():
        raise BomError(
            f"the folder {planned.folder} that was built in is not in the source",
            hint="is --source the right repository?",
        )
    place = nearest(cwd.resolve(), root)
    config = load(place).model_copy(update={"normalize": planned.normalise})
    command = settings.without_cache(planned.command, planned.images)
    return BuildOptions(
        command=command,
        cwd=cwd,
        environment=settings.environment(planned, environment, config.environment),
        config=config,
        key=None,
        output=made if settings.makes_images(command, planned.images) else None,
        artifacts=planned.artifacts,
        images=planned.images,
        as_is=planned.as_is,
        stdout=STDERR,
    )


def _before(
    asked: BuildOptions,
    planned: Recipe,
    sealed: Original,
    reporter: Reporter,
    *,
    strict: bool,
) -> tuple[tuple[ToolDifference, ...], Images | None]:
    """The tools and base images that are others here, each told; and the images whose names the
    build moves."""
    place = place_of(asked)
    context = BuildContext(
        root=place.root,
        cwd=asked.cwd,
        command=asked.command,
        environment=place.around.environment,
        config=asked.config,
    )
    if asked.output is None:
        refuse_without(asked.command, (), asked.environment, asked.cwd)
    with builder_for(asked.command, asked.images).prepare(place.request(asked)) as prepared:
        here = tools_here(context, prepared.observations)
        names = _names(prepared, sealed) if asked.output is not None else ()
    images = images_of(asked.command, names, asked.environment, asked.cwd)
    changed = (*differences(planned.tools, here), *moved(planned.bases, images))
    for item in changed:
        reporter.warn(f"another tool than was recorded: {item.text}")
    refuse_without(asked.command, changed, asked.environment, asked.cwd)
    if strict and changed:
        raise NotRebuilt(
            f"--strict-tools: {len(changed)} of the recorded tools are others here",
            hint="install the recorded versions, or leave --strict-tools out",
        )
    return changed, images


def _names(prepared: PreparedBuild, sealed: Original) -> tuple[str, ...]:
    """Those that the artifact has, and that its definition gives other images."""
    from bom.builder.docker.targets import PreparedTargets

    stated = reading.subject_properties(sealed.document, "bom-seal:image:tag")
    defined = prepared.names if isinstance(prepared, PreparedTargets) else ()
    return tuple(dict.fromkeys((*defined, *stated)))


def _made(asked: BuildOptions, line: str, reporter: Reporter) -> tuple[Remade, ...]:
    """What the build made. `line`: its command as recorded, without secrets."""
    try:
        outcome = build(asked, reporter)
    except (EnvironmentLacks, Refused):
        raise
    except BomError as error:
        raise NotRebuilt(f"it does not build: {error.reason}", hint=error.hint) from error
    code = outcome.exit_code
    if code - SIGNALLED in _SIGNALS:
        stopped = NotRebuilt(f"the build was stopped: `{line}` ended with exit code {code}")
        stopped.exit_code = code
        raise stopped
    if code:
        raise NotRebuilt(
            f"it does not build: `{line}` ended with exit code {code}",
            hint="its own output above says why",
        )
    return remade(tuple(item.path for item in outcome.sealed))


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


__all__: Sequence[str] = ("Built", "RebuildOptions", "Source", "compared", "rebuilt")
