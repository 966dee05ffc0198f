"""Which files of a view the Rust ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.executable import MAGICS
from bom.catalog.protocol import Extract

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping
    from pathlib import PurePosixPath

LOCK: Final = "Cargo.lock"
MANIFEST: Final = "Cargo.toml"
NAMES: Final = frozenset([LOCK, MANIFEST])

# What lies in these is another's: vendored, installed, unpacked by cargo.
_OTHERS: Final = frozenset(
    [".cargo", "dist-packages", "node_modules", "rustlib", "site-packages", "vendor"]
)
_CACHES: Final = ("cargo/registry/", "cargo/git/", "target/package/")

# What `take` gives: the section as it is, or why it can't be had.
DATA: Final = "rust.audit"
ERROR: Final = "rust.error"


def wants(path: PurePosixPath) -> bool:
    """Whether the file is a project's own manifest or lock."""
    text = str(path)
    return (
        path.name in NAMES
        and _OTHERS.isdisjoint(path.parts[:-1])
        and not any(cache in text for cache in _CACHES)
    )


def _take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    from bom.catalog.rust.audit import take

    return take(content)


EXTRACT: Final = Extract(_take, MAGICS, frozenset([DATA, ERROR]), programs=True)
