"""What an artifact format has to offer, so that one file can carry its own BOM.

The law that all formats keep (tests/laws/): `strip(seal(x)) == x`, and a file verifies only if
`seal(strip(file), envelope)` gives exactly its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bom import canonical
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from bom.model import Envelope, Finding, Member, Property

ENVELOPE_LIMIT: Final = 64 * 1024 * 1024  # bytes of BOM and bundle together
FORMAT_PROPERTY: Final = "bom-seal:seal"  # which format sealed it: a format's `name`


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What one pass over a sealed file gave: its envelope and what is not as it must be."""

    envelope: Envelope
    findings: tuple[Finding, ...] = ()


class ArtifactFormat(Protocol):
    """One format of artifact. `name` is stable: it stands in signed documents."""

    name: str

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether a file is of this format, by its first 1024 bytes and its file name."""

    def parameters(self, path: Path) -> tuple[Property, ...]:
        """What `strip` will need and the built bytes alone won't tell: signed with the BOM.

        Raises CannotSeal where this file can't carry an envelope. `path` holds built bytes.
        """

    def read(self, path: Path) -> Envelope | None:
        """The envelope of a sealed file, unchecked; None where there is none.

        Raises BadArtifact for an envelope that is truncated, damaged or over ENVELOPE_LIMIT.
        """

    def seal(self, path: Path, envelope: Envelope, out: Path) -> None:
        """Write to `out` the built bytes of `path` with the envelope inside: a pure function."""

    def unseal(self, source: BinaryIO, sink: Callable[[bytes | memoryview], object]) -> Unsealed:
        """One pass over a sealed file, in constant memory; `source` may be a pipe.

        The built bytes go to `sink` in order; the findings say where the file is not exactly
        what `seal` makes. Raises BadArtifact (`no-seal`, `damaged`, `truncated`, `oversized`).
        """

    def members(self, path: Path) -> tuple[Member, ...]:
        """The files in the built file at `path` that the BOM lists so that damage can be placed.

        Empty where the artifact itself states their digests (RECORD, an image's layers).
        """

    def damage(self, path: Path, document: Mapping[str, object]) -> tuple[Finding, ...]:
        """Where the sealed file at `path` differs from what the signed document says.

        Called when the subject's digest is wrong: findings `damaged` that name members, layers
        or byte ranges; empty where nothing more can be said. Never raises for bad content.
        """


def document_of(bom: bytes) -> dict[str, object]:
    """An envelope's BOM as plain data, unchecked. Raises BadArtifact (`damaged`, `oversized`)."""
    try:
        document = canonical.loads_unchecked(bom)
    except BadArtifact as error:
        reason = f"the BOM inside the artifact: {error.reason}"
        raise BadArtifact(error.code, reason, where=error.where) from error
    if not isinstance(document, dict):
        raise BadArtifact("damaged", "the BOM inside the artifact is not a JSON object")
    return document


def property_values(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The values of all properties of `metadata.component` with this name, in order."""
    return tuple(value for key, value in _properties(document) if key == name)


def properties_of(document: Mapping[str, object]) -> dict[str, str]:
    """The properties of `metadata.component`; of a repeated name the first value."""
    found: dict[str, str] = {}
    for key, value in _properties(document):
        found.setdefault(key, value)
    return found


def _properties(document: Mapping[str, object]) -> list[tuple[str, str]]:
    metadata = document.get("metadata")
    component = metadata.get("component") if isinstance(metadata, dict) else None
    rows = component.get("properties") if isinstance(component, dict) else None
    return [
        (row["name"], row["value"])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("value"), str)
    ]
