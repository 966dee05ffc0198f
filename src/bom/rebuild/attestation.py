"""A rebuilder's word on an artifact: an in-toto statement in one DSSE bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bom.compose import statement
from bom.rebuilders import ATTESTATION
from bom.sign import dsse

if TYPE_CHECKING:
    from pathlib import Path

    from bom.difference import Comparison
    from bom.rebuild import Built
    from bom.sign.keys import PrivateKey


def attestation(built: Built, found: Comparison, key: PrivateKey) -> bytes:
    """One line with its newline."""
    sealed = built.original
    tools = ((f"{item.kind} {item.name}", item.recorded, item.here) for item in built.changed)
    subjects = [statement.Named(sealed.artifact.name, sealed.sha256)]
    if sealed.built_sha256 != sealed.sha256:
        as_built = f"{sealed.artifact.name} (as built)"
        subjects.append(statement.Named(as_built, sealed.built_sha256))
    word = statement.Rebuild(
        comparison=found,
        commit=built.recipe.source.commit,
        bom=sealed.bom_sha256,
        rebuilt_sha256=built.sha256,
        key_id=key.public.key_id,
        started=_time(built.started),
        finished=_time(built.finished),
        tools=tuple(tools),
    )
    return dsse.envelope(statement.rebuild(subjects, word), key).rstrip(b"\n") + b"\n"


def beside(artifact: Path, key: PrivateKey) -> Path:
    """Where it goes unless it is said: each rebuilder's beside the others'."""
    return artifact.with_name(ATTESTATION.format(artifact.name, key.public.key_id[:16]))


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
