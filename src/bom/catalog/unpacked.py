"""What an archive holds, as a file system that ecosystems can read: every file hashed, what they
ask for kept. Tars and zips are walked as the layers of images are (archive/layer.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.hashing import HashingThread
from bom.archive.layer import Kept, LayerEntry, LayerWalk
from bom.archive.tar import TarPush
from bom.archive.tar_header import DIRECTORY, REGULAR, SYMLINK, TarMember
from bom.catalog import WANTED
from bom.catalog.filesystem import Tree, TreeView
from bom.errors import BadArtifact
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOTAL_LIMIT: Final = 256 << 30  # bytes of all files in an archive
_GAP: Final = "archive.file"
_GAPS: Final = 1000  # gaps about single files of one archive
_UNKNOWN: Final = "its content is stored in a form that is not read (a sparse file): not hashed"


class Contents:
    """Takes an archive's entries: a whole tar (`feed`), or single files (`file`, `link`)."""

    def __init__(self) -> None:
        self._kept = Kept(WANTED)
        self._hashing = HashingThread()
        self._walk = LayerWalk(self._kept, self._hashing)
        self._tar = TarPush(self._member, self._end)
        self._skipped = False
        self._size = 0
        self._gaps: set[Gap] = set()
        self.names: set[str] = set()  # at the top

    def __enter__(self) -> Contents:
        return self

    def __exit__(self, *exception: object) -> None:
        self._hashing.close()

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes of a tar; they must not change afterwards. Raises BadArtifact."""
        self._tar.feed(data)

    def file(
        self, name: str, size: int, executable: bool, pieces: Iterable[bytes | memoryview]
    ) -> None:
        """Take a file of an archive that is no tar: exactly `size` bytes.

        What `pieces` raises as BadArtifact makes a gap of this one file.
        """
        member = _member(name, REGULAR, size, 0o755 if executable else 0o644)
        sink = self._member(member)
        if self._skipped:
            return
        try:
            for piece in pieces:
                if sink is not None:
                    sink(memoryview(piece))
        except BadArtifact as error:
            if error.code == "oversized":
                raise
            self._walk.abandon()
            self.lacks(name, error.reason)
            return
        self._end(member)

    def link(self, name: str, target: str) -> None:
        """Take a symbolic link."""
        member = _member(name, SYMLINK, 0, 0o777, target)
        self._member(member)
        self._end(member)

    def lacks(self, name: str, why: str) -> None:
        """Note that a file can't be read."""
        if len(self._gaps) < _GAPS:
            self._gaps.add(Gap(_GAP, printable_name(name), why))

    def finish(self) -> tuple[TreeView, tuple[Gap, ...]]:
        """The file system, and what could not be had of it. Raises BadArtifact."""
        self._tar.close()
        if self._tar.trailing >= 0:
            why = f"after its end, at byte {self._tar.trailing}, something follows: not read"
            self._gaps.add(Gap("archive.trailing", "tar", why))
        self._hashing.settle()
        tree = Tree()
        for entry in self._walk.settled():
            self._place(tree, entry)
        view = TreeView(tree, self._kept.contents, (), self._kept.extracts)
        return view, tuple(sorted({*self._gaps, *tree.gaps}))

    def _place(self, tree: Tree, entry: LayerEntry) -> None:
        try:
            tree.place(entry, 0)
        except BadArtifact:
            self.lacks(entry.path, "no unpacker can put it where the archive says")
            return
        if entry.kind == "f" and entry.size and not entry.digest:
            self.lacks(entry.path, _UNKNOWN)

    def _member(self, member: TarMember) -> Callable[[memoryview], object] | None:
        self._size += member.size
        if self._size > TOTAL_LIMIT:
            raise BadArtifact("oversized", f"the archive holds more than {TOTAL_LIMIT >> 30} GiB")
        self._skipped = False
        try:
            sink = self._walk.member(member)
        except BadArtifact as error:
            if error.code == "oversized":
                raise
            self._skipped = True
            self.lacks(member.name, "its name leads out of the archive, or is too long")
            return None
        name = member.name.removeprefix("./")
        if "/" not in name and member.is_file:
            self.names.add(name)
        return sink

    def _end(self, member: TarMember) -> None:
        if self._skipped:
            return
        try:
            self._walk.end(member)
        except BadArtifact as error:
            if error.code == "oversized":
                raise
            self.lacks(member.name, "it links out of the archive, or its target is too long")


def _member(name: str, type: str, size: int, mode: int, link: str = "") -> TarMember:
    if type == REGULAR and name.endswith("/"):
        type = DIRECTORY
    return TarMember(name, type, size, mode, link, "ustar", 0, 0)
