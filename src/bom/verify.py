"""Is this file what its signer sealed? One pass, offline, in constant memory.

Nothing of the artifact is executed or fetched: what this module reaches runs no process and
opens no socket (the import contracts in pyproject.toml hold it to that).
"""

from __future__ import annotations

import hashlib
import os
import select
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from bom import canonical, sha256sum
from bom.compose import reading, validate
from bom.errors import BadArtifact, BomError
from bom.input import open_at_once
from bom.model import Envelope, Finding, Verdict
from bom.seal import HEAD, beside, recognise_head
from bom.seal.beside import (
    BESIDE,
    RUN_RECORD_ENDING,
    stands,
)
from bom.seal.protocol import FORMAT_PROPERTY
from bom.sign import bundle, dsse, jsf

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from bom.seal.protocol import ArtifactFormat
    from bom.sign.keys import PublicKey
    from bom.sign.trust import TrustedKey

RUN_RECORD_LINES: Final = 32  # `bom build` writes three
PATIENCE: Final = 5  # seconds, with a pipe that nobody writes to


@dataclass(slots=True)
class _Case:
    """What is known so far about one artifact."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    document: dict[str, Any] | None = None
    signer: PublicKey | None = None
    trusted: list[str] = field(default_factory=list)
    format: str = ""
    sha256: str = ""
    size: int = -1

    def add(
        self, code: str, message: str, *, expected: str = "", found: str = "", where: str = ""
    ) -> None:
        self.findings.append(Finding(code, message, expected, found, where))

    def add_error(self, error: BomError, code: str = "damaged") -> None:
        if isinstance(error, BadArtifact):
            self.findings.append(
                Finding(error.code, error.reason, error.expected, error.found, error.where)
            )
        else:
            self.add(code, error.reason)


class _Peeked:
    """A pipe whose first bytes were looked at before it is read."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._left = head
        self._stream = stream

    def read(self, amount: int = -1) -> bytes:
        if not self._left:
            return self._stream.read(amount)
        cut = len(self._left) if amount < 0 else amount
        part, self._left = self._left[:cut], self._left[cut:]
        return part if amount >= 0 else part + self._stream.read()


def _head(stream: BinaryIO) -> bytes:
    """The first HEAD bytes: a pipe gives what it has, so it is asked until there is no more."""
    parts: list[bytes] = []
    amount = HEAD
    while amount > 0 and (part := stream.read(amount)):
        parts.append(part)
        amount -= len(part)
    return b"".join(parts)


def verify(source: Path | BinaryIO, keys: Sequence[TrustedKey], *, name: str = "-") -> Verdict:
    """The verdict on a file, or on a stream (`name` is then what it is called).

    `keys` are the keys that the caller trusts; none makes every verdict a bad one that says
    which key signed. Raises BomError only where the file itself can't be opened.
    """
    if not isinstance(source, Path):
        return _verdict(_examine(source, None, keys, name))
    hint = "name a file, or - for a stream"
    try:
        stream = open_at_once(source)
    except OSError as error:
        raise BomError(f"{source} can't be read: {error.strerror}", hint=hint) from error
    with stream:
        kind = os.fstat(stream.fileno()).st_mode
        if stat.S_ISREG(kind):
            return _verdict(_examine(stream, source, keys, source.name))
        if not stat.S_ISFIFO(kind):
            raise BomError(f"{source} can't be read: it is a device", hint=hint)
        if not _is_fed(stream):
            raise BomError(f"{source} can't be read: nobody writes to this pipe", hint=hint)
        return _verdict(_examine(stream, None, keys, source.name))


