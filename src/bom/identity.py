"""Which `bom` this is: its version and the digest of its own code."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bom import sha256sum


def own_digest() -> str:
    """Hex SHA-256 of this package's files by the rule for installed packages (docs/format.md),
    paths relative to the site directory."""
    package = Path(__file__).parent
    return sha256sum.digest(
        (
            path.relative_to(package.parent).as_posix(),
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )
