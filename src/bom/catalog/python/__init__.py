"""Python distributions that are installed (PyPA "Recording installed projects", "Core metadata").

Found as `pip list` finds them: dist-info and egg-info straight inside a site-packages or
dist-packages folder. Copies that a package vendors inside itself are that package's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.catalog.protocol import Reads
from bom.catalog.python.installed import SITE_FOLDERS, Installed, find_installed
from bom.catalog.python.requires import Environments
from bom.model import Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Component, Finding

SHADOWED: Final = "bom-seal:python:shadowed-by"

_WANTED: Final = frozenset(
    [
        "INSTALLER",
        "METADATA",
        "PKG-INFO",
        "RECORD",
        "direct_url.json",
        "installed-files.txt",
        "requires.txt",
    ]
)


class Python:
    """The ecosystem of pip and everything that installs like it."""

    name = "pypi"
    reads = Reads(_WANTED | {"pyvenv.cfg"}, (".egg-info", ".egg-link"))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        name = path.name
        if name in _WANTED:
            info = path.parent
            if info.name.endswith((".dist-info", ".egg-info")):
                return info.parent.name in SITE_FOLDERS
            return (
                info.name == "EGG-INFO"
                and info.parent.name.endswith(".egg")
                and info.parent.parent.name in SITE_FOLDERS
            )
        if name.endswith((".egg-info", ".egg-link")):
            return path.parent.name in SITE_FOLDERS
        return name == "pyvenv.cfg"

    def declared(self, files: FileView) -> Iterable[Declared]:
        """Not read from a view yet."""
        return ()

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every distribution once; one that is in several places has several occurrences."""
        found: dict[str, list[Installed]] = {}
        everything = []
        for item in find_installed(files):
            if isinstance(item, Gap):
                yield item
            else:
                everything.append(item)
                found.setdefault(item.component.purl, []).append(item)
        environments = Environments(files, everything)
        for ref in sorted(found):
            copies = sorted(found[ref], key=lambda copy: copy.info)
            yield _merged(copies, environments)
            for copy in copies:
                yield from copy.gaps
                yield from environments.unmet(copy)
            if len({copy.content for copy in copies}) > 1:
                yield Gap(
                    "component.hash",
                    ref,
                    "it is installed several times with different content; the hash is of"
                    f" {printable_name(copies[0].info)}",
                    ref,
                )


def _merged(copies: list[Installed], environments: Environments) -> Dependency:
    first: Component = copies[0].component
    properties = {item for copy in copies for item in copy.properties}
    shadows = [environments.shadowed_by(copy) for copy in copies]
    if all(shadows):
        # It ships, but its interpreter (and pip list) sees another copy.
        properties |= {Property(SHADOWED, printable_name(path)) for path in shadows}
    return Dependency(
        replace(
            first,
            occurrences=tuple(Occurrence(printable_name(copy.info)) for copy in copies),
            properties=tuple(sorted(properties)),
            requires=tuple(sorted({ref for copy in copies for ref in environments.edges(copy)})),
        ),
        direct=any(copy.requested for copy in copies),
    )
