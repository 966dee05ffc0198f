"""Which `bom` this is: its version and the digest of its own code."""

from __future__ import annotations

import hashlib
from pathlib import Path


def own_digest() -> str:
    """Hex SHA-256 of this package's files by the rule for installed packages (docs/format.md):
    over their `sha256sum` lines, sorted bytewise, paths relative to the site directory."""
    package = Path(__file__).parent
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(package.parent)}\n"
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    lines.sort(key=lambda line: line[66:].encode())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
