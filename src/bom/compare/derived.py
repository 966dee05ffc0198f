"""What differs only because something else does is not told twice.

Lists of digests (RECORD, a jar's manifest and signature files, dpkg's md5sums) are looked at
without the rows of files whose own difference is reported; compiled Python modules are not looked
at where their source differs.
"""

from __future__ import annotations

import csv
import io
import re
from contextlib import ExitStack
from dataclasses import replace
from posixpath import dirname, normpath
from typing import TYPE_CHECKING, Final

from bom.archive.positioned import PositionedBytes
from bom.compare.content import LEAF_LIMIT, both, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Set

    from bom.archive.positioned import Positioned
    from bom.compare.walk import Pair, Walk

_WAITING: Final = 100_000  # pairs that are kept until all their siblings are known
_CACHED: Final = re.compile(r"(?:(.*)/)?__pycache__/([^/]+?)\.[^/.]+(?:\.opt-[^/.]+)?\.pyc\Z")
_DIGEST_LINE: Final = re.compile(r"[A-Za-z0-9-]+-Digest(?:-Manifest(?:-Main-Attributes)?)?:")
_SIGNATURE: Final = re.compile(r"META-INF/([^/]+)\.(?:RSA|DSA|EC)\Z", re.IGNORECASE)


class Siblings:
    """The contents of one container's entries: what may derive from others waits for them.

    `changed`: names of entries whose content differs, or that only one of the two has.
    """

    def __init__(self, pair: Pair, walk: Walk) -> None:
        self.changed: set[str] = set(pair.shared)
        self._walk = walk
        self._waiting: list[tuple[int, str, Callable[[ExitStack], Pair]]] = []

    def differs(self, name: str, pair: Callable[[ExitStack], Pair]) -> None:
        """An entry whose content differs. `pair` opens it, for as long as the stack lasts."""
        rank = _rank(name)
        if rank and len(self._waiting) < _WAITING:
            self._waiting.append((rank, name, pair))
            return
        self.changed.add(name)
        with ExitStack() as kept:
            self._walk.content(pair(kept))

    def finish(self) -> None:
        """All entries were seen: look at those that may derive from them."""
        for _, name, pair in sorted(self._waiting, key=lambda item: item[:2]):
            with ExitStack() as kept:
                left = _underived(pair(kept), self.changed)
                self.changed.add(name)
                if left is not None:
                    self._walk.content(left)
        self._waiting.clear()


def _rank(name: str) -> int:
    """In which turn a name is looked at, 0 for what derives from nothing."""
    base = name.rpartition("/")[2]
    if name.endswith(".pyc"):
        return 1
    if base == "MANIFEST.MF":
        return 2
    if name.startswith("META-INF/"):
        return 3 if base.upper().endswith(".SF") else 4 if _SIGNATURE.match(name) else 0
    if name == "control" or base == "RECORD" or base == "md5sums" or base.endswith(".md5sums"):
        return 5
    return 0


def _underived(pair: Pair, changed: Set[str]) -> Pair | None:
    """What is left of a pair without what derives from `changed`; None where nothing is."""
    if pair.name.endswith(".pyc"):
        return None if _source(pair.name) in changed else pair
    signature = _SIGNATURE.match(pair.name)
    if signature is not None:
        return None if f"META-INF/{signature[1]}.SF" in changed else pair
    if not changed or max(pair.one.size, pair.two.size) > LEAF_LIMIT:
        return pair
    base = pair.name.rpartition("/")[2]
    without = _WITHOUT.get(base) or (_sums_without if base.endswith("md5sums") else _manifest)

    def left(content: Positioned) -> bytes:
        text = whole(content).decode("utf-8", "surrogateescape")
        return _applied(without, text, pair.name, changed).encode("utf-8", "surrogateescape")

    one, two = both(left, pair.one, pair.two)
    if one == two:
        return None
    return replace(pair, one=PositionedBytes(one), two=PositionedBytes(two), equal=0)


def _applied(
    without: Callable[[str, str, Set[str]], str], text: str, name: str, changed: Set[str]
) -> str:
    try:
        return without(text, name, changed)
    except (csv.Error, ValueError):
        return text


def _source(name: str) -> str:
    """The source file of a compiled Python module (PEP 3147)."""
    found = _CACHED.match(name)
    if found is None:
        return name[:-1]
    return f"{found[1]}/{found[2]}.py" if found[1] else f"{found[2]}.py"


def _record_without(text: str, name: str, changed: Set[str]) -> str:
    """RECORD (Recording installed projects, "The RECORD file"): names count from the folder that
    the .dist-info folder is in."""
    root = dirname(dirname(name))
    kept = [
        row
        for row in csv.reader(io.StringIO(text, newline=""))
        if row and normpath(f"{root}/{row[0]}" if root else row[0]).lstrip("/") not in changed
    ]
    # the order of rows is that of the files, which is told by itself
    return "\n".join(sorted(",".join(row) for row in kept))


def _sums_without(text: str, name: str, changed: Set[str]) -> str:
    """dpkg's md5sums (deb-md5sums(5)): a digest, two blanks and a path from the root."""
    del name
    return "\n".join(
        line
        for line in text.split("\n")
        if normpath(line.partition("  ")[2] or ".").lstrip("/") not in changed
    )


def _control_without(text: str, name: str, changed: Set[str]) -> str:
    """A .deb's control file states the size of what it installs (deb-control(5))."""
    del name, changed
    return re.sub(r"^Installed-Size:.*\n", "", text, flags=re.MULTILINE)


def _manifest(text: str, name: str, changed: Set[str]) -> str:
    """A jar's manifest or signature file (JAR File Specification, "JAR Manifest", "Signature
    File"): a section for each entry, with its digests."""
    sections = re.split(r"\n{2,}", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = []
    for place, section in enumerate(sections):
        lines = section.replace("\n ", "").split("\n")
        if place and lines and lines[0].removeprefix("Name: ") in changed:
            continue
        if name.upper().endswith(".SF") and "META-INF/MANIFEST.MF" in changed:
            lines = [line for line in lines if not _DIGEST_LINE.match(line)]
        kept.append("\n".join(lines))
    return "\n\n".join(kept).rstrip("\n")


_WITHOUT: Final = {"RECORD": _record_without, "control": _control_without}
