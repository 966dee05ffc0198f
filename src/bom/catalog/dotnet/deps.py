"""NAME.deps.json and NAME.runtimeconfig.json: what an application of .NET's is made of.

Format: dotnet/runtime, "Runtime Configuration Files" (docs/design/features, corehost): `targets`
say for each library its files and dependencies, `libraries` where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.catalog.dotnet.names import content_hash, package_id, version
from bom.catalog.stated import Unreadable, decoded, json_document, table, tables, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIBRARIES_LIMIT: Final = 50_000
ASSETS_LIMIT: Final = 200_000  # files of all libraries

_RUNTIME_PACK: Final = "runtimepack"
_FRAMEWORKS: Final = 100  # that one application can ask for


@dataclass(frozen=True, slots=True)
class Library:
    """A library of the application. `type`: "package", "project", "runtimepack", "reference", ...
    `assets`: its files, relative to the application's folder, for each all places where it may
    lie; `requires`: keys of others."""

    key: str
    name: str
    version: str
    type: str
    content_hash: str = ""
    assets: tuple[tuple[str, ...], ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def packaged(self) -> bool:
        """Whether it came out of a NuGet package."""
        return self.type in ("package", _RUNTIME_PACK)


@dataclass(frozen=True, slots=True)
class Framework:
    """A shared framework that an application asks for."""

    name: str
    version: str


def read_deps(raw: bytes) -> tuple[list[Library], list[str]]:
    """The libraries, sorted by key, and the keys that name none. Raises Unreadable."""
    document = json_document(decoded(raw))
    listed = table(document.get("libraries"))
    target = _target(document)
    if not listed and not target:
        raise Unreadable("states no libraries")
    keys = sorted(filter(None, {*map(text, listed), *map(text, target)}))
    if len(keys) > LIBRARIES_LIMIT:
        raise Unreadable(f"states more than {LIBRARIES_LIMIT} libraries")
    found, nameless, assets = [], [], 0
    # An edge names a runtime pack without the prefix that its key has.
    by_name = {key.partition("/")[0].lower().removeprefix(f"{_RUNTIME_PACK}."): key for key in keys}
    for key in keys:
        name, _, stated = key.partition("/")
        facts = table(listed.get(key))
        used = table(target.get(key))
        if not package_id(name) or not version(stated):
            nameless.append(key)
            continue
        files = tuple(sorted(set(_assets(used))))
        kind = text(facts.get("type")).lower() or "package"
        if kind == _RUNTIME_PACK:  # in self-contained applications; the prefix is the SDK's
            name = name.removeprefix(f"{_RUNTIME_PACK}.")
        assets += len(files)
        if assets > ASSETS_LIMIT:
            raise Unreadable(f"states more than {ASSETS_LIMIT} files")
        found.append(
            Library(
                key,
                name,
                version(stated),
                kind,
                content_hash(text(facts.get("sha512"))),
                files,
                tuple(
                    sorted(
                        by_name[word.lower()]
                        for word in map(text, table(used.get("dependencies")))
                        if word.lower() in by_name
                    )
                ),
            )
        )
    return found, nameless


def _target(document: Mapping[str, object]) -> Mapping[str, object]:
    """The target that the application runs as, with a runtime identifier where it has one."""
    targets = table(document.get("targets"))
    stated = document.get("runtimeTarget")
    name = text(stated) or text(table(stated).get("name"))
    if name in targets:
        return table(targets[name])
    return table(next(iter(targets.values()))) if len(targets) == 1 else {}


def _assets(used: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """Where the files of a library may lie: publishing flattens what is for every platform into
    the application's folder, and keeps the paths of what is for one, and of resources' cultures."""
    for group in ("runtime", "native"):
        for path in map(text, table(used.get(group))):
            yield from _places(path, path.rpartition("/")[2])
    for path in map(text, table(used.get("runtimeTargets"))):
        yield from _places(path, path)
    for path, facts in table(used.get("resources")).items():
        culture = text(table(facts).get("locale"))
        name = text(path).rpartition("/")[2]
        yield from _places(text(path), f"{culture}/{name}" if culture else name)


def _places(*paths: str) -> Iterator[tuple[str, ...]]:
    plain = [
        path
        for path in dict.fromkeys(paths)
        if not any(part in ("", ".", "..") for part in path.split("/"))
    ]
    if plain and not paths[0].endswith("/_._"):  # NuGet's sign for "nothing here"
        yield tuple(plain)


def read_frameworks(raw: bytes) -> tuple[Framework, ...]:
    """The shared frameworks that a runtimeconfig.json asks for. Raises Unreadable."""
    options = table(json_document(decoded(raw)).get("runtimeOptions"))
    stated = [table(options.get("framework")), *tables(options.get("frameworks"))]
    found = {
        (package_id(text(item.get("name"))), version(text(item.get("version"))))
        for item in stated[:_FRAMEWORKS]
    }
    return tuple(Framework(name, asked) for name, asked in sorted(found) if name and asked)
