"""Archives of ar: .deb packages and static libraries (ar(5), deb(5))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.compare.content import Window, first_difference, small
from bom.compare.found import joined
from bom.compare.metadata import (
    format_differs,
    mode_differs,
    order_differs,
    owner_differs,
    time_differs,
)
from bom.compare.packed import both_unpacked
from bom.compare.walk import Pair
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.archive.positioned import Positioned
    from bom.compare.walk import Walk

MAGIC: Final = b"!<arch>\n"
_HEADER: Final = 60
_MEMBERS: Final = 200_000
_NAMES: Final = 16 * 1024 * 1024  # bytes of the table of long names
_MOST: Final = 1024 * 1024  # bytes of debian-binary and the like
_TIMES: Final = (
    "Write libraries with `ar rcD` (D: times and owners are 0); dpkg-deb takes SOURCE_DATE_EPOCH."
)
_DEB: Final = ("data.tar", "control.tar")  # the digests in control are of the files in data


@dataclass(frozen=True, slots=True)
class ArMember:
    """`key`: its name, numbered where it stands more than once. Numbers are as stored."""

    key: str
    content: Window
    time: str
    uid: str
    gid: str
    mode: str


class ArContainer:
    name = "ar archive"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        return one.startswith(MAGIC) and two.startswith(MAGIC)

    def compare(self, pair: Pair, walk: Walk) -> None:
        one, two = ({item.key: item for item in members(part)} for part in (pair.one, pair.two))
        both = [key for key in one if key in two]
        for key in both:
            _metadata(walk, pair.path, one[key], two[key])
        _order(walk, pair.path, both, [key for key in two if key in one])
        for key, which, known in (
            *((key, "one", one) for key in one if key not in two),
            *((key, "two", two) for key in two if key not in one),
        ):
            content = known[key].content
            kept = content.read_at(0, min(content.size, _MOST))
            walk.only(pair.path, key, "one" if which == "one" else "two", kept)
        differing = [
            key for key in both if first_difference(one[key].content, two[key].content) >= 0
        ]
        self._contents(pair, walk, [(one[key], two[key]) for key in differing])

    def _contents(self, pair: Pair, walk: Walk, both: list[tuple[ArMember, ArMember]]) -> None:
        changed: frozenset[str] = frozenset()
        for one, two in sorted(both, key=lambda item: _turn(item[0].key)):
            if one.key == "/" and len(both) > 1:
                continue  # a library's index, of what differs too
            path = joined(pair.path, one.key)
            contents = one.content, two.content
            inner = Pair(path, one.key, *contents, max(0, first_difference(*contents)), changed)
            if one.key.startswith(_DEB):
                changed = _tars(inner, walk)
            else:
                walk.content(inner)


def _turn(key: str) -> int:
    return next((place for place, start in enumerate(_DEB) if key.startswith(start)), len(_DEB))


def _tars(pair: Pair, walk: Walk) -> frozenset[str]:
    """A part of a .deb: what differs, by its files' names."""
    from bom.compare.packed import compression_differs
    from bom.compare.tar import compare_tars

    one, two = pair.one, pair.two
    if not pair.name.endswith(".tar"):
        one, two = both_unpacked(one, two, walk.unpacking, walk.kept)
    at = first_difference(one, two)
    if at < 0:
        compression_differs(walk, pair.path, "")
        return frozenset()
    return compare_tars(Pair(pair.path, pair.name, one, two, at, pair.shared), walk)


def _metadata(walk: Walk, container: str, one: ArMember, two: ArMember) -> None:
    if one.time != two.time:
        time_differs(walk, container, one.key, one.time, two.time, remedy=_TIMES)
    if (one.uid, one.gid) != (two.uid, two.gid):
        owners = f"{one.uid}:{one.gid}", f"{two.uid}:{two.gid}"
        owner_differs(walk, container, one.key, *owners)
    if one.mode != two.mode:
        try:
            modes = int(one.mode, 8) & 0o7777, int(two.mode, 8) & 0o7777
        except ValueError:
            format_differs(walk, container, one.key, f"mode {one.mode!r} -> {two.mode!r}")
        else:
            mode_differs(walk, container, one.key, *modes)


def _order(walk: Walk, container: str, one: list[str], two: list[str]) -> None:
    for first, second in zip(one, two, strict=True):
        if first != second:
            order_differs(walk, container, first, second)
            return


def members(file: Positioned) -> Iterator[ArMember]:
    """The members with their names in full (GNU's `//` table, BSD's `#1/N`). Raises BadArtifact."""
    at, names, seen = len(MAGIC), b"", dict[str, int]()
    while at < file.size:
        header = file.read_at(at, _HEADER)
        raw = header[:16].rstrip(b" ")
        size = header[48:58].strip(b" ")
        if header[58:] != b"`\n" or not size.isdigit() or len(seen) > _MEMBERS:
            raise BadArtifact("damaged", f"no ar header at byte {at}")
        start, length = at + _HEADER, int(size)
        if start + length > file.size:
            raise BadArtifact("truncated", "the ar archive ends early")
        content = Window(file, start, length)
        if raw == b"//":
            names = small(content, _NAMES)
        else:
            if raw.startswith(b"#1/") and raw[3:].isdigit() and int(raw[3:]) <= min(length, _MOST):
                long = int(raw[3:])
                raw = content.read_at(0, long).rstrip(b"\0")
                content = Window(file, start + long, length - long)
            elif raw[:1] == b"/" and raw[1:].isdigit():
                raw = names[int(raw[1:]) :].partition(b"\n")[0].removesuffix(b"/")
            elif len(raw) > 1:
                raw = raw.removesuffix(b"/")
            name = raw.decode("utf-8", "surrogateescape")
            seen[name] = seen.get(name, 0) + 1
            key = name if seen[name] == 1 else f"{name} ({seen[name]})"
            numbers = (
                header[first:end].strip(b" ").decode("latin-1")
                for first, end in ((16, 28), (28, 34), (34, 40), (40, 48))
            )
            yield ArMember(key, content, *numbers)
        at = start + length + length % 2
