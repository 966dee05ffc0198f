"""Files below a folder, compared with what unpacking an archive leaves there."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.tar_header import HARDLINK
from bom.errors import BadArtifact, BomError, CannotNormalise
from bom.installed.contents import items
from bom.installed.protocol import (
    additional,
    changed,
    is_below,
    leads_elsewhere,
    missing,
    other_kind,
)
from bom.installed.unpacking import SET_ID, Unpacking, granted
from bom.printable import printable_name, printable_os

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bom.model import Finding

_KINDS: Final = {"file": "a file", "folder": "a folder", "link": "a link", "other": "no file"}
_NO_FOLLOW: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Node(NamedTuple):
    """What stands at a path. `kind`: "file", "folder", "link" or "other". `digest`: hex SHA-256 of
    a file. `link`: a link's target. `rights`: mode bits, -1 where any will do."""

    kind: str
    digest: str = ""
    link: str = ""
    rights: int = -1


def unpacked(tar: Path) -> dict[str, Node]:
    """What unpacking it leaves, by path from the folder; folders that no entry names have no
    rights to be held to. Raises BomError."""
    seen = Unpacking(allow_setuid=True)
    found: dict[str, Node] = {}
    try:
        for item, content in items(tar):
            placed = seen.place(item)
            if not placed.path:
                continue
            if item.member.type == HARDLINK:
                found[placed.path] = found[placed.link]
            elif placed.kind == "file":
                digest = hashlib.sha256()
                end = 0
                for offset, piece in content.pieces():
                    _zeros(digest, offset - end)
                    digest.update(piece)
                    end = offset + len(piece)
                _zeros(digest, item.size - end)
                found[placed.path] = Node("file", digest.hexdigest(), "", placed.mode)
            elif placed.kind == "link":
                found[placed.path] = Node("link", "", placed.link)
            else:
                found[placed.path] = Node("folder", "", "", placed.mode)
    except (BadArtifact, CannotNormalise) as error:
        raise BomError(f"{tar.name} can't be read: {error.reason}") from error
    for path in list(found):
        above = path.rpartition("/")[0]
        while above and above not in found:
            found[above] = Node("folder")
            above = above.rpartition("/")[0]
    return found


def files(root: Path) -> Iterator[tuple[str, Node]]:
    """What stands below `root`, folder by folder. Files are not read: `digest_of` does that. Raises
    BomError."""
    waiting = [("", root)]
    while waiting:
        above, folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            raise BomError(
                f"{printable_os(str(folder))} can't be read: {error.strerror}"
            ) from error
        for entry in reversed(entries):
            mode = entry.stat(follow_symlinks=False).st_mode
            path = above + os.fsencode(entry.name).decode("utf-8", "surrogateescape")
            if stat.S_ISDIR(mode):
                yield path, Node("folder", rights=stat.S_IMODE(mode))
            elif stat.S_ISLNK(mode):
                target = os.fsencode((folder / entry.name).readlink())
                yield path, Node("link", "", target.decode("utf-8", "surrogateescape"))
            else:
                kind = "file" if stat.S_ISREG(mode) else "other"
                yield path, Node(kind, rights=stat.S_IMODE(mode))
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                name = os.fsencode(entry.name).decode("utf-8", "surrogateescape")
                waiting.append((f"{above}{name}/", folder / entry.name))


def digest_of(path: Path) -> str:
    """Hex SHA-256 of a plain file. Raises BomError."""
    try:
        descriptor = os.open(path, _NO_FOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BomError(f"{printable_os(str(path))} can't be read: {error.strerror}") from error


def differences(
    root: Path, expected: Mapping[str, Node], left_out: Iterable[str] = (), where: str = ""
) -> Iterator[Finding]:
    """How what is below `root` differs. `left_out`: paths that are somebody else's, with all below.
    `where`: what stands before paths in findings."""
    others = frozenset(left_out)
    seen: set[str] = set()
    new: set[str] = set()
    for path, node in files(root):
        if is_below(path, others) or is_below(path, new):
            continue
        shown = printable_name(where + path)
        want = expected.get(path)
        if want is None:
            new.add(path)
            yield additional(
                f"{shown} is {_KINDS[node.kind]} that does not belong there",
                shown,
                found=f"sha256:{digest_of(root / path)}" if node.kind == "file" else "",
            )
            continue
        seen.add(path)
        yield from _difference(root / path, shown, want, node)
    gone = {path for path in expected if path not in seen and not is_below(path, others)}
    for path in sorted(gone):
        if path.rpartition("/")[0] not in gone:
            shown = printable_name(where + path)
            want = expected[path]
            digest = f"sha256:{want.digest}" if want.digest else ""
            yield missing(f"{shown} is missing", shown, expected=digest)


def _difference(path: Path, shown: str, want: Node, have: Node) -> Iterator[Finding]:
    if want.kind != have.kind:
        yield other_kind(shown, expected=_KINDS[want.kind], found=_KINDS[have.kind])
        return
    if want.link != have.link:
        yield leads_elsewhere(shown, expected=want.link, found=have.link)
    if want.kind == "file" and (digest := digest_of(path)) != want.digest:
        yield changed(
            f"{shown} is another file",
            shown,
            expected=f"sha256:{want.digest}",
            found=f"sha256:{digest}",
        )
    if want.rights >= 0 and have.rights not in _allowed(want):
        yield changed(
            f"{shown} has other rights",
            shown,
            expected=f"{min(_allowed(want)):04o}",
            found=f"{have.rights:04o}",
        )


def _allowed(want: Node) -> tuple[int, ...]:
    """As it is installed, with and without setuid and setgid."""
    plain = granted(want.rights, is_folder=want.kind == "folder")
    return (plain, plain | (want.rights & SET_ID))


def _zeros(digest: hashlib._Hash, amount: int) -> None:
    while amount > 0:
        step = min(amount, 1 << 20)
        digest.update(bytes(step))
        amount -= step
