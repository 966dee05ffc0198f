"""Whose each file of an image is (docs/attribution.md).

What a package manager lists comes first, then the folders of packages, then the project's own
source by its content, then what is derived from those by a rule. To know the layer is not to know
the owner: everything else stays without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bom import sha256sum
from bom.catalog.filesystem import Folder
from bom.model import Gap, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bom.catalog.filesystem import TreeView
    from bom.catalog.protocol import Owned
    from bom.model import SourceFile

EXECUTABLES_LIMIT: Final = 1000  # unattributed executables that are named

_SOURCE_RULE: Final = "source"
_BYTECODE_RULE: Final = "bytecode"
_new: Final = tuple.__new__
_COMPILED: Final = (".pyc", ".pyo")
_CACHES: Final = "__pycache__/"
_TELLING: Final = 64  # bytes; what is smaller may be equal by chance, so its name counts too


class FileOwner(NamedTuple):
    """A regular file of the final file system. `digest`: raw SHA-256, b"" where it isn't known.
    `owner`: a bom-ref, "" where it has none; `rule`: by which it was found, "" where a package
    manager says so."""

    path: str
    size: int
    digest: bytes
    executable: bool
    layer: str
    owner: str
    rule: str
    source: SourceFile | None = None


class Claim(NamedTuple):
    ref: str
    rule: str


@dataclass(frozen=True, slots=True)
class Attribution:
    """Every regular file of an image, in no order, and the facts about all of them together."""

    files: Sequence[FileOwner]

    def properties(self) -> tuple[Property, ...]:
        """What the BOM says of the files as a whole: `bom-seal:files:*`."""
        owned = [item.size for item in self.files if item.owner]
        found = [
            Property("bom-seal:files:count", str(len(self.files))),
            Property("bom-seal:files:bytes", str(sum([item.size for item in self.files]))),
            Property("bom-seal:files:accounted", str(len(owned))),
            Property("bom-seal:files:accounted-bytes", str(sum(owned))),
        ]
        pairs = [(item.path, item.digest.hex()) for item in self.files if item.digest]
        if len(pairs) == len(self.files):
            found.append(Property("bom-seal:files:digest", sha256sum.digest_by_path(pairs)))
        found += [
            Property("bom-seal:files:source", f"{item.source.blob} {printable_name(item.path)}")
            for item in self.files
            if item.source is not None
        ]
        executables = self._executables()
        found += [
            Property("bom-seal:files:unattributed-executable", path)
            for path in executables[:EXECUTABLES_LIMIT]
        ]
        return tuple(sorted(found))

    def unowned_sizes(self) -> frozenset[int]:
        """The sizes of all files without an owner so far: of the source, others don't matter."""
        return frozenset(item.size for item in self.files if not item.owner)

    def gaps(self) -> tuple[Gap, ...]:
        """What could not be said of the files."""
        gaps = []
        if any(not item.digest for item in self.files):
            why = "the content of some files could not be read or is stored sparse"
            gaps.append(Gap("files.digest", "image", why))
        more = len(self._executables()) - EXECUTABLES_LIMIT
        if more > 0:
            why = f"{more} more executables belong to nothing that is known"
            gaps.append(Gap("files.executables", "image", why))
        return tuple(gaps)

    def _executables(self) -> list[str]:
        return sorted(
            printable_name(item.path) for item in self.files if item.executable and not item.owner
        )


def attribute(view: TreeView, owned: Iterable[Owned]) -> Attribution:
    """Every regular file with its owner among the packages.

    Of several claims to one path the first counts: operating systems' packages come first.
    """
    claims = _Claims(view, owned)
    layers = view.layers
    files: list[FileOwner] = []
    pending: list[tuple[str, Folder, Folder | None, Claim | None]] = [
        ("", view.root, None, claims.folders.get(id(view.root)))
    ]
    while pending:
        above, folder, parent, inherited = pending.pop()
        listed = claims.files.get(id(folder), {})
        cached = above.endswith(_CACHES)
        sources = claims.files.get(id(parent), {}) if cached else listed
        for name, child in folder.children.items():
            if isinstance(child, Folder):
                claim = claims.folders.get(id(child), inherited)
                pending.append((f"{above}{name}/", child, folder, claim))
            elif child.kind == "f":
                claim = listed.get(name, inherited)
                if claim is None and name.endswith(_COMPILED):
                    claim = _derived(sources.get(_module(name, cached)))
                ref, rule = claim or ("", "")
                # without the call by name: there is one for each of a hundred thousand files
                _, size, executable, digest, _, _, layer, _ = child
                where = layers[layer] if layers else ""
                path = above + name
                files.append(
                    _new(FileOwner, (path, size, digest, executable, where, ref, rule, None))
                )
    return Attribution(files)


