"""Compressed files: what their headers say, what is in them, and by which compressor."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bom.archive import decompress
from bom.archive.gzip import MAGIC, read_header
from bom.compare.content import both, first_difference
from bom.compare.metadata import format_differs, seconds_text
from bom.compare.walk import Pair
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from bom.archive.positioned import Positioned
    from bom.compare.content import Unpacking
    from bom.compare.walk import Walk

_ENDINGS: Final = (".gz", ".tgz", ".xz", ".bz2", ".zst", ".tzst", ".txz", ".tbz2")
_LONGER: Final = {".tgz": ".tar", ".tzst": ".tar", ".txz": ".tar", ".tbz2": ".tar"}

_NO_TIME: Final = (
    "Compress with `gzip -n` (Python: gzip.GzipFile(mtime=0)), or build with `--normalize`."
)


class PackedContainer:
    name = "compressed file"

    def recognises(self, one: bytes, two: bytes, name: str) -> bool:
        form = decompress.form_of(one)
        return bool(form) and form == decompress.form_of(two)

    def compare(self, pair: Pair, walk: Walk) -> None:
        headers_differ = _headers(pair, walk)
        one, two = both_unpacked(pair.one, pair.two, walk.unpacking, walk.kept)
        at = first_difference(one, two)
        if at >= 0:
            # a compressed tar is one container to whoever looks at it
            walk.content(Pair(pair.path, inner_name(pair.name), one, two, at, pair.shared))
        elif not headers_differ:
            compression_differs(walk, pair.path, "")


def inner_name(name: str) -> str:
    """The name of what is in a compressed file, as programs that unpack it choose it."""
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)] + _LONGER.get(ending, "")
    return name


def compression_differs(walk: Walk, container: str, name: str) -> None:
    """The content is the same: by which program, level or number of threads it was compressed
    can't be told from it."""
    told = "the same content, compressed in another way"
    format_differs(walk, container, name, told, ("environment", "parallelism", "tool-version"))


def unpacked(content: Positioned, unpacking: Unpacking, kept: ExitStack) -> Positioned:
    """What a compressed content holds. Raises BadArtifact."""
    return unpacking.content(_unpacked(content), kept)


def both_unpacked(
    one: Positioned, two: Positioned, unpacking: Unpacking, kept: ExitStack
) -> tuple[Positioned, Positioned]:
    """The same of two contents, at the same time where they are large. Raises BadArtifact."""
    if min(one.size, two.size) < _LARGE:
        return unpacked(one, unpacking, kept), unpacked(two, unpacking, kept)
    stop = threading.Event()
    with ThreadPoolExecutor(1, "unpack") as aside:
        second = aside.submit(unpacking.content, _until(stop, _unpacked(two)), kept)
        try:
            return unpacked(one, unpacking, kept), second.result()
        except BaseException:
            stop.set()
            raise


def _until(stop: threading.Event, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stop.is_set():
            return
        yield piece


def _unpacked(content: Positioned) -> Iterator[bytes]:
    form = decompress.form_of(content.read_at(0, min(content.size, decompress.MAGIC)))
    out: list[bytes] = []
    stream = decompress.stream(form, out.append)
    for start in range(0, content.size, _PIECE):
        stream.feed(content.read_at(start, min(_PIECE, content.size - start)))
        yield from out
        out.clear()
    stream.close()
    yield from out


# What one piece inflates to is at hand as a whole: at most a thousand times as much.
_PIECE: Final = 16 * 1024
_LARGE: Final = 1 << 20  # bytes, from which on another thread is worth it


def _headers(pair: Pair, walk: Walk) -> bool:
    """Gzip's header (RFC 1952 2.3). Whether something of it was told."""
    headers = [_header(content) for content in (pair.one, pair.two)]
    one, two = headers
    if one is None or two is None or one == two:
        return False
    if one[4:8] != two[4:8]:
        times = both(lambda raw: str(int.from_bytes(raw[4:8], "little")), one, two)
        told = f"time in the gzip header {seconds_text(times[0])} -> {seconds_text(times[1])}"
        walk.say(pair.path, "", "timestamp", told, _NO_TIME)
    if one[10:] != two[10:]:
        first, second = (raw[10:].strip(b"\0").decode("latin-1") for raw in (one, two))
        firm = walk.found.firm
        walk.text(pair.path, "name in the gzip header", first, second)
        walk.found.firm = firm  # which normalising takes out
    if (one[3], one[8:10]) != (two[3], two[8:10]) and one[10:] == two[10:]:
        told = f"gzip header: level and system {one[8:10].hex()} -> {two[8:10].hex()}"
        format_differs(walk, pair.path, "", told)
    return True


def _header(content: Positioned) -> bytes | None:
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        piece = content.read_at(at, min(size, content.size - at))
        at += len(piece)
        return piece

    with suppress(BadArtifact):
        if content.size >= len(MAGIC) and content.read_at(0, len(MAGIC)) == MAGIC:
            return read_header(read)
    return None
