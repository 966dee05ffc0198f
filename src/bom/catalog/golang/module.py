"""Go modules as components.

A module path keeps its case: the type definition of purl says `case_sensitive`, and two paths
that differ in case alone are two modules to Go (Go Modules Reference, "Module paths").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.model import Component, Property
from bom.redact import text as redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.model import Occurrence

H1: Final = "bom-seal:go:h1"
REPLACES: Final = "bom-seal:go:replaces"
LOCAL: Final = "bom-seal:go:local"
STDLIB: Final = "stdlib"
DEVEL: Final = "(devel)"  # the version of what was built from a working tree

_SUM: Final = re.compile(r"h1:[A-Za-z0-9+/]{43}=\Z")
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")


def reference(path: str, version: str = "") -> str:
    """A module's purl. Raises BomError where the path is none."""
    namespace, _, name = path.rpartition("/")
    return purl.build("golang", name, namespace=namespace, version=version)


def component(
    path: str,
    version: str = "",
    *,
    sum: str = "",
    original: tuple[str, str] | None = None,
    properties: Iterable[Property] = (),
    occurrences: tuple[Occurrence, ...] = (),
    requires: Iterable[str] = (),
) -> Component:
    """A module at a version, or none where it comes from a folder. Raises BomError.

    `original`: the module, as (path, version), that it replaces. Where the replacement is a
    folder, `path` is that module's own path: another has no name to go by.
    """
    version = "" if version == DEVEL else version
    facts = set(properties)
    if stated_sum(sum):
        facts.add(Property(H1, sum))
    if original is not None:
        facts.add(Property(REPLACES, "@".join(filter(None, original))))
    return Component(
        "library",
        path,
        version,
        purl=reference(path, version),
        properties=tuple(sorted(facts)),
        occurrences=occurrences,
        requires=tuple(sorted(set(requires))),
    )


def stated_sum(sum: str) -> str:
    """A module's h1 as go.sum has it (golang.org/x/mod/sumdb/dirhash); "" for anything else."""
    return sum if _SUM.match(sum) else ""


def sums(made: Component) -> tuple[str, ...]:
    """The h1 that are stated of a component."""
    return tuple(item.value for item in made.properties if item.name == H1)


def is_folder(replacement: str) -> bool:
    """Whether a replacement is a path (Go Modules Reference, "replace directive")."""
    return replacement.startswith(("./", "../", "/", ".\\", "..\\")) or (
        replacement in (".", "..") or bool(_DRIVE.match(replacement))
    )


def shown_folder(path: str) -> str:
    """A folder as it may stand in a BOM: an absolute path depends on the machine, and is cut down
    to its last part."""
    if path.startswith("/") or _DRIVE.match(path):
        path = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return redacted(path)