def _is_fed(pipe: BinaryIO) -> bool:
    """Whether something comes out of a pipe, be it its end. Its writer may be slow to start."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(PATIENCE * 1000))


def _examine(stream: BinaryIO, path: Path | None, keys: Sequence[TrustedKey], name: str) -> _Case:
    case = _Case(name)
    whole = _WholeDigest(path) if path is not None and stands(_run_record(path)) else None
    try:
        head = _head(stream)
        form = recognise_head(head, path.name if path else "")
        if path is not None:
            stream.seek(0)
        source = stream if path is not None else cast("BinaryIO", _Peeked(head, stream))
        envelope = _unsealed(case, source, form) if form else None
        if envelope is None and path is not None:
            envelope = _beside(case, path)
    except OSError as error:
        case.add("unreadable", f"the artifact can't be read: {error.strerror or error}")
        return case
    if envelope is None:
        if not case.findings:
            case.add("no-seal", "this file carries no BOM, and there is none beside it")
        return case
    _check_document(case, envelope, keys)
    _check_subject(case, path, form)
    if whole is not None:
        _check_run_record(case, whole)
    return case


def _unsealed(case: _Case, source: BinaryIO, form: ArtifactFormat) -> Envelope | None:
    """The envelope inside; None when there is none. Hashes the built bytes on the way."""
    digest = hashlib.sha256()
    size = 0

    def sink(part: bytes | memoryview) -> None:
        nonlocal size
        digest.update(part)
        size += memoryview(part).nbytes

    try:
        unsealed = form.unseal(source, sink)
    except BadArtifact as error:
        if error.code != "no-seal":
            case.add_error(error)
        return None
    case.format = form.name
    case.findings += unsealed.findings
    if size or not unsealed.findings:  # else the built bytes could not be told from the seal
        case.sha256, case.size = digest.hexdigest(), size
    return unsealed.envelope


def _beside(case: _Case, path: Path) -> Envelope | None:
    """The BOM that stands beside an artifact which can't carry one."""
    if any(finding.code != "no-seal" for finding in case.findings):
        return None
    try:
        envelope = beside.read(path)
    except BadArtifact as error:
        case.add_error(error)
        return None
    if envelope is None:
        return None
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        case.size = stream.tell()
    case.format, case.sha256 = BESIDE, digest.hexdigest()
    return envelope


def _check_document(case: _Case, envelope: Envelope, keys: Sequence[TrustedKey]) -> None:
    try:
        case.document = canonical.loads_canonical(envelope.bom)
    except BadArtifact as error:
        case.add_error(error)
        return
    document = case.document
    for problem in validate.errors(document):
        case.add("schema", "the BOM breaks the CycloneDX schema", found=problem)
    stated = reading.document_property(document, "bom-seal:format")
    if stated != reading.FORMAT:
        case.add(
            "format-version",
            "the BOM has a format that this version does not know",
            expected=reading.FORMAT,
            found=stated,
        )
    sealed_as = reading.subject_property(document, FORMAT_PROPERTY)
    if sealed_as != case.format:
        case.add("seal", "the BOM was not sealed this way", expected=sealed_as, found=case.format)
    _check_signatures(case, envelope, keys)


def _check_signatures(case: _Case, envelope: Envelope, keys: Sequence[TrustedKey]) -> None:
    assert case.document is not None
    document = case.document
    says = reading.document_property(document, "bom-seal:signature")
    if "signature" not in document:
        if says == "none":
            case.add("unsigned", "the BOM is not signed", expected="a signature", found="none")
        else:
            case.add("signature", "the BOM's signature is missing", expected=says, found="none")
        if envelope.bundle:
            case.add("bundle", "a bundle stands beside an unsigned BOM")
        return
    try:
        case.signer = jsf.verify(document)
    except BadArtifact as error:
        case.add_error(error)
        return
    if not envelope.bundle:
        case.add("bundle-missing", "the BOM says that a Sigstore bundle is here", expected=says)
    else:
        try:
            bundle.verify_message(envelope.bundle, envelope.bom, case.signer)
        except BadArtifact as error:
            case.add_error(error)
    key_id = case.signer.key_id
    case.trusted = sorted(item.name for item in keys if item.key.key_id == key_id)
    if not case.trusted:
        expected = ", ".join(sorted({item.key.key_id for item in keys}))
        case.add(
            "untrusted-key",
            "no trusted key signed this"
            if keys
            else "no key is trusted, so no signature proves it",
            expected=expected or "a key given by --key or in the trust directory",
            found=key_id,
        )


