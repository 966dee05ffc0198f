"""`bom build`: run the build that is there already, watch it, and seal what it made.

The steps, each a function from values to values: prepare (refuse what can't end well), observe
(what the build is made of), run (the user's command, unchanged), collect (what it made), seal
(normalised before, where that is asked for).
"""

from __future__ import annotations

import hashlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bom.build_options import BuildOptions
from bom.builder import builder_for
from bom.builder.protocol import Progress
from bom.compose import statement
from bom.errors import BomError, Refused
from bom.model import Check, Revision
from bom.observe import observe
from bom.observe.protocol import BuildContext
from bom.place import place_of
from bom.process import run
from bom.seal import is_left_by_bom
from bom.seal.beside import ENDINGS
from bom.sealing import Composed, Sealed, Session, carries, compose, unchanged, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from bom.builder.protocol import Artifact, BuildRequest, Collected, PreparedBuild
    from bom.lock.held import HeldBuild
    from bom.model import Observation
    from bom.place import Place
    from bom.vary.check import Asked

__all__ = ["BuildOptions", "BuildOutcome", "Reporter", "build"]


class Reporter(Progress, Protocol):
    """Where progress and warnings go."""

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """`exit_code` is the command's own; nothing is sealed when it isn't 0."""

    exit_code: int
    sealed: tuple[Sealed, ...] = ()
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    left_alone: tuple[Path, ...] = ()


def build(options: BuildOptions, reporter: Reporter) -> BuildOutcome:
    """Run the command and seal what it made.

    Raises BomError for every failure of `bom` itself; a command that fails is no error here,
    its code is in the outcome.
    """
    if not options.command:
        raise BomError("there is no command to run", hint="bom build -o app.tar -- docker build .")
    place = place_of(options)
    request = replace(
        place.request(options),
        forbidden=_forbidden(options.key_file),
        normalise=place.normalise,
    )
    # What is there before the command runs is looked at from two sides at once: builder and
    # observers mostly wait, for programs that they ask.
    with ThreadPoolExecutor(1) as aside:
        seen = aside.submit(observe, _context(options, place))
        with builder_for(options.command, options.images).prepare(request) as prepared:
            return _wrap(options, request, prepared, place, _Aside(aside, seen), reporter)


class _Aside(NamedTuple):
    """A thread beside the main one, and what it sees of the build."""

    pool: ThreadPoolExecutor
    seen: Future[tuple[Observation, ...]]


def _wrap(
    options: BuildOptions,
    request: BuildRequest,
    prepared: PreparedBuild,
    place: Place,
    aside: _Aside,
    reporter: Reporter,
) -> BuildOutcome:
    _refuse_packed_key(prepared, options.key_file)
    observations = aside.seen.result()
    checks = tuple(sorted({fact for fact in observations if isinstance(fact, Check)}))
    if options.require_checks:
        _require(checks)
    held = _held(options, place)
    if held is not None:
        held.check_before((*observations, *prepared.observations))
    second = _second(options, request, prepared, place, observations)
    for text in prepared.warnings:
        reporter.warn(text)
    for name in prepared.needs:
        aside.pool.submit(import_module, name)  # while the command runs; else on first use
    started = _now()
    code = run(
        prepared.invocation.argv,
        environment=prepared.invocation.environment,
        cwd=options.cwd,
        stdout=options.stdout,
        stdin=prepared.invocation.stdin,
        umask=place.around.umask,
    )
    if code:
        return BuildOutcome(code, checks=checks, warnings=prepared.warnings)
    ran = statement.Run(started, _now(), str(uuid.uuid4()), code)
    commit = next((fact.commit for fact in observations if isinstance(fact, Revision)), "")
    collected = prepared.collect(reporter, commit)
    if second is not None:
        collected = _built_again(options, second, collected, reporter)
    told = (*place.told(options), *(held.facts if held is not None else ()))
    if held is not None:
        for artifact in collected.artifacts:
            held.check_built(artifact.observations)
    facts = (*observations, *told, *prepared.observations, *collected.observations)
    session = Session(
        options.key, options.config.spec_version, place.given, facts, ran, place.normalise
    )
    for text in collected.warnings:
        reporter.warn(text)
    outcome = _seal_all(session, collected, reporter)
    return replace(outcome, checks=checks, warnings=(*prepared.warnings, *outcome.warnings))


def _second(
    options: BuildOptions,
    request: BuildRequest,
    prepared: PreparedBuild,
    place: Place,
    observations: Sequence[Observation],
) -> Asked | None:
    """What is to be built a second time, where that was asked for. Raises Refused."""
    if not (options.check_reproducible or options.require_reproducible):
        return None
    from bom.vary.check import Asked, refuse_once_only, revision_to_check

    refuse_once_only(prepared, request)
    return Asked(
        request,
        revision_to_check(observations),
        umask=place.around.umask,
        epoch=place.normalise or place.around.epoch or place.given or 0,
        normalises=place.normalise is not None,
        started=int(time.time()),
    )


def _built_again(
    options: BuildOptions, second: Asked, collected: Collected, reporter: Reporter
) -> Collected:
    """The same artifacts, each with what came of building it again. Raises Refused where that
    must be the same and isn't."""
    from bom.vary.check import checked, required

    found = checked(second, collected.artifacts, reporter)
    if options.require_reproducible:
        required(found.artifacts)
    return replace(
        collected, artifacts=found.artifacts, warnings=(*collected.warnings, *found.warnings)
    )


