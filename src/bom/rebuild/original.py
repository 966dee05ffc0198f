"""The sealed artifact that is to be built again: verified first, then as it was built."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from bom import canonical, sha256sum
from bom.compose import reading
from bom.errors import BadArtifact, BomError
from bom.seal import recognise, unseal_to
from bom.verify import verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.sign.trust import TrustedKey


@dataclass(frozen=True, slots=True)
class Original:
    """`built`: the bytes as built, in a file of their own (or the artifact itself, where its BOM
    stands beside it). `name`: what they are called. Digests are hex SHA-256."""

    artifact: Path
    document: Mapping[str, Any]
    built: Path
    name: str
    sha256: str
    built_sha256: str
    signer: str
    bom_sha256: str


def original(artifact: Path, keys: Sequence[TrustedKey], room: Path) -> Original:
    """Verify `artifact` and take its seal off, into the folder `room`.

    Raises BadArtifact, with what is wrong first, where the verdict is not good: nothing that an
    artifact says is done for a signer that is not trusted.
    """
    if not artifact.is_file():  # it is read several times: a stream won't do
        why = "it is no plain file" if artifact.exists() else "there is none"
        raise BomError(f"{artifact} can't be rebuilt: {why}", hint="name a sealed file")
    verdict = verify(artifact, keys)
    document = verdict.document
    if not verdict.good or document is None:
        first = verdict.findings[0]
        error = BadArtifact(
            first.code,
            f"{artifact.name} does not verify, so nothing is built: {first.message}",
            expected=first.expected,
            found=first.found,
            where=first.where,
        )
        error.hint = f"`bom verify {artifact.name}` says more"
        raise error
    name = PurePath(reading.subject_property(document, "bom-seal:subject:file")).name
    name = name or artifact.name
    return Original(
        artifact=artifact,
        document=document,
        built=as_built(artifact, room / name),
        name=name,
        sha256=sha256sum.of_file(artifact),
        built_sha256=verdict.subject_sha256,
        signer=verdict.signed_by[0],
        bom_sha256=hashlib.sha256(canonical.dumps(document)).hexdigest(),
    )


def as_built(sealed: Path, out: Path) -> Path:
    """The built bytes of a sealed file: in the new file `out`, or the file itself where its BOM
    stands beside it."""
    form = recognise(sealed)
    if form is None or form.read(sealed) is None:
        return sealed
    unseal_to(form, sealed, out)
    return out
