"""Components that a package holds inside itself: vendored copies, what its own SBOM tells of.

They ship, but nobody can install or import them by themselves, so they stand in the component
that brought them and never beside it. The same package may well be installed for itself too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bom.model import Component


def nested_ref(owner: str, inner: str) -> str:
    """The bom-ref of what stands inside `owner`: never the purl alone, which is the ref of the
    same package where that is installed for itself."""
    return f"inside:{owner}:{inner}"


def nested(owner: str, inner: Component) -> Component:
    """`inner` as it stands in the component `owner`."""
    return replace(inner, ref=nested_ref(owner, inner.purl or f"{inner.name}@{inner.version}"))
