"""`bom build`: run the build that is there already, watch it, and seal what it made.

The steps, each a function from values to values: prepare (refuse what can't end well), observe
(what the build is made of), run (the user's command, unchanged), collect (what it made), seal.
"""

from __future__ import annotations

import hashlib
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from bom import canonical
from bom.builder import BUILDERS
from bom.builder.protocol import Artifact, BuildRequest, Collected, PreparedBuild, Progress
from bom.compose import statement, validate
from bom.compose.bom import Evidence, serialised, source_date_epoch
from bom.errors import BadArtifact, BomError, CannotSeal, Refused
from bom.identity import own_digest
from bom.model import Check, Envelope, Gap, Observation, Property
from bom.observe import observe, project_root
from bom.observe.protocol import BuildContext
from bom.output import publish, temporary_file
from bom.process import STDOUT, run
from bom.seal import beside, is_left_by_bom, recognise, unseal_to
from bom.seal.beside import BESIDE, BOM_ENDING, BUNDLE_ENDING, ENDINGS, RUN_RECORD_ENDING
from bom.seal.protocol import ENVELOPE_LIMIT, FORMAT_PROPERTY
from bom.sign import bundle, dsse, jsf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.builder.protocol import Builder
    from bom.compose.component import Json
    from bom.config import Config
    from bom.seal.protocol import ArtifactFormat
    from bom.sign.keys import PrivateKey


