"""The digest of a file, and one over several files, which anybody can get too:

    sha256sum FILES | LC_ALL=C sort | sha256sum

That stands in the BOM as the hash of what is installed (`bom-seal:hash:of` is `installed-files`).
"""

from __future__ import annotations

from hashlib import file_digest, sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def of_file(path: Path) -> str:
    """Hex SHA-256 of a file's content. Raises OSError."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def digest(files: Iterable[tuple[str, str]]) -> str:
    """Hex SHA-256 over files given as (path relative to the root, hex SHA-256), in any order.

    Paths may hold surrogate escapes.
    """
    pairs = list(files)
    text = "".join(sorted([f"{content}  {path}\n" for path, content in pairs]))
    if _plain(text, len(pairs)):
        return sha256(text.encode("ascii")).hexdigest()
    return sha256(b"".join(sorted([_line(path, content) for path, content in pairs]))).hexdigest()


def digest_by_path(files: Iterable[tuple[str, str]]) -> str:
    """The same with the lines sorted bytewise by path: `bom-seal:files:digest`."""
    pairs = sorted(files)
    text = "".join([f"{content}  {path}\n" for path, content in pairs])
    if _plain(text, len(pairs)):
        return sha256(text.encode("ascii")).hexdigest()
    pairs.sort(key=lambda pair: pair[0].encode("utf-8", "surrogateescape"))
    return sha256(b"".join([_line(path, content) for path, content in pairs])).hexdigest()


def _plain(text: str, lines: int) -> bool:
    """Whether characters sort as bytes do and nothing is escaped, as nearly always."""
    if not text.isascii() or "\\" in text or "\r" in text:
        return False
    return text.count("\n") == lines


def _line(path: str, content: str) -> bytes:
    """A line as GNU sha256sum writes it, special characters escaped as it does."""
    raw = path.encode("utf-8", "surrogateescape")
    if b"\\" in raw or b"\n" in raw or b"\r" in raw:
        escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        return b"\\" + content.encode("ascii") + b"  " + escaped + b"\n"
    return content.encode("ascii") + b"  " + raw + b"\n"