def _held(options: BuildOptions, place: Place) -> HeldBuild | None:
    """The lock that the build is held to, where that was asked for."""
    if not options.locked:
        return None
    from bom.lock.held import HeldBuild
    from bom.lock.making import Surroundings

    return HeldBuild(
        Surroundings(place.root, options.cwd, place.around.environment, options.config)
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _context(options: BuildOptions, place: Place) -> BuildContext:
    own = [options.output, options.result_file, options.key_file, *options.check_files]
    if options.output is not None:
        own += [options.output.with_name(options.output.name + end) for end in ENDINGS]
    if options.key_file is not None:
        own.append(options.key_file.with_suffix(".pub"))
    return BuildContext(
        root=place.root,
        cwd=options.cwd,
        command=options.command,
        environment=place.around.environment,
        config=options.config,
        own_files=tuple(path for path in own if path is not None),
        is_own=is_left_by_bom,
        check_files=options.check_files,
        fixed=place.around.fixed,
        replaced=place.around.replaced,
    )


# --- refusing ----------------------------------------------------------------------------------


def _forbidden(key_file: Path | None) -> frozenset[str]:
    if key_file is None:
        return frozenset()
    return frozenset({hashlib.sha256(key_file.read_bytes()).hexdigest()})


def _refuse_packed_key(prepared: PreparedBuild, key_file: Path | None) -> None:
    if key_file is not None and prepared.packs(key_file):
        raise Refused(
            f"the private key {key_file.name} lies where this build would pack it",
            hint="keep it outside the project, or name it in .gitignore and .dockerignore",
        )


def _refuse_key_inside(artifacts: Sequence[Artifact]) -> None:
    """Before anything is sealed: a key that one artifact gave away must not sign the others."""
    for artifact in artifacts:
        if artifact.forbidden:
            raise Refused(
                f"{artifact.target.name} holds the private key: {', '.join(artifact.forbidden)}",
                hint="nothing was sealed; keep the key outside the project and make a new one",
            )


def _require(checks: Sequence[Check]) -> None:
    wanting = [check for check in checks if check.outcome in ("failed", "not-run")]
    if wanting:
        names = ", ".join(f"{check.name} {check.outcome}" for check in wanting)
        raise Refused(
            f"--require-checks: {names}",
            hint="run them with `bom check NAME -- COMMAND` on this very commit and tree",
        )
    if not checks:
        raise Refused(
            "--require-checks: no check ran on this commit and tree, and bom.toml lists none",
            hint="run one with `bom check NAME -- COMMAND`",
        )


# --- sealing -----------------------------------------------------------------------------------


@contextmanager
def _telling(sealed: Sequence[Sealed], reporter: Reporter) -> Iterator[None]:
    """Where one artifact fails, say which are done."""
    try:
        yield
    except BaseException:
        if done := ", ".join(item.path.name for item in sealed if item.state == "sealed"):
            reporter.warn(f"before this, sealed whole: {done}")
        raise


def _composed(
    session: Session, artifact: Artifact, stack: ExitStack, reporter: Reporter
) -> Composed:
    """The artifact's BOM; where it is to be normalised, which takes as long as it is large, that is
    shown."""
    if session.normalise is None or artifact.subject.image is not None:
        return compose(session, artifact, stack)
    reporter.start(f"normalise {artifact.target.name}", 0)
    try:
        return compose(session, artifact, stack)
    finally:
        reporter.done()


def _seal_all(session: Session, collected: Collected, reporter: Reporter) -> BuildOutcome:
    sealed: list[Sealed] = []
    left_alone: list[Path] = []
    as_built: list[str] = []
    artifacts = (*collected.artifacts, *collected.sealed_already)
    _refuse_key_inside(artifacts)
    with _telling(sealed, reporter):
        for artifact in artifacts:
            for text in artifact.warnings:
                reporter.warn(text)
            with ExitStack() as stack:
                composed = _composed(session, artifact, stack, reporter)
                more = composed.artifact.warnings[len(artifact.warnings) :]
                as_built += more
                for text in more:
                    reporter.warn(text)
                if artifact in collected.sealed_already:
                    if carries(artifact.built, composed):
                        sealed.append(unchanged(composed))
                    else:
                        left_alone.append(artifact.built)
                    continue
                reporter.start(f"seal {artifact.target.name}", composed.artifact.subject.size)
                try:
                    sealed.append(write(session, composed, stack, reporter))
                except OSError as error:
                    raise BomError(
                        f"{artifact.target.name} can't be sealed: {error.strerror or error}",
                        hint="it stays as it was; sealing needs room for a second copy beside it",
                    ) from error
                finally:
                    reporter.done()
    if not sealed and left_alone:
        names = ", ".join(path.name for path in left_alone)
        raise BomError(
            f"this build made nothing new; sealed for an earlier build: {names}",
            hint="remove what is there (make clean) and build again",
        )
    warnings = (
        *collected.warnings,
        *(text for artifact in collected.artifacts for text in artifact.warnings),
        *as_built,
    )
    return BuildOutcome(
        0,
        tuple(sealed),
        warnings=warnings,
        left_alone=tuple(left_alone),
    )