def _check_subject(case: _Case, path: Path | None, form: ArtifactFormat | None) -> None:
    document = case.document
    if document is None or case.size < 0:
        return
    expected = reading.subject_sha256(document)
    size = reading.subject_property(document, "bom-seal:subject:size")
    if size != str(case.size):
        case.add(
            "subject-size", "the built bytes are not as many", expected=size, found=str(case.size)
        )
    if expected == case.sha256:
        return
    case.add(
        "subject-digest",
        "the built bytes are not the ones that were signed",
        expected=f"sha256:{expected}",
        found=f"sha256:{case.sha256}",
    )
    if path is not None and form is not None and case.format == form.name:
        case.findings += form.damage(path, document)
    elif path is None:
        case.warnings.append(
            "a stream can't be read twice: verify the file to see where it differs"
        )


def _run_record(path: Path) -> Path:
    return path.with_name(path.name + RUN_RECORD_ENDING)


class _WholeDigest:
    """The digest of the sealed file, computed on the side: hashing releases the interpreter's
    lock, so with a second core it costs no time. Wanted only where a run record states it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._value = ""
        self._thread = threading.Thread(target=self._compute, daemon=True)
        self._thread.start()

    def _compute(self) -> None:
        try:
            self._value = sha256sum.of_file(self.path)
        except OSError:
            self._value = "unreadable"  # no digest is spelled so: the record will not match

    def value(self) -> str:
        self._thread.join()
        return self._value


def _check_run_record(case: _Case, whole: _WholeDigest) -> None:
    """Every line beside the artifact must be signed by the same key and be about this file."""
    record = _run_record(whole.path)
    if case.signer is None:
        return
    wanted = {whole.value(), case.sha256}
    for number, line in enumerate(_lines(record), start=1):
        where = f"{record.name}:{number}"
        if number > RUN_RECORD_LINES or len(line) > dsse.SIZE_LIMIT:
            case.add("run-record", "the run record is too large", where=where)
            return
        try:
            statement: Any = canonical.loads_unchecked(dsse.verify(line, case.signer))
            digests = {str(entry["digest"]["sha256"]) for entry in statement["subject"]}
        except BomError as error:
            case.add("run-record", error.reason, where=where)
            continue
        except (KeyError, TypeError):
            case.add("run-record", "this line holds no in-toto statement", where=where)
            continue
        if digests != wanted:
            case.add(
                "run-record",
                "this line is about other files",
                expected=", ".join(sorted(wanted)),
                found=", ".join(sorted(digests))[:1000],
                where=where,
            )


def _lines(record: Path) -> Iterator[bytes]:
    """A file's lines without their ends, each cut where it is too long to be one."""
    with record.open("rb") as stream:
        while line := stream.readline(dsse.SIZE_LIMIT + 2):
            yield line.removesuffix(b"\n")


def _verdict(case: _Case) -> Verdict:
    document = case.document
    return Verdict(
        artifact=case.name,
        findings=tuple(case.findings),
        signed_by=(case.signer.key_id,) if case.signer else (),
        trusted=tuple(case.trusted),
        subject_name=reading.subject_name(document) if document else "",
        subject_sha256=case.sha256,
        subject_size=case.size,
        commit=reading.subject_property(document, "bom-seal:source:commit") if document else "",
        gaps=len(reading.gaps(document)) if document else 0,
        build_findings=len(reading.findings(document)) if document else 0,
        failed_checks=tuple(
            sorted(name for name, outcome in reading.checks(document) if outcome == "failed")
        )
        if document
        else (),
        format=case.format,
        warnings=tuple(case.warnings),
        images=tuple(reading.images(document)) if document else (),
        reproducible=reading.reproducible(document) if document else "",
        document=document,
    )
