"""What unpacking a tar may leave in a folder, and what it leaves: an unsafe one is refused.

Unsafe is what could reach outside of the folder, or gives somebody rights: absolute names and
`..`, links that lead out, devices and FIFOs, setuid and setgid; and that of which two programs
don't make the same: one name twice, a file below a link.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bom.archive.tar_header import DIRECTORY, HARDLINK, REGULAR, SYMLINK
from bom.errors import BadArtifact
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.installed.contents import Item

UNSAFE: Final = "unsafe-entry"
# Nobody but the owner may write, and the owner may read: whatever the packer's umask was.
GRANTED: Final = 0o755
SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_HOPS: Final = 40  # symbolic links followed for one path, as Linux has it
_TYPES: Final = {
    "3": "a character device",
    "4": "a block device",
    "6": "a FIFO",
}


class Placed(NamedTuple):
    """What an entry becomes. `path`: from the folder, no `.` or `..`, "" for the folder itself.
    `link`: of a symbolic link its target as stored, of a hard link the other name's path."""

    path: str
    kind: Literal["file", "folder", "link", "hard link"]
    mode: int = 0
    link: str = ""


class Unpacking:
    """Sees the entries of one tar in their order."""

    def __init__(self, *, allow_setuid: bool = False) -> None:
        self._allow_setuid = allow_setuid
        self._kinds: dict[str, str] = {}  # also of folders that no entry names
        self._targets: dict[str, str] = {}  # of symbolic links
        self.files = self.bytes = self.with_attributes = 0

    def place(self, item: Item) -> Placed:
        """What the next entry becomes. Raises BadArtifact (`unsafe-entry`)."""
        member = item.member
        shown = printable_name(member.name)
        path = _path(member.name, shown)
        kind = self._kind(item, shown)
        self._make_room(path, kind, shown)
        mode = self._mode(item, kind, shown)
        link = ""
        if kind == "link":
            link = member.linkname
            if not link or "\0" in link:
                raise _unsafe(f"the link {shown} leads nowhere", shown)
            self._targets[path] = link
        elif kind == "hard link":
            link = _path(member.linkname, printable_name(member.linkname))
            if self._kinds.get(link) not in ("file", "hard link"):
                raise _unsafe(f"{shown} is a hard link to what is no file before it", shown)
        elif kind == "file":
            self.files += 1
            self.bytes += item.size
        self.with_attributes += item.has_attributes
        if path:
            self._kinds[path] = kind
        return Placed(path, kind, mode, link)

    def finish(self) -> None:
        """All have come. Raises BadArtifact (`unsafe-entry`) where a link leads out."""
        for path, target in self._targets.items():
            if leads_out(path, target, self._targets):
                shown = printable_name(path)
                raise _unsafe(
                    f"the link {shown} leads out of the folder", shown, printable_name(target)
                )

    def _kind(self, item: Item, shown: str) -> Literal["file", "folder", "link", "hard link"]:
        kind = item.member.type
        if kind == REGULAR:
            if item.member.name.endswith("/"):
                raise _unsafe(f"{shown} is a folder by its name alone", shown)
            return "file"
        if kind == DIRECTORY:
            return "folder"
        if kind == SYMLINK:
            return "link"
        if kind == HARDLINK:
            return "hard link"
        raise _unsafe(f"{shown} is {_TYPES.get(kind, 'of a type that is not known')}", shown)

    def _make_room(self, path: str, kind: str, shown: str) -> None:
        known = self._kinds.get(path, "")
        if kind == "folder":
            if known not in ("", "folder"):
                raise _unsafe(f"{shown} stands in the archive twice", shown)
        elif known or not path:
            raise _unsafe(f"{shown} stands in the archive twice", shown)
        above = path.rpartition("/")[0]
        while above and self._kinds.get(above) != "folder":
            if above in self._kinds:
                raise _unsafe(f"{shown} stands below {printable_name(above)}, no folder", shown)
            self._kinds[above] = "folder"
            above = above.rpartition("/")[0]

    def _mode(self, item: Item, kind: str, shown: str) -> int:
        mode = item.member.mode
        if kind in ("file", "folder") and mode & SET_ID and not self._allow_setuid:
            which = "setuid" if mode & stat.S_ISUID else "setgid"
            raise _unsafe(f"{shown} is {which}", shown)
        return granted(mode, is_folder=kind == "folder") | (mode & SET_ID)


def granted(mode: int, *, is_folder: bool) -> int:
    """The permission bits that an entry gets, without setuid and setgid."""
    return mode & GRANTED | (stat.S_IRWXU if is_folder else stat.S_IRUSR | stat.S_IWUSR)


def leads_out(path: str, target: str, targets: Mapping[str, str]) -> bool:
    """Whether the symbolic link at `path` leads out of the folder that holds the links `targets`,
    each followed as the kernel does it. One that goes round in circles leads nowhere."""
    if target.startswith("/"):
        return True
    trail = path.split("/")[:-1]
    pending = target.split("/")[::-1]
    hops = 0
    while pending:
        name = pending.pop()
        if name in ("", "."):
            continue
        if name == "..":
            if not trail:
                return True
            trail.pop()
            continue
        trail.append(name)
        following = targets.get("/".join(trail))
        if following is None:
            continue
        hops += 1
        if hops > _HOPS:
            return False
        if following.startswith("/"):
            return True
        trail.pop()
        pending += following.split("/")[::-1]
    return False


def _path(name: str, shown: str) -> str:
    if name.startswith("/"):
        raise _unsafe(f"{shown} is an absolute name", shown)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise _unsafe(f"{shown} leads out of the folder", shown)
    return "/".join(parts)


def _unsafe(message: str, where: str, found: str = "") -> BadArtifact:
    return BadArtifact(UNSAFE, message, found=found, where=where)
