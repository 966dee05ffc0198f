"""One artifact's BOM: composed, signed, put into the artifact, published with its run record."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from bom import canonical, sha256sum
from bom.compose import reading, statement, validate
from bom.compose.bom import Evidence, serialised
from bom.errors import BadArtifact, BomError, CannotSeal
from bom.identity import own_digest
from bom.model import Check, Envelope, Gap, Observation, Property, Reproduction
from bom.normalising import normalised
from bom.output import alone_in, make_durable, publish, temporary_file
from bom.seal import beside, recognise, unseal_to
from bom.seal.beside import BESIDE, BOM_ENDING, BUNDLE_ENDING, RUN_RECORD_ENDING
from bom.seal.protocol import ENVELOPE_LIMIT, FORMAT_PROPERTY
from bom.sign import bundle, dsse, jsf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from bom.builder.protocol import Artifact, Progress
    from bom.compose.component import Json
    from bom.seal.protocol import ArtifactFormat
    from bom.sign.keys import PrivateKey


_LOOK: Final = 0.2  # seconds between two looks at how far the copy is


@dataclass(frozen=True, slots=True)
class Session:
    """What all artifacts of one build share. `key` None: unsigned. `epoch`: SOURCE_DATE_EPOCH.
    `normalise`: the epoch that artifacts are normalised to, None: they are sealed as built."""

    key: PrivateKey | None
    spec_version: str
    epoch: int | None
    observations: tuple[Observation, ...]
    run: statement.Run
    normalise: int | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """One artifact with its BOM, ready to be written."""

    artifact: Artifact
    built: Path
    form: ArtifactFormat | None
    document: Json
    envelope: Envelope
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One artifact that is done. Digests are hex SHA-256; `original_sha256` is that of what the
    builder wrote, where `built_sha256` is the normalised file's. `format` is "beside" where the BOM
    could not go inside; `state` "unchanged": it already carried this very BOM. `findings`: what its
    BOM says is wrong, a sentence each. `reproduction`: what came of building it a second time,
    where that was tried."""

    path: Path
    sha256: str
    built_sha256: str
    built_size: int
    format: str
    state: Literal["sealed", "unchanged"] = "sealed"
    gaps: int = 0
    components: int = 0
    findings: tuple[str, ...] = ()
    original_sha256: str = ""
    reproduction: Reproduction | None = None


def compose(session: Session, artifact: Artifact, stack: ExitStack) -> Composed:
    """The artifact's signed BOM. A build that copied a sealed file gets its seal taken off.

    `stack` removes what this needs on disk. Raises BomError for a BOM that can't be written.
    """
    key = session.key
    form = recognise(artifact.built)
    built, subject = artifact.built, artifact.subject
    parameters: tuple[Property, ...] = (Property(FORMAT_PROPERTY, BESIDE),)
    if form is not None and form.read(built) is not None:
        built = stack.enter_context(temporary_file(artifact.target))
        digest = unseal_to(form, artifact.built, built)
        subject = replace(subject, sha256=digest, size=built.stat().st_size)
    artifact = replace(artifact, subject=subject)
    if session.normalise is not None:
        artifact, built = normalised(artifact, built, session.normalise, stack)
        subject = artifact.subject
    observations = (*session.observations, *artifact.observations)
    if form is not None:
        try:
            parameters = form.parameters(built)
            subject = replace(subject, members=form.members(built))
        except CannotSeal as error:
            form = None
            observations = (*observations, _beside(subject.kind, error.reason))
    else:
        why = "this version puts none into a file of this format"
        observations = (*observations, _beside(subject.kind, why))
    evidence = Evidence(
        subject=subject,
        observations=observations,
        seal=parameters,
        epoch=session.epoch,
        signed=key is not None,
        tool_digest=own_digest(),
        spec_version=session.spec_version,
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
    return Composed(
        replace(artifact, subject=subject), built, form, composed, envelope, observations
    )


def _beside(kind: str, why: str) -> Gap:
    return Gap("seal.inside", kind, f"the BOM stands beside: {why}")


def carries(path: Path, composed: Composed) -> bool:
    """Whether the file has this very BOM already, inside or beside it."""
    try:
        if composed.form is not None:
            return composed.form.read(path) == composed.envelope
        return beside.read(path) == composed.envelope
    except (BadArtifact, OSError):
        return False


def unchanged(composed: Composed) -> Sealed:
    """What is to be said of an artifact that carries this very BOM already."""
    return replace(_done(composed, composed.artifact.built), state="unchanged")


def write(session: Session, composed: Composed, stack: ExitStack, progress: Progress) -> Sealed:
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
        with _watched(out, progress):
            composed.form.seal(composed.built, composed.envelope, out)
    elif composed.built != target:
        # a copy: what the build made stays where it is
        out = stack.enter_context(temporary_file(target))
        shutil.copyfile(composed.built, out)
    with ThreadPoolExecutor(1) as aside:
        # the disk is waited for while the digest is computed, not when it is published
        durable = aside.submit(make_durable, out)
        done = replace(_done(composed, out), path=target)
        durable.result()
    lines = stack.enter_context(temporary_file(target))
    lines.write_bytes(_run_record(session, composed, done))
    parts = [stack.enter_context(temporary_file(target)) for _ in besides]
    if composed.form is None:  # written before anything old goes: now a full disk loses nothing
        for part, data in zip(
            parts, (composed.envelope.bundle, composed.envelope.bom), strict=True
        ):
            part.write_bytes(data)
    with alone_in(target.parent):
        for path in (record, *reversed(besides)):
            path.unlink(missing_ok=True)
        if out != target:
            publish(out, target, mode=mode)
        if composed.form is None:
            for part, path in zip(parts, besides, strict=True):
                if part.stat().st_size:  # an unsigned BOM has no bundle
                    publish(part, path)
        if session.key is not None:
            publish(lines, record)
    return done


@contextmanager
def _watched(out: Path, progress: Progress) -> Iterator[None]:
    """Progress by how large the file has become: a format copies in the kernel and can't tell."""
    over = threading.Event()

    def watch() -> None:
        seen = 0
        while not over.wait(_LOOK):
            try:
                size = out.stat().st_size
            except OSError:  # its folder has gone: whoever writes it will say so
                return
            progress.advance(size - seen)
            seen = size

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _done(composed: Composed, path: Path) -> Sealed:
    subject = composed.artifact.subject
    return Sealed(
        path=path,
        sha256=sha256sum.of_file(path),
        built_sha256=subject.sha256,
        built_size=subject.size,
        original_sha256=composed.artifact.original_sha256,
        format=composed.form.name if composed.form else BESIDE,
        gaps=len(reading.gaps(composed.document)),
        findings=tuple(reading.findings(composed.document)),
        components=len(composed.document["components"]),
        reproduction=next(
            (fact for fact in composed.observations if isinstance(fact, Reproduction)), None
        ),
    )


def _run_record(session: Session, composed: Composed, done: Sealed) -> bytes:
    """DSSE bundles, one a line; nothing without a key, for an unsigned record proves nothing."""
    key = session.key
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
