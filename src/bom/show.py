"""`bom show`: the BOM that an artifact carries, or that stands beside it, or that a file is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom import canonical
from bom.errors import BadArtifact, BomError
from bom.seal import beside, recognise

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT: Final = "CycloneDX"
_HEAD: Final = 64  # bytes in which a JSON object begins
_MARK: Final = b"\xef\xbb\xbf"  # a byte order mark, as some programs write it (RFC 8259 8.1)


def embedded(artifact: Path) -> bytes:
    """The BOM's exact bytes, unchecked.

    Raises BadArtifact("no-seal") where there is none, BomError where the file can't be read.
    """
    try:
        form = recognise(artifact)
        envelope = form.read(artifact) if form else None
        if envelope is not None:
            return envelope.bom
        bom = beside.part(artifact, beside.BOM_ENDING)
        if bom is not None:
            return bom
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error
    raise BadArtifact("no-seal", f"{artifact.name} carries no BOM, and there is none beside it")


def bom_of(artifact: Path) -> bytes:
    """The same, or the file itself where it is a BOM. Raises as `embedded` and `bom_file` do."""
    try:
        return embedded(artifact)
    except BadArtifact as error:
        data = bom_file(artifact) if error.code == "no-seal" else None
        if data is None:
            raise
        return data


def bom_file(path: Path) -> bytes | None:
    """The bytes of a file that is a BOM itself (CycloneDX JSON, whoever made it), else None.

    Raises OSError, and BadArtifact for a `.json` that is no JSON which can be trusted.
    """
    data = _json(path)
    if data is None:
        return None
    try:
        return data if is_bom(canonical.loads(data)) else None
    except BadArtifact as error:
        if path.suffix == ".json":
            raise BadArtifact(
                error.code,
                f"{path.name} is no BOM: {error.reason}",
                expected=error.expected,
                found=error.found,
                where=error.where,
            ) from error
        return None


def is_bom(value: object) -> bool:
    """Whether a JSON value is a CycloneDX document, as its `bomFormat` says."""
    return isinstance(value, dict) and value.get("bomFormat") == _FORMAT


def _json(path: Path) -> bytes | None:
    """The file's content, one byte over the limit at most, where it may be a JSON object."""
    with path.open("rb") as content:
        head = content.read(_HEAD).removeprefix(_MARK)
        if head.lstrip()[:1] != b"{":
            return None
        return head + content.read(canonical.SIZE_LIMIT + 1)
