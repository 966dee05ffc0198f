"""Tars and image layers: each entry's header and content, and the order of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.tar_header import (
    DIRECTORY,
    HARDLINK,
    REGULAR,
    SYMLINK,
    TarMember,
    is_header,
)
from bom.compare.content import LEAF_LIMIT, Window, first_difference
from bom.compare.derived import Siblings
from bom.compare.found import joined
from bom.compare.in_step import Both, InStep, Moved, Only
from bom.compare.metadata import (
    format_differs,
    mode_differs,
    order_differs,
    owner_differs,
    time_differs,
)
from bom.compare.tar_fields import tar_fields
from bom.compare.walk import Pair

if TYPE_CHECKING:
    from bom.archive.positioned import Positioned
    from bom.compare.tar_fields import TarFields
    from bom.compare.walk import Walk
    from bom.difference import Cause

_KINDS: Final = {
    REGULAR: "a file",
    HARDLINK: "a hard link",
    SYMLINK: "a symbolic link",
    DIRECTORY: "a folder",
    "3": "a character device",
    "4": "a block device",
    "6": "a pipe",
}
_AGAIN: Final = "Make the same entry by both builds: look at the step that makes it."


class TarContainer:
    name = "tar"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        return is_header(one[:512]) and is_header(two[:512])

    def compare(self, pair: Pair, walk: Walk) -> None:
        compare_tars(pair, walk)


def compare_tars(pair: Pair, walk: Walk, *, layer: bool = False) -> frozenset[str]:
    """All that differs between two tars; the names of entries with another content.

    `layer`: an image's layer, in which the numbers of users are content. Raises BadArtifact.
    """
    step = InStep(pair.one, pair.two, pair.equal)
    siblings = Siblings(pair, walk)
    only: dict[str, set[str]] = {"one": set(), "two": set()}
    for found in step.steps():
        if isinstance(found, Both):
            _both(pair, walk, siblings, found, layer)
        elif isinstance(found, Moved):
            order_differs(walk, pair.path, found.first, found.second)
        else:
            siblings.changed.add(found.name)
            if found.member.is_directory:
                only[found.which].add(found.name)
            # of a folder that only one has, the folder is enough
            if not _inside(found.name, only[found.which]):
                _only(pair, walk, found)
    siblings.finish()
    _rest(pair, walk, step)
    return frozenset(siblings.changed)


def _inside(name: str, folders: set[str]) -> bool:
    while "/" in name:
        name = name.rpartition("/")[0]
        if name in folders:
            return True
    return False


def _only(pair: Pair, walk: Walk, found: Only) -> None:
    content = b""
    if found.member.is_file:
        file = pair.one if found.which == "one" else pair.two
        content = file.read_at(found.member.data, min(found.member.size, LEAF_LIMIT))
    elif found.member.linkname:
        content = found.member.linkname.encode("utf-8", "surrogateescape")
    walk.only(pair.path, found.name, found.which, content)


def _both(pair: Pair, walk: Walk, siblings: Siblings, found: Both, layer: bool) -> None:
    one, two = found.one, found.two
    headers = [
        file.read_at(member.offset, member.data - member.offset)
        for file, member in ((pair.one, one), (pair.two, two))
    ]
    if headers[0] != headers[1]:
        _headers(pair, walk, found, (headers[0], headers[1]), layer)
    if one.type != two.type:
        siblings.changed.add(found.name)
        walk.found.firm = True
        kinds = [_KINDS.get(member.type, f"of type {member.type!r}") for member in (one, two)]
        walk.say(pair.path, found.name, "unknown", f"{kinds[0]} -> {kinds[1]}", _AGAIN)
    elif one.linkname != two.linkname and one.type in (SYMLINK, HARDLINK):
        siblings.changed.add(found.name)
        walk.text(pair.path, found.name, one.linkname, two.linkname)
    elif one.is_file:
        first, second = _content(pair.one, one), _content(pair.two, two)
        at = first_difference(first, second)
        if at >= 0:
            inner = Pair(joined(pair.path, found.name), found.name, first, second, at)
            siblings.differs(found.name, lambda _: inner)


def _content(file: Positioned, member: TarMember) -> Window:
    return Window(file, member.data, member.size)


def _headers(
    pair: Pair, walk: Walk, found: Both, headers: tuple[bytes, bytes], layer: bool
) -> None:
    one, two = (tar_fields(raw) for raw in headers)
    where = walk, pair.path, found.name
    told = False
    if one.mtime != two.mtime:
        told = True
        time_differs(*where, one.mtime, two.mtime)
    for what, first, second in (
        ("access time", one.atime, two.atime),
        ("change time", one.ctime, two.ctime),
    ):
        if first != second and one.mtime == two.mtime:
            told = True
            time_differs(*where, first or "none", second or "none", what)
    if one.owner != two.owner:
        told = True
        numbers = (one.uid, one.gid) != (two.uid, two.gid)
        walk.found.firm |= layer and numbers
        owner_differs(*where, one.owner, two.owner, image=layer and numbers)
    if one.mode != two.mode and found.one.type != SYMLINK:  # whose mode nothing asks for
        told = True
        walk.found.firm |= layer
        mode_differs(*where, one.mode, two.mode)
    told |= _attributes(pair, walk, found, one, two)
    if not told and found.one.type == found.two.type and found.one.size == found.two.size:
        _spelling(pair, walk, found, one, two)


def _attributes(pair: Pair, walk: Walk, found: Both, one: TarFields, two: TarFields) -> bool:
    told = False
    for key in sorted({*one.xattrs, *two.xattrs}):
        if one.xattrs.get(key) != two.xattrs.get(key):
            told = walk.found.firm = True
            first, second = (
                item.xattrs[key].hex()[:40] if key in item.xattrs else "none" for item in (one, two)
            )
            evidence = f"extended attribute {key}: {first} -> {second}"
            candidates: tuple[Cause, ...] = ("environment", "tool-version")
            walk.say(pair.path, found.name, "unknown", evidence, _AGAIN, candidates)
    if one.device != two.device and found.one.type in "34":
        told = walk.found.firm = True
        evidence = f"device {':'.join(one.device)} -> {':'.join(two.device)}"
        walk.say(pair.path, found.name, "unknown", evidence, _AGAIN)
    return told


def _spelling(pair: Pair, walk: Walk, found: Both, one: TarFields, two: TarFields) -> None:
    """The same said in other words: by another program, or another version of it."""
    if found.one.linkname != found.two.linkname:
        return
    told = "the tar header is written in another way"
    if one.format != two.format:
        told = f"tar header in {one.format} format -> {two.format}"
    elif one.other != two.other:
        keys = sorted(
            key for key in {*one.other, *two.other} if one.other.get(key) != two.other.get(key)
        )
        told = f"pax records differ: {', '.join(keys)}"
    elif found.one.name != found.two.name:
        told = f"the name is spelled {found.one.name!r:.100} -> {found.two.name!r:.100}"
    format_differs(walk, pair.path, found.name, told)


def _rest(pair: Pair, walk: Walk, step: InStep) -> None:
    """What stands after the last entries: zeros, how many depends on the program."""
    if walk.found:
        return
    rests = [
        Window(members.file, members.offset, members.file.size - members.offset)
        for members in (step.one, step.two)
    ]
    if first_difference(rests[0], rests[1]) >= 0:
        sizes = f"{rests[0].size} -> {rests[1].size} bytes after the last entry"
        format_differs(walk, pair.path, "", sizes)
