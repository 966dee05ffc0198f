"""Cargo.toml: what a package asks for itself, and how (The Cargo Book, "Specifying Dependencies",
"Workspaces")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from bom.catalog.stated import decoded, strings, table, text, toml_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["normal", "build", "dev"]

_TABLES: Final[tuple[tuple[str, Kind], ...]] = (
    ("dependencies", "normal"),
    ("build-dependencies", "build"),
    ("build_dependencies", "build"),
    ("dev-dependencies", "dev"),
    ("dev_dependencies", "dev"),
)


class Asked(NamedTuple):
    """One dependency of a manifest. `name`: the package's, whatever it is called inside;
    `somewhere`: only for some platforms; `source`: `crates.io`, `registry`, `git` or `local`."""

    name: str
    requirement: str
    kind: Kind
    optional: bool
    somewhere: bool
    source: str
    url: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A Cargo.toml. `name` is "" for a workspace without a package of its own; `macro`: it is a
    procedural macro, which runs in the compiler and never ships."""

    name: str
    version: str
    macro: bool
    asked: tuple[Asked, ...]
    document: Mapping[str, Any]

    @property
    def is_workspace(self) -> bool:
        return isinstance(self.document.get("workspace"), dict)


def manifest(raw: bytes, root: Mapping[str, Any] | None = None) -> Manifest:
    """`root`: the document of the workspace's own manifest, from which this one may inherit.
    Raises Unreadable."""
    document = toml_document(decoded(raw))
    workspace = table((root if root is not None else document).get("workspace"))
    package = table(document.get("package") or document.get("project"))
    version = package.get("version")
    if table(version).get("workspace") is True:
        version = table(workspace.get("package")).get("version")
    library = table(document.get("lib"))
    return Manifest(
        text(package.get("name")),
        text(version),
        library.get("proc-macro") is True
        or library.get("proc_macro") is True
        or "proc-macro" in strings(library.get("crate-type")),
        tuple(_all(document, table(workspace.get("dependencies")))),
        document,
    )


def _all(document: Mapping[str, Any], inherited: Mapping[str, Any]) -> Iterator[Asked]:
    places = [(document, False)]
    places += [(table(item), True) for item in table(document.get("target")).values()]
    for place, somewhere in places:
        for key, kind in _TABLES:
            for called, stated in table(place.get(key)).items():
                yield _asked(called, stated, inherited, kind, somewhere)


def _asked(
    called: str, stated: object, inherited: Mapping[str, Any], kind: Kind, somewhere: bool
) -> Asked:
    own = table(stated)
    base: object = stated
    if own.get("workspace") is True:
        base = inherited.get(called)
    row = table(base) if not isinstance(base, str) else {"version": base}
    source = "crates.io"
    if "git" in row:
        source = "git"
    elif "path" in row:
        source = "local"
    elif "registry" in row or "registry-index" in row:
        source = "registry"
    return Asked(
        text(row.get("package")) or text(called),
        text(row.get("version")),
        kind,
        own.get("optional") is True,
        somewhere,
        source,
        text(row.get("git")) or text(row.get("registry-index")),
        text(row.get("rev")),
    )
