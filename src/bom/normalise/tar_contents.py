"""What is in a tar, and the order in which its normal form has it.

Memory grows with the number of entries, by nothing with their content.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from bom.archive.tar import TarWalk
from bom.archive.tar_header import BLOCK, HARDLINK, pax_records
from bom.errors import CannotNormalise
from bom.normalise.tar_entry import CAPABILITIES, encode_comment, number, read

if TYPE_CHECKING:
    from bom.archive.positioned import PositionedFile
    from bom.archive.tar_header import TarMember

_DEVICES: Final = "34"
_TYPES: Final = "0123456"
_SET_ID: Final = 0o6000
# An archive of a few megabytes can hold headers without end; an entry takes about a kilobyte here.
_ENTRIES_LIMIT: Final = 1_000_000
_NAMES_LIMIT: Final = 256 << 20  # bytes of all names and link targets
_AHEAD: Final = 8 * 1024  # bytes read while looking for headers


class Contents:
    """What is in a tar and how it is to be ordered.

    `members` in the order of the archive, `keys` their paths in one spelling, `order` the indices
    sorted. `bodies`: for an entry that isn't written as what it was, the index of the one whose
    content it is. `links`: for an entry that is to be a hard link, the index of its target.
    """

    def __init__(self, file: PositionedFile) -> None:
        self.file = file
        self.members: list[TarMember] = []
        self.comment: bytes | None = None
        self.is_system = False
        self._framing = False
        walk = TarWalk(_Readable(file))  # type: ignore[arg-type] # it seeks and reads, no more
        at = names = 0
        for member in walk:
            names += len(member.name) + len(member.linkname)
            if len(self.members) >= _ENTRIES_LIMIT or names > _NAMES_LIMIT:
                raise CannotNormalise("it has more entries than can be put in order here")
            if member.offset > at:
                self._global(at, member.offset)
            at = member.end
            self._check(member)
            self.members.append(member)
        self._end = walk.end
        if (trailing := walk.trailing_byte()) >= 0:
            raise CannotNormalise(f"after its end, at byte {trailing}, something follows")
        self.keys = [_key(member.name) for member in self.members]
        for key, member in zip(self.keys, self.members, strict=True):
            if not key and not member.is_directory:
                raise CannotNormalise("it has an entry without a name")
        self.by_key = {key: index for index, key in enumerate(self.keys)}
        if len(self.by_key) != len(self.keys):
            twice = next(key for key, count in Counter(self.keys).items() if count > 1)
            raise CannotNormalise(f"it has two entries of the name {_printable(twice)}")
        self._check_parents()
        self.order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        self.bodies: dict[int, int] = {}
        self.links: dict[int, int] = {}
        self._join()

    def framing_differs(self, end: int) -> bool:
        """Whether what is written around the entries isn't what was there."""
        return self._framing or self.file.size != self._end + end

    def _check(self, member: TarMember) -> None:
        if member.type not in _TYPES:
            raise CannotNormalise(f"{_shown(member)} is of a type that only its writer knows")
        if member.name.endswith("/") and not member.is_directory:
            raise CannotNormalise(f"{_shown(member)} is a folder by its name alone")
        if member.type in _DEVICES or (member.is_file and member.mode & _SET_ID):
            self.is_system = True
        elif member.format == "pax" and not self.is_system:
            extensions = read(self.file, member).extensions
            self.is_system = any(key.startswith(CAPABILITIES) for key in extensions)

    def _global(self, start: int, end: int) -> None:
        raw = self.file.read_at(start, end - start)
        size = number(raw[124:136])
        records = pax_records(raw[BLOCK : BLOCK + size])
        if start or end != BLOCK + size + -size % BLOCK or list(records) != [b"comment"]:
            raise CannotNormalise("a pax global header in it says something of several entries")
        self.comment = records[b"comment"]
        self._framing = raw != encode_comment(self.comment)

    def _check_parents(self) -> None:
        """What is written below a link or a file lands somewhere else, or depends on the order."""
        seen = {b""}
        for key in self.keys:
            parent = key.rpartition(b"/")[0]
            while parent not in seen:
                seen.add(parent)
                index = self.by_key.get(parent)
                if index is not None and not self.members[index].is_directory:
                    raise CannotNormalise(f"{_printable(parent)} is no folder, but has entries")
                parent = parent.rpartition(b"/")[0]

    def _join(self) -> None:
        """Of files that are one by hard links, the first in order is the file: which of them was
        packed as such depends on the order in which a folder was read."""
        roots: dict[int, int] = {}
        groups: dict[int, list[int]] = {}
        for index, member in enumerate(self.members):
            if member.type != HARDLINK:
                continue
            target = self.by_key.get(_key(member.linkname))
            if target is None:
                continue
            if target >= index:
                raise CannotNormalise(f"{_shown(member)} is a hard link to what comes after it")
            root = roots.get(target, target)
            if self.members[root].is_directory:
                raise CannotNormalise(f"{_shown(member)} is a hard link to a folder")
            roots[index] = root
            groups.setdefault(root, [root]).append(index)
        for root, group in groups.items():
            first = min(group, key=self.keys.__getitem__)
            self.bodies[first] = root
            for index in group:
                if index != first:
                    self.bodies[index] = root
                    self.links[index] = first


def _shown(member: TarMember) -> str:
    return _printable(member.name.encode("utf-8", "surrogateescape"))


def _printable(raw: bytes) -> str:
    return ascii(raw[:200].decode("utf-8", "replace"))


class _Readable:
    """What TarWalk needs of a file; reads in large pieces, for headers stand close together."""

    def __init__(self, file: PositionedFile) -> None:
        self._file = file
        self._at = 0
        self._start = 0
        self._held = b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (self._file.size if whence == os.SEEK_END else 0)
        return self._at

    def read(self, size: int) -> bytes:
        size = max(0, min(size, self._file.size - self._at))
        here = self._at - self._start
        if not 0 <= here <= len(self._held) - size:
            self._start, here = self._at, 0
            wanted = max(size, min(_AHEAD, self._file.size - self._at))
            self._held = self._file.read_at(self._at, wanted)
        self._at += size
        return self._held[here : here + size]


def _key(name: str) -> bytes:
    """A path in the one spelling by which entries are told apart and sorted: a folder sorts before
    what is in it. Raises CannotNormalise for one that leads out of where it is unpacked."""
    raw = name.encode("utf-8", "surrogateescape")
    if raw.startswith(b"./") or raw.endswith(b"/") or b"//" in raw or b"/." in raw or raw == b".":
        parts = raw.split(b"/")
        if raw.startswith(b"/") or b".." in parts:
            raise CannotNormalise(f"the name {_printable(raw)} leads out of the archive")
        return b"/".join(part for part in parts if part not in (b"", b"."))
    if raw.startswith((b"/", b"../")) or raw in (b"", b".."):
        raise CannotNormalise(f"the name {_printable(raw)} leads out of the archive")
    return raw
