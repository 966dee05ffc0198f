"""What a build left, read back: its result, and of every artifact the BOM and a verdict."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from bom import canonical
from bom.errors import BomError
from bom.github import building, signing
from bom.report.contents import Contents, contents
from bom.report.records import ArtifactRecord, ResultRecord
from bom.seal import beside, recognise
from bom.sign.keys import load_public
from bom.sign.trust import TrustedKey
from bom.verify import verify

if TYPE_CHECKING:
    from bom.model import Envelope, Verdict

UPLOAD: Final = "upload"  # a folder of all that is to be uploaded
BOMS: Final = "boms"  # of the BOMs alone
_LIMIT: Final = 64 * 1024 * 1024  # bytes of the result's file


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact with what it says. `path` is absolute; `bundle` is None where the BOM is
    unsigned, `run_record` where none was written."""

    path: Path
    record: ArtifactRecord
    contents: Contents
    verdict: Verdict
    bom: Path
    bundle: Path | None
    run_record: Path | None

    @property
    def judged(self) -> str:
        """`good`, `bad` or `unsigned`."""
        codes = {finding.code for finding in self.verdict.findings}
        if self.record.state == "unsigned" and codes <= {"unsigned"}:
            return "unsigned"
        return "good" if self.verdict.good else "bad"


@dataclass(frozen=True, slots=True)
class Built:
    """What came of the build. `result` is None where none was reached: `bom build` never began, or
    was killed."""

    result: ResultRecord | None
    artifacts: tuple[Artifact, ...]
    how: signing.Signing | None

    @property
    def failed(self) -> bool:
        return self.result is None or self.result.exit_code != 0


def built(folder: Path) -> Built:
    """Reads and verifies what the build step left, and copies the BOMs out of the artifacts into
    the private folder. Raises BomError where an artifact is gone or is not what was sealed."""
    how = signing.read(folder)
    done = result(folder)
    if done is None or done.exit_code:
        return Built(done, (), how)
    public = folder / signing.PUBLIC
    keys = (TrustedKey("key", load_public(public)),) if public.exists() else ()
    (folder / BOMS).mkdir(mode=0o700)
    found = tuple(
        _artifact(record, folder / BOMS, number if len(done.artifacts) > 1 else 0, keys)
        for number, record in enumerate(done.artifacts, start=1)
    )
    return Built(done, found, how)


def to_upload(found: Built, folder: Path) -> Path | None:
    """A folder with each artifact, its run record and its BOM; None where nothing was sealed.

    Uploading flattens paths to what they have in common, so all lies in one place before. Links
    where the file system has them: an image may have gigabytes.
    """
    if not found.artifacts:
        return None
    target = folder / UPLOAD
    target.mkdir(mode=0o700)
    for number, item in enumerate(found.artifacts, start=1):
        place = target
        if (target / item.path.name).exists():
            place = target / str(number)
            place.mkdir()
        for path in (item.path, item.run_record, item.bom, item.bundle):
            # a BOM that stands beside its artifact has that very name there
            if path is not None and not (place / path.name).exists():
                _linked(path, place / path.name)
    return target


def _artifact(
    record: ArtifactRecord, boms: Path, number: int, keys: tuple[TrustedKey, ...]
) -> Artifact:
    path = Path(record.path)
    envelope = _envelope(path)
    verdict = verify(path, keys)
    place = boms / str(number) if number else boms
    place.mkdir(exist_ok=True)
    bom = place / f"{path.name}{beside.BOM_ENDING}"
    bom.write_bytes(envelope.bom)
    bundle = place / f"{path.name}{beside.BUNDLE_ENDING}" if envelope.bundle else None
    if bundle is not None:
        bundle.write_bytes(envelope.bundle)
    run_record = path.with_name(path.name + beside.RUN_RECORD_ENDING)
    return Artifact(
        path,
        record,
        contents(verdict.document or canonical.loads_canonical(envelope.bom)),
        verdict,
        bom,
        bundle,
        run_record if run_record.is_file() else None,
    )


def _envelope(path: Path) -> Envelope:
    try:
        form = recognise(path)
        found = form.read(path) if form else None
        found = found or beside.read(path)
    except OSError as error:
        raise BomError(f"{path} can't be read: {error.strerror}") from error
    if found is None:
        raise BomError(f"{path.name} was sealed, and carries no BOM any more")
    return found


def result(folder: Path) -> ResultRecord | None:
    """What `bom build` wrote; None where it did not come to that. Raises BomError where it is
    not to be understood."""
    try:
        with (folder / building.RESULT).open("rb") as stream:
            return ResultRecord.model_validate_json(stream.read(_LIMIT))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise BomError("what the build wrote of its result can't be read") from error


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
