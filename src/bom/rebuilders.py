"""Who built this artifact again, independently, and got the same: attestations are counted.

Only signatures of keys that the caller trusts count, each key once, and never the key that sealed
the artifact: its owner's word stands in the seal already. Nothing here runs a process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bom import canonical
from bom.compose.statement import REBUILD
from bom.errors import BadArtifact, BomError
from bom.input import open_plain
from bom.model import Finding
from bom.sign import dsse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from bom.model import Verdict
    from bom.sign.trust import TrustedKey

ATTESTATION: Final = "{}.rebuild.{}.sigstore.json"  # artifact's name, begin of the key ID
_LINES: Final = 1000  # of one file


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for: `rebuilds` of `keys`, in which the verdict is one of `verdicts`."""

    rebuilds: int
    keys: tuple[TrustedKey, ...]
    verdicts: Collection[str] = ("same",)


def found_beside(artifact: Path) -> tuple[Path, ...]:
    """The attestations that `bom rebuild --sign-key` left beside an artifact, sorted."""
    start, end = ATTESTATION.format(artifact.name, "\0").split("\0")
    try:
        entries = list(artifact.absolute().parent.iterdir())
    except OSError:
        return ()
    return tuple(sorted(p for p in entries if p.name.startswith(start) and p.name.endswith(end)))


def judged(verdict: Verdict, sha256: str, files: Sequence[Path], demand: Demand) -> Verdict:
    """The verdict with a finding `rebuilds` where fewer vouch than are asked for.

    `sha256`: hex, of the artifact as it lies there. What a statement says that doesn't count, is
    told as a warning. Raises BomError for a file that can't be read.
    """
    own = set(verdict.signed_by)
    keys = [item for item in demand.keys if item.key.key_id not in own]
    vouching: dict[str, str] = {}  # key ID -> its name
    warnings: list[str] = []
    for path in files:
        for where, line in _lines(path):
            try:
                key = _signer(line, keys)
                if key is None:
                    sealer = any(item.key.key_id in own for item in demand.keys)
                    why = "no trusted rebuilder signed it"
                    if sealer and _signer(line, [k for k in demand.keys if k not in keys]):
                        why = "the key that sealed the artifact signed it: that is nobody else"
                    raise BadArtifact("dsse", why)
                _check(dsse.verify(line, key.key), verdict, sha256, demand)
            except BomError as error:
                warnings.append(f"{where} does not count: {error.reason}")
                continue
            vouching.setdefault(key.key.key_id, key.name)
    findings = verdict.findings
    if len(vouching) < demand.rebuilds:
        names = ", ".join(sorted(vouching.values()))
        finding = Finding(
            "rebuilds",
            "not as many trusted rebuilders vouch for this artifact as are asked for",
            expected=str(demand.rebuilds),
            found=f"{len(vouching)} ({names})" if names else "0",
        )
        findings = (*findings, finding)
    return replace(
        verdict,
        findings=findings,
        warnings=(*verdict.warnings, *warnings),
        rebuilt_by=tuple(sorted(vouching.values())),
    )


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every line with where it stands. Raises BomError for a file that can't be read."""
    try:
        with open_plain(path) as stream:
            number = 0
            while line := stream.readline(dsse.SIZE_LIMIT + 2):
                number += 1
                if number > _LINES or len(line) > dsse.SIZE_LIMIT:
                    raise BomError(
                        f"{path} is too large for attestations", hint="name another file"
                    )
                yield (path.name if number == 1 else f"{path.name}:{number}"), line.rstrip(b"\n")
    except OSError as error:
        raise BomError(
            f"{path} can't be read: {error.strerror or error}", hint="is the path right?"
        ) from error


def _signer(line: bytes, keys: Sequence[TrustedKey]) -> TrustedKey | None:
    for item in keys:
        try:
            dsse.verify(line, item.key)
        except BadArtifact:
            continue
        return item
    return None


def _check(payload: bytes, verdict: Verdict, sha256: str, demand: Demand) -> None:
    """Raises BadArtifact unless the statement is a rebuild's, about this very file, and says what
    is asked for."""
    statement: Any = canonical.loads_unchecked(payload)
    try:
        kind = statement["predicateType"]
        digests = {str(entry["digest"]["sha256"]) for entry in statement["subject"]}
        said = statement["predicate"]["verdict"]
        commit = statement["predicate"]["source"]["gitCommit"]
    except (KeyError, TypeError) as error:
        raise BadArtifact("dsse", "it is no statement about a rebuild") from error
    if kind != REBUILD:
        raise BadArtifact("dsse", "it is no statement about a rebuild")
    if digests != {sha256, verdict.subject_sha256} or commit != verdict.commit:
        raise BadArtifact("dsse", "it is about another file")
    if said not in demand.verdicts:
        raise BadArtifact("dsse", f"it says `{str(said)[:40]}`")
