"""A wheel's RECORD: its rows, and whether the members are what they say.

RECORD lists every file of the wheel with hash and size, itself without (binary distribution
format, "The .dist-info directory"; "Recording installed projects"). Installers read it without
checking it, so this does.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.archive import zip as zip_archive
from bom.errors import BadArtifact
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bom.archive.positioned import Positioned
    from bom.archive.zip import ZipMember

RECORD_LIMIT: Final = 32 * 1024 * 1024  # bytes of a RECORD
# "sha256 or better": what hashlib always has; md5 and sha1 are not permitted.
_ALGORITHMS: Final = ("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512")
_WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A row: `digest` is base64url without padding; `size` -1 where it is not stated."""

    path: str
    algorithm: str
    digest: str
    size: int


def rows(text: bytes) -> tuple[RecordRow, ...]:
    """The rows of a RECORD. Raises BadArtifact (`record`) for what is no RECORD."""
    try:
        lines = list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadArtifact("record", f"RECORD can't be read: {error}", where="RECORD") from error
    return tuple(_row(line) for line in lines if line)


def _row(line: list[str]) -> RecordRow:
    if len(line) != 3:
        raise BadArtifact("record", "a row of RECORD has not three fields", where=line[0])
    path, stated, size = line
    algorithm, _, digest = stated.partition("=")
    if size and not (size.isascii() and size.isdigit() and len(size) < 20):
        raise BadArtifact("record", "the size in RECORD is no number", where=path, found=size)
    return RecordRow(path, algorithm, digest, int(size) if size else -1)


def extended(text: bytes, members: Iterable[tuple[str, bytes]]) -> bytes:
    """A RECORD with a row more for each of `members` (name, content), in its own line style."""
    newline = "\r\n" if text.endswith(b"\r\n") else "\n"
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=newline)
    for name, content in members:
        writer.writerow((name, f"sha256={encoded(hashlib.sha256(content))}", len(content)))
    separator = b"" if not text or text.endswith((b"\n", b"\r")) else newline.encode()
    return text + separator + out.getvalue().encode()


def encoded(digest: hashlib._Hash) -> str:
    """The digest as RECORD writes it."""
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


@contextmanager
def checking(
    file: Positioned, members: Iterable[ZipMember], text: bytes, record: str
) -> Iterator[Callable[[], tuple[Finding, ...]]]:
    """Compare a RECORD with the members in the background; the value waits for the findings.

    `text`: the content of the member named `record`. Every finding has the code `record` and
    names the member. A wheel of stored members is hashed as fast as its file: hashlib and zlib
    let other threads run, so that this costs little beside hashing the whole.
    """
    # imported late: it costs a verb that meets no wheel 10 ms
    from concurrent.futures import ThreadPoolExecutor

    findings: list[Finding] = []
    work = _pair(members, text, record, findings)
    lock, stop = threading.Lock(), threading.Event()

    def drain() -> None:
        while not stop.is_set():
            with lock:
                task = next(work, None)
            if task is None:
                return
            findings.extend(list(_compare(file, *task, stop)))

    workers = min(_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="record") as pool:
        tasks = [pool.submit(drain) for _ in range(workers)]

        def result() -> tuple[Finding, ...]:
            for task in tasks:
                task.result()
            return tuple(sorted(findings))

        try:
            yield result
        finally:
            stop.set()


def _pair(
    members: Iterable[ZipMember], text: bytes, record: str, findings: list[Finding]
) -> Iterator[tuple[ZipMember, RecordRow]]:
    """The members with their rows, largest first so that no thread waits for the last."""
    stated: dict[str, RecordRow] = {}
    try:
        for row in rows(text):
            if row.path in stated:
                findings.append(_finding("RECORD lists this file twice", row.path))
            stated[row.path] = row
    except BadArtifact as error:
        findings.append(Finding("record", error.reason, error.expected, error.found, error.where))
        return
    pairs: list[tuple[ZipMember, RecordRow]] = []
    for member in members:
        found = stated.pop(member.name, None)
        if member.row.is_directory:
            if member.row.size or found is not None:
                findings.append(_finding("a directory with content", member.name))
        elif found is None:
            findings.append(_finding("the file is not in RECORD", member.name))
        elif member.name == record:
            if found.algorithm or found.size != -1:
                findings.append(_finding("RECORD states a hash of itself", member.name))
        elif found.algorithm not in _ALGORITHMS:
            findings.append(
                Finding(
                    "record",
                    "RECORD states no acceptable hash",
                    "sha256 or better",
                    found.algorithm or "none",
                    member.name,
                )
            )
        else:
            pairs.append((member, found))
    findings.extend(_finding("RECORD lists a file that is not there", name) for name in stated)
    yield from sorted(pairs, key=lambda pair: -pair[0].row.size)


def _finding(message: str, where: str) -> Finding:
    return Finding("record", message, where=where)


def _compare(
    file: Positioned, member: ZipMember, row: RecordRow, stop: threading.Event
) -> Iterator[Finding]:
    if row.size not in (-1, member.row.size):
        expected, found = f"{row.size} bytes", f"{member.row.size} bytes"
        yield Finding("record", "the file's size is not RECORD's", expected, found, member.name)
        return
    digest = hashlib.new(row.algorithm)
    try:
        for piece in zip_archive.content(file, member):
            digest.update(piece)
            if stop.is_set():  # nobody waits for it any more
                return
    except BadArtifact as error:
        yield Finding("record", error.reason, error.expected, error.found, member.name)
        return
    if encoded(digest) != row.digest:
        yield Finding(
            "record",
            "the file's content is not what RECORD states",
            f"{row.algorithm}={row.digest}",
            f"{row.algorithm}={encoded(digest)}",
            member.name,
        )


def crc_findings(file: Positioned, members: Iterable[ZipMember]) -> Iterator[Finding]:
    """A finding `damaged` for each member whose content is not what the zip directory states."""
    for member in members:
        crc = 0
        try:
            for piece in zip_archive.content(file, member):
                crc = zlib.crc32(piece, crc)
        except BadArtifact as error:
            yield Finding("damaged", error.reason, error.expected, error.found, member.name)
            continue
        if crc != member.row.crc:
            yield Finding(
                "damaged",
                "the member's content has another CRC than the zip directory states",
                f"{member.row.crc:08x}",
                f"{crc:08x}",
                member.name,
            )
