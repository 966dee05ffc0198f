"""What is inside: one package per ecosystem, each written once for directories and images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.catalog.actions import Actions
from bom.catalog.alpine import Alpine
from bom.catalog.concern import concerned
from bom.catalog.conda import Conda
from bom.catalog.debian import Debian
from bom.catalog.dotnet import DotNet
from bom.catalog.golang import Go
from bom.catalog.images import Images
from bom.catalog.interest import Wanted
from bom.catalog.java import Java
from bom.catalog.node import Node
from bom.catalog.os_release import os_component
from bom.catalog.php import Php
from bom.catalog.protocol import Owned
from bom.catalog.python import Python
from bom.catalog.rpm import Rpm
from bom.catalog.ruby import Ruby
from bom.catalog.runtimes import Runtimes
from bom.catalog.rust import Rust
from bom.catalog.unread import Unread
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bom.catalog.protocol import Declared, Ecosystem, FileView
    from bom.model import Dependency, Finding, Gap

ECOSYSTEMS: Final[tuple[Ecosystem, ...]] = (
    Debian(),
    Rpm(),
    Alpine(),
    Conda(),
    Python(),
    Node(),
    Unread(),
    Runtimes(),
    Java(),
    DotNet(),
    Go(),
    Rust(),
    Ruby(),
    Php(),
    Actions(),
    Images(),
)
WANTED: Final = Wanted(ECOSYSTEMS)
_UNEXTRACTED: Final = "it is larger than 512 MiB: packages inside it are not looked for"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is in a view: `installed`, one for each purl and one for the operating system, sorted
    by ref; whose files they are; what was found wrong, and what could not be had, sorted."""

    installed: tuple[Dependency, ...] = ()
    owned: tuple[Owned, ...] = ()
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def observations(self) -> tuple[Dependency | Finding | Gap, ...]:
        return (*self.installed, *self.findings, *self.gaps)


def catalogue(view: FileView) -> Catalogue:
    """What is installed in the view."""
    from bom.model import Dependency, Finding, Gap

    copies: dict[str, list[Dependency]] = {}
    owned: list[Owned] = []
    findings: set[Finding] = set()
    gaps: set[Gap] = set()
    for ecosystem in concerned(ECOSYSTEMS, view):
        for item in ecosystem.installed(view):
            match item:
                case Dependency():
                    copies.setdefault(item.component.bom_ref, []).append(item)
                case Owned():
                    owned.append(item)
                case Finding():
                    findings.add(item)
                case Gap():
                    gaps.add(item)
    gaps.update(
        Gap("component", printable_name(path), _UNEXTRACTED)
        for path, executable in view.unextracted()
        if WANTED.extracts(path, executable)
    )
    if (system := os_component(view)) is not None:
        copies[system.bom_ref] = [Dependency(system)]
    findings |= {differing for ref in copies for differing in _differing(ref, copies[ref])}
    return Catalogue(
        tuple(_merged(copies[ref]) for ref in sorted(copies)),
        tuple(owned),
        tuple(sorted(findings)),
        tuple(sorted(gaps)),
    )


def declared(view: FileView) -> tuple[Declared, ...]:
    """What the projects in the view declare and lock, sorted by folder and ecosystem."""
    asked = concerned(ECOSYSTEMS, view)
    found = [item for ecosystem in asked for item in ecosystem.declared(view)]
    return tuple(sorted(found, key=lambda item: (item.folder, item.ecosystem, item.location)))


def catalogue_directory(root: Path) -> Catalogue:
    """What is installed below a directory: an unpacked image, or an environment.

    Raises BomError where it can't be read. What a source tree declares and locks is
    `bom.catalog.project`'s to tell.
    """
    from dataclasses import replace

    from bom.catalog.view import directory_view

    view, gaps = directory_view(root, WANTED)
    found = catalogue(view)
    return replace(found, gaps=tuple(sorted({*found.gaps, *gaps})))


def _merged(copies: list[Dependency]) -> Dependency:
    first, *others = sorted(copies)
    for other in others:
        first = first.merged(other)
    return first


def _differing(ref: str, copies: Iterable[Dependency]) -> Iterable[Finding]:
    """The same purl with other bytes: the hash that stands in the BOM is one copy's."""
    from bom.model import Finding

    contents: dict[tuple[str, ...], str] = {}
    for copy in sorted(copies):
        place = copy.component.occurrences[0].location if copy.component.occurrences else ""
        if copy.content:
            contents.setdefault((copy.content,), place)
        elif copy.component.hashes:
            contents.setdefault(tuple(item.value for item in copy.component.hashes), place)
    if len(contents) > 1:
        (one, here), (other, there), *_ = contents.items()
        yield Finding(
            "copies",
            f"{len(contents)} copies of it have different content",
            f"{one[0]} at {here}",
            other[0],
            there,
            ref,
        )