class Reporter(Progress, Protocol):
    """Where progress and warnings go."""

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What the user asked for. `key` None: unsigned, which the user has to ask for.

    `stdout`: the descriptor for the command's standard output. `key_file`: where the private
    key lies, so that a build which would pack it is refused. `result_file`: where the caller
    writes what was done; like all of `bom`'s own files it is no part of the source.
    """

    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    config: Config
    key: PrivateKey | None
    key_file: Path | None = None
    output: Path | None = None
    result_file: Path | None = None
    artifacts: tuple[str, ...] = ()
    check_files: tuple[Path, ...] = ()
    require_checks: bool = False
    stdout: int = STDOUT


@dataclass(frozen=True, slots=True)
class Sealed:
    """One artifact that is done. Digests are hex SHA-256; `format` is "beside" where the BOM
    could not go inside; `state` "unchanged": it already carried this very BOM."""

    path: Path
    sha256: str
    built_sha256: str
    built_size: int
    format: str
    state: Literal["sealed", "unchanged"] = "sealed"
    gaps: int = 0
    components: int = 0


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """`exit_code` is the command's own; nothing is sealed when it isn't 0."""

    exit_code: int
    sealed: tuple[Sealed, ...] = ()
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    left_alone: tuple[Path, ...] = ()
    gaps: tuple[Gap, ...] = field(default=())


def build(options: BuildOptions, reporter: Reporter) -> BuildOutcome:
    """Run the command and seal what it made.

    Raises BomError for every failure of `bom` itself; a command that fails is no error here,
    its code is in the outcome.
    """
    if not options.command:
        raise BomError("there is no command to run", hint="bom build -o app.tar -- docker build .")
    epoch = source_date_epoch(options.environment.get("SOURCE_DATE_EPOCH"))
    root = project_root(options.cwd)
    request = BuildRequest(
        command=options.command,
        cwd=options.cwd,
        root=root,
        environment=options.environment,
        config=options.config,
        output=options.output,
        artifacts=options.artifacts,
        forbidden=_forbidden(options.key_file),
    )
    with _builder(options.command).prepare(request) as prepared:
        _refuse_packed_key(prepared, options.key_file)
        observations = observe(_context(options, root))
        checks = tuple(sorted({fact for fact in observations if isinstance(fact, Check)}))
        if options.require_checks:
            _require(checks)
        for text in prepared.warnings:
            reporter.warn(text)
        started = _now()
        code = run(
            prepared.invocation.argv,
            environment=prepared.invocation.environment,
            cwd=options.cwd,
            stdout=options.stdout,
        )
        if code:
            return BuildOutcome(code, checks=checks, warnings=prepared.warnings)
        session = _Session(
            options,
            epoch,
            (*observations, *prepared.observations),
            statement.Run(started, _now(), str(uuid.uuid4()), code),
        )
        collected = prepared.collect(reporter)
        for text in collected.warnings:
            reporter.warn(text)
        outcome = _seal_all(session, collected, reporter)
    return replace(outcome, checks=checks, warnings=(*prepared.warnings, *outcome.warnings))


def _builder(command: Sequence[str]) -> Builder:
    return next(builder for builder in BUILDERS if builder.recognises(command))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _context(options: BuildOptions, root: Path) -> BuildContext:
    own = [options.output, options.result_file, options.key_file, *options.check_files]
    if options.output is not None:
        own += [options.output.with_name(options.output.name + end) for end in ENDINGS]
    if options.key_file is not None:
        own.append(options.key_file.with_suffix(".pub"))
    return BuildContext(
        root=root,
        cwd=options.cwd,
        command=options.command,
        environment=options.environment,
        config=options.config,
        own_files=tuple(path for path in own if path is not None),
        is_own=is_left_by_bom,
        check_files=options.check_files,
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


@dataclass(frozen=True, slots=True)
class _Session:
    """What all artifacts of one build share."""

    options: BuildOptions
    epoch: int | None
    observations: tuple[Observation, ...]
    run: statement.Run


@dataclass(frozen=True, slots=True)
class _Composed:
    """One artifact with its BOM, ready to be written."""

    artifact: Artifact
    built: Path
    form: ArtifactFormat | None
    document: Json
    envelope: Envelope
    observations: tuple[Observation, ...]


def _seal_all(session: _Session, collected: Collected, reporter: Reporter) -> BuildOutcome:
    sealed: list[Sealed] = []
    gaps: set[Gap] = set()
    left_alone: list[Path] = []
    shared = (*session.observations, *collected.observations)
    artifacts = (*collected.artifacts, *collected.sealed_already)
    _refuse_key_inside(artifacts)
    for artifact in artifacts:
        for text in artifact.warnings:
            reporter.warn(text)
        with ExitStack() as stack:
            composed = _compose(session, artifact, shared, stack)
            gaps |= {fact for fact in composed.observations if isinstance(fact, Gap)}
            if artifact in collected.sealed_already:
                if _carries(artifact.built, composed):
                    sealed.append(_unchanged(composed))
                else:
                    left_alone.append(artifact.built)
                continue
            reporter.start(f"seal {artifact.target.name}", 0)
            sealed.append(_write(session, composed, stack))
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
    )
    return BuildOutcome(
        0,
        tuple(sealed),
        warnings=warnings,
        left_alone=tuple(left_alone),
        gaps=tuple(sorted(gaps)),
    )


def _compose(
    session: _Session, artifact: Artifact, shared: tuple[Observation, ...], stack: ExitStack
) -> _Composed:
    """The artifact's signed BOM. A build that copied a sealed file gets its seal taken off."""
    key = session.options.key
    form = recognise(artifact.built)
    built, subject = artifact.built, artifact.subject
    observations = (*shared, *artifact.observations)
    parameters: tuple[Property, ...] = (Property(FORMAT_PROPERTY, BESIDE),)
    if form is not None:
        if form.read(built) is not None:
            built = stack.enter_context(temporary_file(artifact.target))
            digest = unseal_to(form, artifact.built, built)
            subject = replace(subject, sha256=digest, size=built.stat().st_size)
        try:
            parameters = form.parameters(built)
            subject = replace(subject, members=form.members(built))
        except CannotSeal as error:
            form = None
            observations = (
                *observations,
                Gap("seal.inside", subject.kind, f"the BOM stands beside: {error.reason}"),
            )
    evidence = Evidence(
        subject=subject,
        observations=observations,
        seal=parameters,
        epoch=session.epoch,
        signed=key is not None,
        tool_digest=own_digest(),
        spec_version=session.options.config.spec_version,
    )
    composed, members = serialised(evidence)
    if key is not None:
        composed[jsf.FIELD] = jsf.signature(members, key)
        members[jsf.FIELD] = canonical.dumps(composed[jsf.FIELD])
    problems = validate.errors(composed)
    if problems:
        raise BomError(
            f"the BOM would break the CycloneDX schema: {problems[0]}",
            hint="this is a defect of bom: please report it",
        )
    data = canonical.join(members)
    envelope = Envelope(data, bundle.message(data, key) if key is not None else b"")
    if len(envelope.bom) + len(envelope.bundle) > ENVELOPE_LIMIT:
        raise BomError(
            f"the BOM has {len(data)} bytes, more than an envelope may have ({ENVELOPE_LIMIT})"
        )
    return _Composed(
        replace(artifact, subject=subject), built, form, composed, envelope, observations
    )


