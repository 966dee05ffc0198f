"""Package files in caches and download folders: which file lies where.

Recognised by how package managers lay them out: npm's _cacache (by content), Go's module cache,
Maven's repository, cargo's registry, and folders with files under their own names.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bom.checksums.model import Wanted

_CACACHE: Final = re.compile(
    r"(?:.*/)?content-v2/sha512/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{124})\Z"
)
_GO: Final = re.compile(r"(?:^|/)(.+/@v/[^/]+\.zip)\Z")
_GO_CACHE: Final = "/cache/download/"
_MAVEN: Final = re.compile(r"(?:.*/)?([^/]+)/([^/]+)/\1-\2[^/]*\.(?:jar|war|aar|pom|zip)\Z")
_ENDINGS: Final = {
    ".whl": "pypi",
    ".tgz": "npm",
    ".crate": "cargo",
    ".gem": "gem",
    ".nupkg": "nuget",
    ".jar": "maven",
    ".war": "maven",
    ".aar": "maven",
    ".pom": "maven",
    ".tar.gz": "pypi",
    ".tar.bz2": "pypi",
    ".zip": "pypi",
}
_SKIPPED: Final = frozenset({".git", "node_modules", "index-v5", "sumdb"})
_SRI: Final = "sha512-"
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A package's file. `key`: its name, or for npm's cache the hex SHA-512 of its content; of Go
    and Maven the path in the repository's layout."""

    ecosystem: str
    key: str
    path: Path


@dataclass(slots=True)
class Places:
    """All package files below some folders, by key."""

    by_key: dict[str, list[Found]] = field(default_factory=dict)

    def look_up(self, item: Wanted) -> list[Found]:
        """The files that are, by their place, what is wanted."""
        return [
            found
            for key in filter(None, keys(item))
            for found in self.by_key.get(key, ())
            if found.ecosystem == item.ecosystem or found.key == item.file
        ]

    def all(self) -> Iterator[Found]:
        for items in self.by_key.values():
            yield from items


def keys(item: Wanted) -> tuple[str, ...]:
    """Under which it may be found."""
    if item.ecosystem == "golang":
        return (go_key(item.name, item.version),)
    if item.ecosystem == "maven":
        group, _, name = item.name.partition(":")
        return (f"{group.replace('.', '/')}/{name}/{item.version}/{item.file}", item.file)
    if item.own.startswith(_SRI):
        return (_hex(item.own), item.file)
    return (item.file,)


def _hex(integrity: str) -> str:
    try:
        return base64.b64decode(integrity.removeprefix(_SRI), validate=True).hex()
    except ValueError:
        return ""


def go_key(module: str, version: str) -> str:
    """As Go's module cache spells it: an exclamation mark before what was a capital."""
    return re.sub("[A-Z]", lambda found: "!" + found[0].lower(), f"{module}/@v/{version}.zip")


def read(folders: Iterable[Path]) -> Places:
    """Symbolic links to folders aren't followed. Raises BomError for a folder that can't be
    listed: what is in it would be neither checked nor missed."""
    places = Places()
    for folder in folders:
        for path in _files(str(folder)):
            found = _recognised(path[len(str(folder)) + 1 :], Path(path))
            if found is not None:
                places.by_key.setdefault(found.key, []).append(found)
    return places


def defaults(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The user's caches that are there: npm's, Go's, cargo's and Maven's."""
    home = Path(environment.get("HOME", "/nonexistent"))
    gopath = Path(environment.get("GOPATH", "").split(os.pathsep)[0] or home / "go")
    named = (
        Path(environment.get("npm_config_cache") or home / ".npm") / "_cacache",
        Path(environment.get("GOMODCACHE") or gopath / "pkg" / "mod") / "cache" / "download",
        Path(environment.get("CARGO_HOME") or home / ".cargo") / "registry" / "cache",
        home / ".m2" / "repository",
    )
    return tuple(path for path in named if path.is_dir())


def _files(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as listing:
            children = sorted(listing, key=lambda child: child.name)
    except OSError as error:
        raise BomError(f"{folder} can't be read: {error.strerror}", hint="--from DIR") from error
    if _holds_unpacked(Path(folder)):
        children = [child for child in children if child.name == "cache"]
    for child in children:
        if child.is_dir(follow_symlinks=False):
            if child.name not in _SKIPPED:
                yield from _files(child.path)
        elif child.is_file():
            yield child.path


def _holds_unpacked(folder: Path) -> bool:
    """Whether all but `cache` was unpacked from what was downloaded: Go's GOMODCACHE, cargo's
    registry."""
    if (folder / "cache" / "download").is_dir():
        return True
    return folder.name == "registry" and (folder / "cache").is_dir() and (folder / "index").is_dir()


def _recognised(inside: str, path: Path) -> Found | None:
    if content := _CACACHE.match(str(path)):
        # the cache holds the registry's documents as well
        return Found("npm", "".join(content.groups()), path) if _is_gzip(path) else None
    if "/@v/" in inside:
        module = _GO.match(
            f"/{path}".rpartition(_GO_CACHE)[2] if _GO_CACHE in str(path) else inside
        )
        return Found("golang", module[1], path) if module else None
    if _MAVEN.match(inside) and inside.count("/") >= 3:
        return Found("maven", inside, path)
    for ending, ecosystem in _ENDINGS.items():
        if path.name.endswith(ending):
            return Found(ecosystem, path.name, path)
    return None


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP
