"""The one order of a layer's entries: that of walking its folders by the names' bytes.

It means the same as every order in which an engine may have written them: a folder stands before
what is in it, what removes something from the layers below before what is there now ("Whiteouts"
in the OCI image specification, "Image Layer Filesystem Changeset"), a file before hard links to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.tar_header import DIRECTORY, HARDLINK
from bom.errors import CannotNormalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.normalise.images.entries import Entry

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
_Key = tuple[bytes, bytes]


def arranged(entries: Sequence[Entry]) -> list[Entry]:
    """The entries in order. Raises CannotNormalise where another order could mean another thing:
    a name that stands twice, something below what is no folder, a removal after its successor."""
    by_path: dict[str, Entry] = {}
    for entry in entries:
        if not entry.path and entry.type != DIRECTORY:
            raise CannotNormalise("a layer has an entry without a name")
        if entry.path in by_path:
            raise CannotNormalise(f"a layer holds {entry.path!r:.200} twice")
        by_path[entry.path] = entry
    _refuse_below_files(by_path)
    _refuse_late_removals(by_path)
    keyed: list[tuple[_Key, Entry]] = []
    for entry in entries:
        key = (_key(entry.path), b"")
        if entry.type == HARDLINK:
            target = _file(entry, by_path)
            if target is not None:
                if target.path != entry.link:
                    entry = entry._replace(link=target.path)
                first = _key(target.path)
                if key[0] < first:
                    key = (first, key[0])
        keyed.append((key, entry))
    keyed.sort(key=_by_key)
    return [entry for _, entry in keyed]


def _by_key(item: tuple[_Key, Entry]) -> _Key:
    return item[0]


def _key(path: str) -> bytes:
    """Compares as the path's names one by one, removals before everything else in a folder."""
    if WHITEOUT in path:
        names = path.split("/")
        path = "/".join(f"\1{name}" if name.startswith(WHITEOUT) else name for name in names)
    return path.encode("utf-8", "surrogateescape").replace(b"/", b"\0")


def _file(link: Entry, by_path: dict[str, Entry]) -> Entry | None:
    """The file of this layer that a hard link means, None for one of a layer below."""
    seen = {link.path}
    target = by_path.get(link.link)
    while target is not None and target.type == HARDLINK:
        if target.path in seen:
            raise CannotNormalise(f"a layer's hard link {link.path!r:.200} leads to itself")
        seen.add(target.path)
        target = by_path.get(target.link)
    return target


def _refuse_below_files(by_path: dict[str, Entry]) -> None:
    folders: set[str] = set()
    for path in by_path:
        above = path.rpartition("/")[0]
        while above and above not in folders:
            entry = by_path.get(above)
            if entry is not None and entry.type != DIRECTORY:
                raise CannotNormalise(
                    f"a layer puts {path!r:.200} below something that's no folder"
                )
            folders.add(above)
            above = above.rpartition("/")[0]


def _refuse_late_removals(by_path: dict[str, Entry]) -> None:
    places: dict[str, int] | None = None
    for path in by_path:
        if WHITEOUT not in path:
            continue
        folder, slash, name = path.rpartition("/")
        if not name.startswith(WHITEOUT) or name == OPAQUE:
            continue
        removed = f"{folder}{slash}{name.removeprefix(WHITEOUT)}"
        if removed in by_path:
            if places is None:
                places = {name: number for number, name in enumerate(by_path)}
            if places[removed] < places[path]:
                raise CannotNormalise(f"a layer removes {removed!r:.200} after putting it there")
