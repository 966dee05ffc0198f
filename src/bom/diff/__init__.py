"""`bom diff`: what changed between two artifacts, in their bytes and in what their BOMs say."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bom.compare import compare
from bom.compare.known import dependencies_of, of_document, tools_of
from bom.compare.protocol import Circumstances
from bom.compose import reading
from bom.errors import BomError
from bom.seal import beside, recognise, unseal_to
from bom.seal.protocol import document_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.difference import Comparison

# Where neither BOM states an epoch: the earliest time that every format can hold (a zip's first).
_EPOCH: Final = 315_532_800
_SOURCE: Final = ("bom-seal:source:commit", "bom-seal:source:state", "bom-seal:source:tree-digest")


@dataclass(frozen=True, slots=True)
class Changed:
    """What one BOM says of a thing and the other doesn't; None where it doesn't name it.

    `kind`: "tool", "dependency" or "setting".
    """

    kind: str
    name: str
    one: str | None
    two: str | None


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed. `one`, `two`: both as built, for as long as the context lasts."""

    comparison: Comparison
    changed: tuple[Changed, ...]
    one: Path
    two: Path


@contextmanager
def diff(one: Path, two: Path) -> Iterator[Diff]:
    """Compare two artifacts, seals taken off. No signature is checked: `bom verify` does that.

    Raises BomError where a file can't be read, BadArtifact where a seal is not whole.
    """
    with tempfile.TemporaryDirectory(prefix="bom-diff-") as folder:
        first, second = (
            _as_built(path, Path(folder) / str(number)) for number, path in enumerate((one, two))
        )
        documents = [item[1] for item in (first, second)]
        known = (
            of_document(documents[0]) if documents[0] else Circumstances(),
            of_document(documents[1]) if documents[1] else Circumstances(),
        )
        epoch = min((_epoch(item) for item in known if _epoch(item)), default=_EPOCH)
        comparison = compare(first[0], second[0], epoch=epoch, known=known, name=one.name)
        changed = _changed(documents[0], documents[1]) if all(documents) else ()
        yield Diff(comparison, changed, first[0], second[0])


def _as_built(artifact: Path, out: Path) -> tuple[Path, Mapping[str, Any]]:
    """The built file, and its BOM: empty where it has none."""
    try:
        form = recognise(artifact)
        envelope = form.read(artifact) if form else None
        if form is not None and envelope is not None:
            out.touch(mode=0o600)
            unseal_to(form, artifact, out)
            return out, document_of(envelope.bom)
        bom = beside.part(artifact, beside.BOM_ENDING)
        return artifact, document_of(bom) if bom is not None else {}
    except OSError as error:
        raise BomError(f"{artifact} can't be read: {error.strerror}") from error


def _epoch(known: Circumstances) -> int:
    stated = known.variables.get("SOURCE_DATE_EPOCH", "")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 12 else 0


def _changed(one: Mapping[str, Any], two: Mapping[str, Any]) -> tuple[Changed, ...]:
    return tuple(
        Changed(kind, name, first.get(name), second.get(name))
        for kind, first, second in (
            ("setting", _settings(one), _settings(two)),
            ("tool", tools_of(one), tools_of(two)),
            ("dependency", dependencies_of(one), dependencies_of(two)),
        )
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    )


def _settings(document: Mapping[str, Any]) -> dict[str, str]:
    """Source, variables, build arguments, options and the command."""
    found = {
        name.removeprefix("bom-seal:").replace(":", " "): value
        for name in _SOURCE
        if (value := reading.subject_property(document, name))
    }
    for item in reading.settings(document):
        name = item.name if item.kind == item.name else f"{item.kind} {item.name}"
        # an option may stand more than once
        found[name] = f"{found[name]}, {item.value}" if name in found else item.value
    return found