def with_source(
    found: Attribution, source: Mapping[bytes, Sequence[SourceFile]], ref: str
) -> Attribution:
    """The same, where what nobody owned may be the project's own source at its revision.

    `source`: its files by the raw SHA-256 of their content; they belong to `ref`.
    """
    files: list[FileOwner] = []
    modules: set[str] = set()
    for item in found.files:
        if not item.owner and (origin := _source_of(item, source)):
            item = item._replace(owner=ref, rule=_SOURCE_RULE, source=origin)
            modules.add(item.path)
        files.append(item)
    for place, item in enumerate(files):
        if not item.owner and item.path.endswith(_COMPILED):
            above, _, name = item.path.rpartition("/")
            folder = f"{above}/".removesuffix(_CACHES)
            module = _module(name, folder != f"{above}/")
            if f"{folder.rstrip('/')}/{module}".lstrip("/") in modules:
                files[place] = item._replace(owner=ref, rule=_BYTECODE_RULE)
    return Attribution(files)


def with_stated_source(
    found: Attribution, stated: Mapping[str, SourceFile], ref: str
) -> Attribution:
    """The same, where a BOM says which files are the project's own source, by printable path."""
    source: dict[bytes, list[SourceFile]] = {}
    for item in found.files:
        if not item.owner and (origin := stated.get(printable_name(item.path))):
            source.setdefault(item.digest, []).append(origin)
    return with_source(found, source, ref)


def by_path(files: Iterable[FileOwner]) -> list[FileOwner]:
    """Sorted bytewise by path."""
    return sorted(files, key=lambda item: item.path.encode("utf-8", "surrogateescape"))


class _Claims:
    """What owners claim, by the folder object: `files` by name in it, `folders` as a whole."""

    def __init__(self, view: TreeView, owned: Iterable[Owned]) -> None:
        self.files: dict[int, dict[str, Claim]] = {}
        self.folders: dict[int, Claim] = {}
        self._view = view
        for item in owned:
            claim = Claim(item.ref, item.rule)
            for path in item.paths:
                above, _, name = path.rpartition("/")
                folder = view.folder_at(above)
                if folder is not None:
                    self.files.setdefault(id(folder), {}).setdefault(name, claim)
            for path in item.folders:
                folder = view.folder_at(path.rstrip("/"))
                if folder is not None:
                    self.folders.setdefault(id(folder), claim)


def _module(name: str, cached: bool) -> str:
    """The source's name for a compiled module's: PEP 3147's `mod.cpython-311.opt-1.pyc` in a
    `cached` folder beside it, or `mod.pyc` in its own."""
    stem = name[: -len(".pyc")]
    if cached:
        stem, _, tag = stem.rpartition(".")
        if tag.startswith("opt-"):
            stem = stem.rpartition(".")[0]
    return f"{stem}.py"


def _derived(claim: Claim | None) -> Claim | None:
    return None if claim is None else Claim(claim.ref, _BYTECODE_RULE)


def _source_of(item: FileOwner, source: Mapping[bytes, Sequence[SourceFile]]) -> SourceFile | None:
    """The file of the source that this one is a copy of.

    A short content may be equal by chance, and an empty one is nobody's: there the name of the
    file, and for an empty one its folder too, have to be the source's.
    """
    candidates = source.get(item.digest, ())
    if item.size > _TELLING:
        return candidates[0] if candidates else None
    parts = 1 if item.size else 2
    tail = item.path.rsplit("/", parts)[-parts:]
    return next((one for one in candidates if one.path.rsplit("/", parts)[-parts:] == tail), None)


def json_lines(files: Iterable[FileOwner]) -> Iterator[dict[str, object]]:
    """The files as `bom show --files --json` prints them."""
    for item in files:
        yield {
            "path": printable_name(item.path),
            "size": item.size,
            "sha256": item.digest.hex() or None,
            "owner": item.owner or None,
            "rule": item.rule or None,
            "layer": item.layer or None,
        }
