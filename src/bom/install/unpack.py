"""A tar, unpacked into a new and empty folder, each file held against the BOM's list.

The folder is private until it is published, and the entries were checked (bom.installed.unpacking):
nothing in it leads out, so plain paths can be used.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.compose import reading
from bom.errors import BadArtifact
from bom.installed.contents import items
from bom.installed.unpacking import Unpacking
from bom.printable import printable_name
from bom.seal import is_envelope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from bom.installed.contents import Content, Item
    from bom.installed.unpacking import Placed

_PRIVATE: Final = 0o700
_LATEST: Final = 1 << 33  # seconds since 1970; file systems know no later ones


class Unpacker:
    """Unpacks one tar. `keep_owner`: files belong to the users and groups that it names by number,
    else to who installs it."""

    def __init__(
        self, document: Mapping[str, Any], *, allow_setuid: bool, keep_owner: bool
    ) -> None:
        self._listed = Counter(reading.member_digests(document))
        self._allow_setuid = allow_setuid
        self._keep_owner = keep_owner

    def look(self, tar: Path) -> Unpacking:
        """What is in it, nothing written. Raises BadArtifact for what is unsafe."""
        seen = Unpacking(allow_setuid=self._allow_setuid)
        for item, _ in items(tar):
            seen.place(item)
        seen.finish()
        return seen

    def unpack(self, tar: Path, folder: Path) -> None:
        """Write everything below `folder`. Raises BadArtifact, OSError."""
        seen = Unpacking(allow_setuid=self._allow_setuid)
        left = Counter(self._listed)
        folders: list[tuple[Path, Placed, Item]] = []
        for number, (item, content) in enumerate(items(tar)):
            placed = seen.place(item)
            path = folder / os.fsdecode(placed.path.encode("utf-8", "surrogateescape"))
            path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            if placed.kind == "folder":
                path.mkdir(mode=_PRIVATE, exist_ok=True)
                folders.append((path, placed, item))
            elif placed.kind == "link":
                path.symlink_to(placed.link)
                self._own(path, item)
            elif placed.kind == "hard link":
                path.hardlink_to(folder / placed.link)
            else:
                digest = self._file(path, placed, item, content)
                sealed = number <= 1 and is_envelope(item.member.name)
                if self._listed and not item.member.sparse and not sealed:
                    _strike(left, printable_name(item.member.name), digest)
        seen.finish()
        if self._listed and (gone := +left):
            name, digest = min(gone)
            raise BadArtifact(
                "damaged", f"{name} is missing", expected=f"sha256:{digest}", where=name
            )
        self._settle(folder, folders)

    def _file(self, path: Path, placed: Placed, item: Item, content: Content) -> str:
        digest = hashlib.sha256()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as out:
            for offset, piece in content.pieces():
                out.seek(offset)
                _write(descriptor, piece)
                digest.update(piece)
            out.truncate(item.size)
            self._own(descriptor, item)
            os.fchmod(descriptor, placed.mode)
            time = _time(item)
            os.utime(descriptor, (time, time))
        return digest.hexdigest()

    def _own(self, place: Path | int, item: Item) -> None:
        if not self._keep_owner:
            return
        user, group = item.owner
        if isinstance(place, int):
            os.fchown(place, user, group)
        else:
            os.lchown(place, user, group)

    def _settle(self, root: Path, folders: list[tuple[Path, Placed, Item]]) -> None:
        """Modes and times of folders, when nothing in them changes any more."""
        named = {path for path, _, _ in folders}
        for above, names, _ in os.walk(root):
            for name in names:
                path = root / above / name
                if path not in named and not path.is_symlink():
                    path.chmod(0o755)
        for path, placed, item in sorted(folders, key=lambda found: found[0], reverse=True):
            if placed.path:
                self._own(path, item)
                path.chmod(placed.mode)
            time = _time(item)
            os.utime(path, (time, time))


def _strike(left: Counter[tuple[str, str]], name: str, digest: str) -> None:
    """Take one file off the list. Raises BadArtifact where it isn't on it."""
    if left[name, digest]:
        left[name, digest] -= 1
        return
    expected = [value for known, value in left if known == name]
    raise BadArtifact(
        "damaged",
        f"{name} is not the one that was sealed" if expected else f"{name} is not in the BOM",
        expected=f"sha256:{expected[0]}" if expected else "",
        found=f"sha256:{digest}",
        where=name,
    )


def _time(item: Item) -> int:
    return min(max(item.time, 0), _LATEST)


def _write(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
