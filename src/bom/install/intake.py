"""The artifact, copied into a private folder and verified there: what is verified is installed."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from bom import sha256sum
from bom.compose import reading
from bom.errors import BadArtifact, BomError, EnvironmentLacks
from bom.input import open_at_once
from bom.install.protocol import Verified
from bom.printable import printable_os
from bom.private_folder import private_folder
from bom.seal.beside import ENDINGS, stands
from bom.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from bom.model import Finding, Verdict
    from bom.sign.trust import TrustedKey

_HINT: Final = "name a sealed file, or - for a stream"
_CHUNK: Final = 1 << 20
_STREAM: Final = "-"  # what a stream's copy is called: formats know that it says nothing


class NotInstalled(BadArtifact):
    """Something is not what the BOM says, so nothing was installed: exit 1.

    `findings`: all that is wrong, the first one told in `reason`.
    """

    def __init__(self, reason: str, findings: Sequence[Finding], *, hint: str = "") -> None:
        first = findings[0]
        super().__init__(
            first.code, reason, expected=first.expected, found=first.found, where=first.where
        )
        self.findings = tuple(findings)
        self.hint = hint


@contextmanager
def taken_in(source: Path | BinaryIO, keys: Sequence[TrustedKey], name: str) -> Iterator[Verified]:
    """The verified copy, gone afterwards. Raises NotInstalled where it does not verify."""
    with private_folder() as folder:
        inbox, room = folder / "artifact", folder / "room"
        inbox.mkdir(mode=0o700)
        room.mkdir(mode=0o700)
        file = _copied(source, inbox, name)
        verdict = verify(file, keys)
        if not verdict.good or verdict.document is None:
            raise _refusal(verdict, source)
        document = verdict.document
        built = PurePath(reading.subject_property(document, "bom-seal:subject:file")).name
        yield Verified(
            file=file,
            room=room,
            document=document,
            kind=reading.subject_property(document, "bom-seal:subject:kind"),
            sha256=sha256sum.of_file(file),
            built_sha256=verdict.subject_sha256,
            built_name=built or file.name,
        )


def _copied(source: Path | BinaryIO, folder: Path, name: str) -> Path:
    """A private copy, with what stands beside it where it is a file."""
    if not isinstance(source, Path):
        copy = folder / (PurePath(name).name if name not in ("", "-") else _STREAM)
        try:
            _write(source, copy)
        except OSError as error:
            raise _failed(name, error) from error
        return copy
    try:
        with open_at_once(source) as stream:
            kind = os.fstat(stream.fileno()).st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
                raise BomError(f"{source} can't be read: it is a device", hint=_HINT)
            # a shell calls the pipe of `<(command)` by a number
            copy = folder / (source.name if stat.S_ISREG(kind) else _STREAM)
            _write(stream, copy)
        if copy.name == _STREAM:
            return copy
        for ending in ENDINGS:
            companion = source.with_name(source.name + ending)
            if stands(companion):
                shutil.copyfile(companion, folder / companion.name)
    except OSError as error:
        raise _failed(printable_os(str(source)), error) from error
    return copy


def _write(stream: BinaryIO, copy: Path) -> None:
    with copy.open("xb") as out:
        shutil.copyfileobj(stream, out, _CHUNK)


def _failed(name: str, error: OSError) -> BomError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentLacks(
            f"{name} can't be copied to be verified: {error.strerror}",
            hint="make room where temporary files go, or set TMPDIR to a folder on another disk",
        )
    return BomError(f"{name} can't be read: {error.strerror}", hint=_HINT)


def _refusal(verdict: Verdict, source: Path | BinaryIO) -> NotInstalled:
    first = verdict.findings[0]
    is_file = isinstance(source, Path)
    shown = source.name if is_file else "standard input"
    if all(item.code == "untrusted-key" for item in verdict.findings):
        hint = "name the public key of who signed it, if you trust it: --key release.pub"
    else:
        again = printable_os(str(source)) if is_file else "-"
        hint = f"`bom verify {again}` says more"
    return NotInstalled(
        f"{shown} does not verify, so nothing is installed: {first.message}",
        verdict.findings,
        hint=hint,
    )
