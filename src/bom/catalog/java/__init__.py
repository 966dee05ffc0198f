"""Java: jars and what is nested in them, runtimes, and what Maven's and Gradle's files declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.java import gradle, installed, jar, jdk, maven, unpacked
from bom.catalog.protocol import Extract, Reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Declared, FileView, Owned
    from bom.model import Dependency, Finding, Gap

_NAMES: Final = frozenset([jdk.RELEASE, maven.FILE_NAME]) | gradle.FILE_NAMES | unpacked.NAMES


class Java:
    """The ecosystem of Maven's repositories, whatever builds with them."""

    name = "maven"
    reads = Reads(_NAMES, (gradle.OLD_LOCK,))
    # A Spring Boot jar that runs by itself begins with a shell script.
    extracts: Extract | None = Extract(jar.take, (b"PK", b"#!"), jar.ENDINGS)

    def matches(self, path: PurePosixPath) -> bool:
        if path.name == jdk.RELEASE:
            return True
        return maven.matches(path) or gradle.matches(path) or unpacked.matches(path)

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Every jar, with what is nested in it and what was shaded into it, and every runtime."""
        runtimes = jdk.runtimes(files)
        yield from jdk.describe(files, runtimes)
        yield from installed.find(files, [runtime.folder for runtime in runtimes])

    def declared(self, files: FileView) -> Iterable[Declared]:
        """One for each folder: its Gradle lock, else its pom.xml, else a gap."""
        locked = {item.folder: item for item in gradle.declared(files)}
        yield from locked.values()
        for item in maven.declared(files):
            if item.folder not in locked:
                yield item
