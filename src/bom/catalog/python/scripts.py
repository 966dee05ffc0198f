"""Scripts that state what they need in a comment (PEP 723, PyPA "Inline script metadata")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.python.manifest import Manifest, read_script
from bom.catalog.stated import Unreadable, decoded
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from bom.catalog.protocol import FileView

_OPEN: Final = "# /// script"
_CLOSE: Final = "# ///"
_LINES: Final = 10_000  # of a script and of its block


def read(files: FileView, path: str) -> Manifest | None:
    """What the script at `path` states; None where it states nothing."""
    content = files.read(path)
    if content is None or _OPEN.encode() not in content:
        return None
    location = printable_name(path)
    try:
        block = _block(decoded(content))
        return None if block is None else read_script(block[0], location, block[1])
    except Unreadable as error:
        return Manifest(gaps=(Gap("dependency.declared", location, f"the script {error}"),))


def _block(source: str) -> tuple[str, int] | None:
    """The TOML in the script's block, and the number of the line before it."""
    lines = source.splitlines()
    starts = [number for number, line in enumerate(lines) if line.rstrip() == _OPEN]
    if not starts:
        return None
    inside: list[str] = []
    closed = 0
    for line in lines[starts[0] + 1 : starts[0] + _LINES]:
        if line != "#" and not line.startswith("# "):
            break
        inside.append(line[2:])
        if line.rstrip() == _CLOSE:
            closed = len(inside)  # the last one closes it: TOML may hold such a line
    if not closed:
        raise Unreadable("has a block of metadata that isn't closed")
    if any(start > starts[0] + closed for start in starts):
        raise Unreadable("has two blocks of metadata")
    return "\n".join(inside[: closed - 1]), starts[0] + 1
