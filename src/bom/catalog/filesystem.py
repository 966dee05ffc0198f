"""A file system held as a tree: layers put on top of each other, links resolved inside it.

Layers apply as the OCI image specification says ("Image Layer Filesystem Changeset"): a layer's
whiteouts hide what lower layers hold, then its entries go in, through the symbolic links that
stand in their folders (a merged /usr), and replace whatever has their name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bom.archive.layer import EXTRACT_LIMIT
from bom.catalog.protocol import FileEntry
from bom.errors import BadArtifact
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bom.archive.layer import LayerEntry

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
_RESERVED: Final = ".wh..wh."  # aufs' own bookkeeping
_OF_NOTHING: Final = {
    "md5": "d41d8cd98f00b204e9800998ecf8427e",
    "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
}
_MD5: Final = 16  # bytes
_SHA1: Final = 20
_HOPS: Final = 40  # symbolic links followed for one path, as Linux has it


class Leaf(NamedTuple):
    """Anything but a directory. Fields as in LayerEntry; `layer` counts from the lowest, 0."""

    kind: str
    size: int
    executable: bool
    digest: bytes
    link: str
    wanted: bool
    layer: int
    weak: bytes = b""


_new: Final = tuple.__new__  # without the call by name: one leaf for each of 100,000 files


class Folder:
    """A directory and what is in it."""

    __slots__ = ("children", "layer")

    def __init__(self, layer: int) -> None:
        self.children: dict[str, Folder | Leaf] = {}
        self.layer = layer


class Tree:
    """A file system under construction. Paths are relative to its root, with `/`."""

    def __init__(self) -> None:
        self.root = Folder(0)
        self.gaps: list[Gap] = []
        self._folders: dict[str, Folder] = {}  # resolved folders, while nothing above changes

    def apply(self, entries: Iterable[LayerEntry], layer: int) -> None:
        """Put a layer on top. Raises BadArtifact (`damaged`) for one that no engine can load."""
        rest = []
        hidden = set()
        for entry in entries:
            path = entry.path
            if WHITEOUT in path and path.rpartition("/")[2].startswith(WHITEOUT):
                hidden.add(self._whiteout(path))
            else:
                rest.append(entry)
        for entry in rest:
            if hidden and entry.path in hidden:
                self.gaps.append(
                    Gap(
                        "image.file",
                        printable_name(entry.path),
                        f"layer {layer + 1} holds both this file and its whiteout, which engines"
                        " read differently",
                    )
                )
            self.place(entry, layer)

    def place(self, entry: LayerEntry, layer: int) -> None:
        """Put one entry in its place, over whatever stands there."""
        path, kind, size, executable, digest, link, wanted, weak = entry
        above, _, name = path.rpartition("/")
        folder = self._folders.get(above) or self._make_folder(above, layer)
        existing = folder.children.get(name)
        if kind == "d":
            if isinstance(existing, Folder):
                existing.layer = layer
                return
            made: Folder | Leaf = Folder(layer)
        elif kind == "h":
            made = self._hard_link(entry, layer)
        else:
            made = _new(Leaf, (kind, size, executable, digest, link, wanted, layer, weak))
        if existing is not None and (isinstance(existing, Folder) or existing.kind == "l"):
            self._folders.clear()
        folder.children[name] = made

    def locate(self, path: str) -> tuple[str, Folder | Leaf] | None:
        """What stands at `path`, links in its folders followed, and its path without them."""
        above, _, name = path.rpartition("/")
        trail = self._descend(above, _missing)
        if trail is None or name in ("", ".", ".."):
            return None
        child = trail[-1][1].children.get(name)
        return None if child is None else ("/".join([n for n, _ in trail[1:]] + [name]), child)

    def folder(self, path: str) -> Folder | None:
        """The folder at `path`, links followed."""
        trail = self._descend(path, _missing)
        return None if trail is None else trail[-1][1]

    def follow(self, path: str) -> tuple[str, Folder | Leaf] | None:
        """As `locate`, with links at the end of the path followed too."""
        for _ in range(_HOPS):
            found = self.locate(path)
            if found is None:
                return None
            real, child = found
            if isinstance(child, Folder) or child.kind != "l":
                return found
            path = child.link if child.link.startswith("/") else f"{real}/../{child.link}"
        return None

    def walk(self) -> Iterator[tuple[str, Folder | Leaf]]:
        """Everything but the root, in no order."""
        pending = [("", self.root)]
        while pending:
            above, folder = pending.pop()
            for name, child in folder.children.items():
                path = above + name
                yield path, child
                if isinstance(child, Folder):
                    pending.append((path + "/", child))

    def _whiteout(self, path: str) -> str:
        """Hide what a whiteout names; returns that path."""
        above, slash, name = path.rpartition("/")
        trail = self._descend(above, _missing)
        if trail is not None:
            children = trail[-1][1].children
            if name == OPAQUE:
                children.clear()
            elif not name.startswith(_RESERVED):
                children.pop(name[len(WHITEOUT) :], None)
            self._folders.clear()
        return "" if name.startswith(_RESERVED) else above + slash + name[len(WHITEOUT) :]

    def _make_folder(self, path: str, layer: int) -> Folder:
        def make(folder: Folder, name: str) -> Folder:
            made = folder.children[name] = Folder(layer)
            return made

        trail = self._descend(path, make)
        if trail is None:
            raise BadArtifact(
                "damaged", f"layer {layer + 1} puts a file under {path!r:.200}, which is no folder"
            )
        folder = self._folders[path] = trail[-1][1]
        return folder

    def _hard_link(self, entry: LayerEntry, layer: int) -> Leaf:
        found = self.locate(entry.link)
        if found is None or isinstance(found[1], Folder):
            raise BadArtifact(
                "damaged",
                f"layer {layer + 1} links {entry.path!r:.200} to a file that isn't there",
            )
        return found[1]._replace(wanted=entry.wanted, layer=layer)

    def _descend(
        self, path: str, missing: Callable[[Folder, str], Folder | None]
    ) -> list[tuple[str, Folder]] | None:
        """The folders from the root down to `path`, or None where it leads to no folder."""
        trail = [("", self.root)]
        pending = path.split("/")[::-1]
        hops = 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            child = trail[-1][1].children.get(name)
            if child is None:
                child = missing(trail[-1][1], name)
            if isinstance(child, Folder):
                trail.append((name, child))
            elif child is not None and child.kind == "l" and hops < _HOPS:
                hops += 1
                if child.link.startswith("/"):
                    del trail[1:]
                pending.extend(child.link.split("/")[::-1])
            else:
                return None
        return trail


def _missing(folder: Folder, name: str) -> None:
    return None


class TreeView:
    """A FileView over a tree whose files are all hashed, with the contents that were kept."""

    def __init__(
        self,
        tree: Tree,
        contents: Mapping[bytes, bytes],
        layers: Sequence[str] = (),
        extracts: Mapping[bytes, Mapping[str, bytes]] | None = None,
    ) -> None:
        self._tree = tree
        self._contents = contents
        self._layers = layers
        self._extracts = extracts or {}
        self._wanted: list[FileEntry] | None = None
        self._extracted: list[tuple[str, Mapping[str, bytes]]] | None = None
        self._unextracted: list[tuple[str, bool]] = []
        self._folders: dict[str, Folder | None] = {}  # links in their paths followed

    def entries(self) -> Iterator[FileEntry]:
        """All entries, sorted by path."""
        for path, child in sorted(self._tree.walk(), key=lambda item: item[0]):
            yield self._entry(path, child)

    def below(self, folder: str, without: frozenset[str] = frozenset()) -> Iterator[FileEntry]:
        """All entries below `folder` that are no directories, in no order; folders with a name
        of `without` are left out with all that is in them."""
        top = self._tree.folder(folder)
        pending = [] if top is None else [(f"{folder}/" if folder else "", top)]
        while pending:
            above, inside = pending.pop()
            for name, child in inside.children.items():
                if not isinstance(child, Folder):
                    yield self._entry(above + name, child)
                elif name not in without:
                    pending.append((f"{above}{name}/", child))

    def hashed_below(self, folder: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each folder below `folder`, itself included, that holds regular files: its path with a
        `/` at the end, and their names with hex SHA-256 ("" where it isn't known)."""
        top = self._tree.folder(folder)
        pending = [] if top is None else [(f"{folder}/" if folder else "", top)]
        while pending:
            above, inside = pending.pop()
            files = []
            for name, child in inside.children.items():
                if isinstance(child, Folder):
                    pending.append((f"{above}{name}/", child))
                elif child.kind == "f":
                    files.append((name, child.digest.hex()))
            if files:
                yield above, files

    def wanted(self) -> Iterator[FileEntry]:
        """The files and symlinks that some ecosystem asked for, sorted by path."""
        if self._wanted is None:
            self._index()
        yield from self._wanted or ()

    def entry(self, path: str) -> FileEntry | None:
        """The entry at `path`, symlinks in its folders resolved inside the view."""
        above, _, name = path.rpartition("/")
        folder = self.folder_at(above)
        child = None if folder is None else folder.children.get(name)
        return None if child is None else self._entry(path, child)

    def resolve(self, path: str) -> str:
        """Where `path` really stands, symlinks in its folders followed; "" for nothing."""
        found = self._tree.locate(path)
        return "" if found is None else found[0]

    def extracted(self) -> Iterator[tuple[str, Mapping[str, bytes]]]:
        """The files of which something was taken, sorted by path, with what was taken."""
        if self._extracted is None:
            self._index()
        yield from self._extracted or ()

    def unextracted(self) -> Iterator[tuple[str, bool]]:
        """The regular files that are too large for anything to be taken out of them, sorted by
        path; and whether each is executable."""
        if self._wanted is None:
            self._index()
        yield from sorted(self._unextracted)

    def _index(self) -> None:
        """One walk for all ecosystems: which files they read, of which they took something, and
        which are too large for that."""
        wanted = []
        extracted = []
        extracts = self._extracts
        pending = [("", self._tree.root)]
        while pending:
            above, folder = pending.pop()
            for name, child in folder.children.items():
                if isinstance(child, Folder):
                    pending.append((f"{above}{name}/", child))
                elif child.wanted:
                    wanted.append(above + name)
                elif child.digest in extracts:
                    extracted.append((above + name, extracts[child.digest]))
                elif child.size > EXTRACT_LIMIT:
                    self._unextracted.append((above + name, child.executable))
        found = map(self.entry, sorted(wanted))
        self._wanted = [entry for entry in found if entry is not None]
        self._extracted = sorted(extracted, key=lambda item: item[0])

    def digest(self, path: str, algorithm: Literal["md5", "sha1"]) -> str | None:
        """The MD5 or SHA-1 where it was computed, in hex; None: not known."""
        above, _, name = path.rpartition("/")
        folder = self.folder_at(above)
        child = None if folder is None else folder.children.get(name)
        if child is None or isinstance(child, Folder) or child.kind != "f":
            return None
        if not child.size and child.digest:  # a sparse file has none
            return _OF_NOTHING[algorithm]
        # MD5, SHA-1, or MD5 with SHA-1 behind it (archive/layer.py)
        if algorithm == "md5":
            known = child.weak[:_MD5] if len(child.weak) in (_MD5, _MD5 + _SHA1) else b""
        else:
            known = child.weak[-_SHA1:] if len(child.weak) in (_SHA1, _MD5 + _SHA1) else b""
        return known.hex() or None

    @property
    def root(self) -> Folder:
        return self._tree.root

    def folder_at(self, path: str) -> Folder | None:
        """The folder at `path`, links followed; None where there is none."""
        try:
            return self._folders[path]
        except KeyError:
            found = self._folders[path] = self._tree.folder(path)
            return found

    @property
    def layers(self) -> Sequence[str]:
        """The diff IDs of the layers, by a leaf's `layer`; empty outside images."""
        return self._layers

    def holding(self, digests: frozenset[bytes]) -> tuple[str, ...]:
        """The paths of the files that have one of these SHA-256, sorted."""
        return tuple(
            sorted(
                path
                for path, child in self._tree.walk()
                if not isinstance(child, Folder) and child.digest in digests
            )
        )

    def read(self, path: str) -> bytes | None:
        """The content of a file that was asked for, links followed."""
        found = self._tree.follow(path)
        if found is None or isinstance(found[1], Folder):
            return None
        return self._contents.get(found[1].digest)

    def _entry(self, path: str, child: Folder | Leaf) -> FileEntry:
        layer = self._layers[child.layer] if self._layers else ""
        # by position: one is made for each of a hundred thousand files
        if isinstance(child, Folder):
            return FileEntry(path, "directory", 0, False, "", "", layer)
        kind = child.kind
        if kind == "f":
            digest = child.digest.hex()
            return _new(FileEntry, (path, "file", child.size, child.executable, digest, "", layer))
        if kind == "l":
            return FileEntry(path, "symlink", 0, False, "", child.link, layer)
        return FileEntry(path, "other", 0, False, "", "", layer)