def _carries(path: Path, composed: _Composed) -> bool:
    """Whether the file has this very BOM already, inside or beside it."""
    try:
        if composed.form is not None:
            return composed.form.read(path) == composed.envelope
        return beside.read(path) == composed.envelope
    except (BadArtifact, OSError):
        return False


def _unchanged(composed: _Composed) -> Sealed:
    return replace(_done(composed, composed.artifact.built), state="unchanged")


def _done(composed: _Composed, path: Path) -> Sealed:
    subject = composed.artifact.subject
    return Sealed(
        path=path,
        sha256=_digest(path),
        built_sha256=subject.sha256,
        built_size=subject.size,
        format=composed.form.name if composed.form else BESIDE,
        gaps=len(composed.document.get("annotations", [])),
        components=len(composed.document["components"]),
    )


def _write(session: _Session, composed: _Composed, stack: ExitStack) -> Sealed:
    """Publish the artifact and its run record.

    The old record goes first and the new one comes last: whenever this is cut short, what
    stands there verifies, at worst without its record.
    """
    artifact, target = composed.artifact, composed.artifact.target
    mode = artifact.built.stat().st_mode & 0o777 if artifact.built == target else None
    record = target.with_name(target.name + RUN_RECORD_ENDING)
    besides = [target.with_name(target.name + end) for end in (BUNDLE_ENDING, BOM_ENDING)]
    out = target
    if composed.form is not None:
        out = stack.enter_context(temporary_file(target))
        composed.form.seal(composed.built, composed.envelope, out)
    elif artifact.built != target:
        out = artifact.built
    done = replace(_done(composed, out), path=target)
    lines = stack.enter_context(temporary_file(target))
    lines.write_bytes(_run_record(session, composed, done))
    parts = [stack.enter_context(temporary_file(target)) for _ in besides]
    for path in (record, *reversed(besides)):
        path.unlink(missing_ok=True)
    if out != target:
        publish(out, target, mode=mode)
    if composed.form is None:
        for part, path, data in zip(
            parts, besides, (composed.envelope.bundle, composed.envelope.bom), strict=True
        ):
            if data:
                part.write_bytes(data)
                publish(part, path)
    if session.options.key is not None:
        publish(lines, record)
    return done


def _run_record(session: _Session, composed: _Composed, done: Sealed) -> bytes:
    """DSSE bundles, one a line; nothing without a key, for an unsigned record proves nothing."""
    key = session.options.key
    if key is None:
        return b""
    subjects = [statement.Named(done.path.name, done.sha256)]
    if done.built_sha256 != done.sha256:
        subjects.append(statement.Named(f"{done.path.name} (as built)", done.built_sha256))
    checks = [fact for fact in composed.observations if isinstance(fact, Check)]
    statements = [
        statement.provenance(subjects, composed.observations, session.run),
        statement.bom_predicate(subjects, composed.document),
    ]
    if checks:
        statements.append(statement.test_result(subjects, checks))
    return b"".join(dsse.envelope(item, key).rstrip(b"\n") + b"\n" for item in statements)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
