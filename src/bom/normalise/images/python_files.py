"""The .pyc files of an image, kept in step with their sources, which may lie in another layer.

What counts is what is visible at the end, with all layers put together. A .pyc that was in step
with its source stays so at the source's new time; one that wasn't never comes to be, though times
that differed become the same one.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.tar_header import HARDLINK, REGULAR, SYMLINK
from bom.normalise import bytecode
from bom.normalise.images.arranging import OPAQUE, WHITEOUT
from bom.normalise.moments import clamped_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.normalise.images.entries import Entry, Part

_SOURCE: Final = ".py"
_HOPS: Final = 8  # symbolic links on the way to a source
_MAX32: Final = 0xFFFFFFFF


class _Code(NamedTuple):
    layer: int
    path: str
    stamp: int
    size: int  # of the source


class _Source(NamedTuple):
    time: int
    size: int
    link: str = ""  # where a symbolic link leads


class Stamp(NamedTuple):
    """The time of the source that a .pyc is to state. `needed`: its layer has to be rewritten for
    it, even if nothing else in there changes."""

    time: int
    needed: bool


class PythonFiles:
    """Gathers the layers of one image, lowest first."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._codes: dict[str, _Code] = {}
        self._hidden: list[_Code] = []

    def add(self, layer: int, found: LayerFiles) -> None:
        """What the next layer does to the files."""
        if found.removed or found.emptied:
            for path in [p for p in self._sources if _is_gone(p, found)]:
                del self._sources[path]
            for path in [p for p in self._codes if _is_gone(p, found)]:
                self._hidden.append(self._codes.pop(path))
        for path in found.others:
            self._sources.pop(path, None)
        self._sources.update(found.sources)
        for path, (stamp, size) in found.codes.items():
            if path in self._codes:
                self._hidden.append(self._codes[path])
            self._codes[path] = _Code(layer, path, stamp, size)

    def stamps(self, epoch: int) -> Mapping[int, Mapping[str, Stamp]]:
        """By layer and path, the .pyc files that have to state another time."""
        made: dict[int, dict[str, Stamp]] = {}

        def put(code: _Code, stamp: Stamp) -> None:
            if stamp.time != code.stamp:
                made.setdefault(code.layer, {})[code.path] = stamp

        for code in self._hidden:
            put(code, Stamp(clamped_file(code.stamp, code.size, epoch), needed=False))
        for code in self._codes.values():
            source = self._source(bytecode.source_of(code.path))
            plain = clamped_file(code.stamp, code.size, epoch)
            if source is None:
                put(code, Stamp(plain, needed=False))
                continue
            time = clamped_file(source.time, source.size, epoch) & _MAX32
            sized = source.size & _MAX32 == code.size
            if sized and source.time & _MAX32 == code.stamp:
                put(code, Stamp(time, needed=True))
            elif sized and time in (plain, code.stamp):
                put(code, Stamp(0 if time else 1, needed=True))
            else:
                put(code, Stamp(plain, needed=False))
        return made

    def _source(self, path: str) -> _Source | None:
        for _ in range(_HOPS):
            source = self._sources.get(path)
            if source is None or not source.link:
                return source
            path = source.link
        return None


class LayerFiles:
    """What one layer holds that concerns Python's files. `sources`: by path. `codes`: by path the
    time and size that a .pyc states. `others`: sources' paths where something else is now."""

    def __init__(self) -> None:
        self.sources: dict[str, _Source] = {}
        self.codes: dict[str, tuple[int, int]] = {}
        self.others: list[str] = []
        self.removed: set[str] = set()
        self.emptied: set[str] = set()
        self._links: list[Entry] = []

    def take(self, entry: Entry, part: Part) -> None:
        """The next entry of the layer."""
        path = entry.path
        if WHITEOUT in path:
            folder, _, name = path.rpartition("/")
            if name == OPAQUE:
                self.emptied.add(folder)
            elif name.startswith(WHITEOUT):
                name = name.removeprefix(WHITEOUT)
                self.removed.add(f"{folder}/{name}" if folder else name)
        elif path.endswith(_SOURCE):
            if entry.type == REGULAR and not entry.is_sparse:
                self.sources[path] = _Source(entry.time, entry.size)
            elif entry.type == SYMLINK:
                base = posixpath.dirname(path)
                target = posixpath.normpath(posixpath.join("/", base, entry.link)).lstrip("/")
                self.sources[path] = _Source(0, 0, target)
            elif entry.type == HARDLINK:
                self._links.append(entry)
            else:
                self.others.append(path)
        elif path.endswith(bytecode.SUFFIX) and entry.type == REGULAR and not entry.is_sparse:
            head = part.read_at(entry.data, min(bytecode.HEADER, entry.size))
            size = int.from_bytes(head[12:16], "little")
            stamp = bytecode.stated_time(head, size)
            if stamp >= 0:
                self.codes[path] = (stamp, size)

    def finish(self, targets: Mapping[str, Entry]) -> None:
        """All entries are taken: hard links have the size of the file that they mean, which
        `targets` gives by path."""
        for link in self._links:
            target = targets.get(link.link)
            if target is not None:
                self.sources[link.path] = _Source(link.time, target.size)

    @property
    def linked(self) -> Iterable[str]:
        """The files that hard links of sources mean."""
        return [link.link for link in self._links]


def _is_gone(path: str, found: LayerFiles) -> bool:
    above = path
    while above:
        if above in found.removed:
            return True
        above = above.rpartition("/")[0]
        if above in found.emptied:
            return True
    return False
