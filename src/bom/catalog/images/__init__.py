"""Container images that a project names: what its Dockerfiles build on, what its Compose files
run. They build or surround the product; what is in them only a scan of the image itself tells."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bom.catalog.images import compose, dockerfile
from bom.catalog.images.named import Mention, dependencies
from bom.catalog.protocol import Declared, Reads
from bom.catalog.python.wanted import foreign
from bom.catalog.stated import Unreadable, decoded
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Extract, FileView, Owned
    from bom.model import Dependency, Finding

_FILES: Final = ("Dockerfile", "Containerfile")
# `Dockerfile.prod`, `prod.Dockerfile`, `prod.dockerfile`: the names that docker's and podman's
# documentation use. `Dockerfile.dockerignore` is none.
_DOCKERFILE: Final = re.compile(
    r"(?:Dockerfile|Containerfile)(?:[._-][A-Za-z0-9._-]+)?|"
    r"[A-Za-z0-9._-]+\.(?:[Dd]ockerfile|[Cc]ontainerfile)"
)
_IGNORE: Final = (".dockerignore", ".containerignore")
_TEMPLATES: Final = (".j2", ".tmpl", ".template", ".erb", ".md", ".in")
_COMPOSE: Final = re.compile(r"(?:docker-)?compose(?:\.[A-Za-z0-9._-]+)?\.ya?ml")
_ENDINGS: Final = (".dockerfile", ".containerfile")
_WITHIN: Final = ("Dockerfile", "Containerfile", "compose.")
_SIZE_LIMIT: Final = 256 * 1024  # bytes; files that people write are far smaller
_OTHERS: Final = frozenset(["vendor", "gems", "testdata"])


class Images:
    """Dockerfiles and Compose files."""

    name = "oci"
    reads = Reads(endings=_ENDINGS, within=_WITHIN)
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return _kind(str(path)) != ""

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Nothing: a name in a file is no image."""
        return ()

    def declared(self, files: FileView) -> Iterator[Declared]:
        """One for each folder with such a file."""
        folders: dict[str, list[str]] = defaultdict(list)
        for entry in files.wanted():
            if entry.type == "file" and _kind(entry.path):
                folders[entry.path.rpartition("/")[0]].append(entry.path)
        for folder, paths in folders.items():
            yield _declared(files, folder, paths)


def _kind(path: str) -> str:
    """ "dockerfile", "compose", or "" for any other file and for what lies in packages."""
    folder, _, name = path.rpartition("/")
    kind = ""
    if _COMPOSE.fullmatch(name):
        kind = "compose"
    elif name in _FILES or (
        _DOCKERFILE.fullmatch(name) and not name.endswith((*_IGNORE, *_TEMPLATES))
    ):
        kind = "dockerfile"
    if not kind or foreign(path) or not _OTHERS.isdisjoint(folder.split("/")):
        return ""
    return kind


def _declared(view: FileView, folder: str, paths: Sequence[str]) -> Declared:
    mentions: list[Mention] = []
    gaps: list[Gap] = []
    for path in paths:
        place = printable_name(path)
        raw = view.read(path)
        try:
            if raw is None:
                raise Unreadable("can't be read or is too large")
            if len(raw) > _SIZE_LIMIT:
                raise Unreadable(f"is larger than {_SIZE_LIMIT >> 10} KiB")
            mentions += _mentions(_kind(path), raw, place)
        except Unreadable as error:
            why = f"the file {printable_name(str(error))}"
            gaps.append(Gap("dependency.declared", place, why))
    found, more = dependencies(mentions)
    location = ", ".join(printable_name(path) for path in paths)
    return Declared(
        "oci",
        printable_name(folder),
        location,
        locked=False,
        dependencies=found,
        gaps=tuple(sorted({*gaps, *more})),
    )


def _mentions(kind: str, raw: bytes, place: str) -> Iterator[Mention]:
    if kind == "compose":
        for name, line in compose.images(raw):
            yield Mention(name, place, line)
        return
    for reference, line in dockerfile.mentions(decoded(raw)):
        yield Mention(reference.name, place, line, reference.kind)
