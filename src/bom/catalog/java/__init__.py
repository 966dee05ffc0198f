"""Java: jars and what is nested in them, runtimes, and what Maven's and Gradle's files declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom.catalog.java.wanted import EXTRACT, NAMES, OLD_LOCK, wants
from bom.catalog.protocol import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap


class Java:
    """The ecosystem of Maven's repositories, whatever builds with them."""

    name = "maven"
    reads = Reads(NAMES, (OLD_LOCK,))
    extracts: Extract | None = EXTRACT

    def matches(self, path: PurePosixPath) -> bool:
        return wants(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every jar, with what is nested in it and what was shaded into it, and every runtime."""
        from bom.catalog.java import installed, jdk

        runtimes = jdk.runtimes(files)
        yield from jdk.describe(files, runtimes)
        yield from installed.find(files, [runtime.folder for runtime in runtimes])

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each folder: its Gradle lock, else its pom.xml, else a gap."""
        from bom.catalog.java import gradle, maven

        locked = {item.folder: item for item in gradle.declared(files)}
        yield from locked.values()
        for item in maven.declared(files):
            if item.folder not in locked:
                yield item
