"""Archives that lie unpacked: a war in a servlet container, a Spring Boot jar taken apart into an
image's layers. What Maven packed is then a folder, with META-INF/maven in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.content import content_hash
from bom.catalog.java.jar import Jar, described
from bom.catalog.java.wanted import ENDINGS, RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView
    from bom.model import Hash, HashOf

_BUILT: Final = "target/"  # what Maven makes, before it is packed
_CLASSES: Final = ("META-INF", "BOOT-INF/classes", "WEB-INF")
_LIBRARIES: Final = ("BOOT-INF/lib", "WEB-INF/lib")


class Unpacked(NamedTuple):
    """An unpacked archive. `root`: its folder; `record`: the pom.properties that says what it is;
    `ending`: of the file that it was, "war" or "jar"; `folders`: all that is its own;
    `libraries`: where the jars in it lie."""

    root: str
    record: str
    ending: str
    jar: Jar
    hashes: tuple[Hash, ...]
    hash_of: HashOf
    folders: tuple[str, ...]
    libraries: tuple[str, ...]


def find(view: FileView) -> Iterator[Unpacked]:
    """Every folder with just one pom.properties below its META-INF/maven, and a manifest."""
    records: dict[str, dict[str, str]] = {}
    for entry in view.wanted():
        if entry.type == "file" and (found := RECORD.match(entry.path)):
            records.setdefault(found["root"], {})[found["inside"]] = entry.path
    for root, paths in sorted(records.items()):
        poms = [inside for inside in paths if inside.endswith("/pom.properties")]
        built = root.startswith(_BUILT) or f"/{_BUILT}" in root
        if len(poms) != 1 or built or "META-INF/MANIFEST.MF" not in paths:
            continue
        contents = {inside: view.read(path) or b"" for inside, path in paths.items()}
        jar = described(contents)
        if jar.poms:
            yield _unpacked(view, root, paths[poms[0]], jar)


def _unpacked(view: FileView, root: str, record: str, jar: Jar) -> Unpacked:
    # A web application is all of its folder (Servlet specification 10.5); of the other layouts
    # only what must be the archive's counts, for an image's root may be that folder.
    whole = bool(root) and any(True for _ in view.below(f"{root}WEB-INF"))
    folders = (root.rstrip("/"),) if whole else tuple(f"{root}{name}" for name in _CLASSES)
    files = [
        (entry.path, entry.sha256)
        for folder in folders
        for entry in view.below(folder)
        if entry.type == "file" and entry.sha256 and not entry.path.endswith(ENDINGS)
    ]
    libraries = tuple(f"{root}{name}" for name in _LIBRARIES)
    ending = "war" if whole else "jar"
    return Unpacked(root, record, ending, jar, *content_hash(files), folders, libraries)
