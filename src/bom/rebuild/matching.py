"""Which of the things that a rebuild made is the one that was sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bom import canonical
from bom.compose import reading
from bom.errors import NotRebuilt
from bom.show import embedded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_KIND: Final = "bom-seal:subject:kind"
_FILE: Final = "bom-seal:subject:file"
_TAG: Final = "bom-seal:image:tag"


@dataclass(frozen=True, slots=True)
class Remade:
    """One artifact of the rebuild, with the BOM that it got."""

    sealed: Path
    document: dict[str, Any]


def remade(paths: Sequence[Path]) -> tuple[Remade, ...]:
    """What the rebuild sealed, read back."""
    return tuple(Remade(path, canonical.loads_canonical(embedded(path))) for path in paths)


def match(document: Mapping[str, Any], made: Sequence[Remade]) -> Remade:
    """The one of the same kind and name; else of the same package; else the only one of its kind.

    Raises NotRebuilt where there is none, or where nobody can tell which it is.
    """
    kind = reading.subject_property(document, _KIND)
    same = [item for item in made if reading.subject_property(item.document, _KIND) == kind]
    for known in (_named(document), _package(document)):
        found = [item for item in same if known and known in _known(item.document)]
        if len(found) == 1:
            return found[0]
    if len(same) == 1:
        return same[0]
    name = reading.subject_name(document)
    shown = ", ".join(reading.subject_name(item.document) for item in made[:5]) or "nothing"
    raise NotRebuilt(
        f"the build made no {kind} that is {name}: it made {shown}"
        if not same
        else f"the build made several of its kind, and none is called {name}: {shown}",
        hint="is the recorded revision the one that made it?",
    )


def _known(document: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (_named(document), _package(document))))


def _named(document: Mapping[str, Any]) -> str:
    tags = sorted(reading.subject_properties(document, _TAG))
    return " ".join(tags) if tags else reading.subject_property(document, _FILE)


def _package(document: Mapping[str, Any]) -> str:
    subject = reading.subject(document)
    return str(subject.get("purl") or "").partition("?")[0]
