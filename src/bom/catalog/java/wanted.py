"""Which files of a view the Maven ecosystem reads, by their paths alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.catalog.java.folders import of_a_project
from bom.catalog.protocol import Extract

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping
    from pathlib import PurePosixPath

ENDINGS: Final = (".jar", ".war", ".ear", ".rar", ".sar", ".par", ".kar", ".hpi", ".jpi")
RELEASE: Final = "release"  # of a Java runtime
POM: Final = "pom.xml"

LOCK: Final = "gradle.lockfile"
OLD_LOCK: Final = ".lockfile"
BUILD_LOCKS: Final = frozenset(["buildscript-gradle.lockfile", "settings-gradle.lockfile"])
VERIFICATION: Final = "verification-metadata.xml"
OLD_FOLDER: Final = "gradle/dependency-locks"
SCRIPTS: Final = ("build.gradle", "build.gradle.kts")
FILE_NAMES: Final = frozenset([LOCK, *BUILD_LOCKS, VERIFICATION, *SCRIPTS])

# What lies in an archive that was unpacked.
UNPACKED: Final = frozenset(["MANIFEST.MF", "pom.properties", "pom.xml", "application.cdx.json"])
RECORD: Final = re.compile(
    r"(?P<root>(?:.*/)?)(?P<inside>META-INF/(?:MANIFEST\.MF|sbom/application\.cdx\.json"
    r"|maven/[^/]+/[^/]+/pom\.(?:properties|xml)))\Z",
    re.S,
)

NAMES: Final = frozenset([RELEASE, POM]) | FILE_NAMES | UNPACKED

# What `take` gives of an archive, or why it gives nothing.
PART: Final = "java-archive"
ERROR: Final = "error"


def wants(path: PurePosixPath) -> bool:
    """Whether the file describes a runtime, a project or an archive that lies unpacked."""
    if path.name == RELEASE or is_pom(path) or is_gradles(path):
        return True
    return path.name in UNPACKED and RECORD.match(str(path)) is not None


def is_pom(path: PurePosixPath) -> bool:
    """Whether the file is a Maven project's."""
    return path.name == POM and of_a_project(path)


def is_gradles(path: PurePosixPath) -> bool:
    """Whether the file is a Gradle project's lock, build script, or states digests for one."""
    name = path.name
    if name == VERIFICATION:
        return path.parent.name == "gradle" and of_a_project(path)
    if name in FILE_NAMES:
        return of_a_project(path)
    return str(path.parent).endswith(OLD_FOLDER) and of_a_project(path)


def _take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    from bom.catalog.java.jar import take

    return take(content)


# A Spring Boot jar that runs by itself begins with a shell script.
EXTRACT: Final = Extract(_take, (b"PK", b"#!"), frozenset([PART, ERROR]), ENDINGS)
