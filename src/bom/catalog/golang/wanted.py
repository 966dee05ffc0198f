"""Which files of a view the Go ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.archive.executable import MAGICS
from bom.catalog.protocol import Extract

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping
    from pathlib import PurePosixPath

WORK: Final = "go.work"
NAMES: Final = frozenset(["go.mod", "go.sum", WORK, "go.work.sum", "modules.txt"])

# What lies in these is another's: vendored, installed, or made for tests.
_OTHERS: Final = frozenset(
    ["dist-packages", "gocode", "node_modules", "site-packages", "testdata", "vendor"]
)
_CACHE: Final = "pkg/mod/"  # below GOPATH

# What `take` gives: the toolchain's version and the modules' text, or why there are none.
VERSION: Final = "go.version"
MODULES: Final = "go.modules"
ERROR: Final = "go.error"


def wants(path: PurePosixPath) -> bool:
    """Whether the file states dependencies of a module that is nobody's copy."""
    folders = path.parts[:-1]
    if path.name == "modules.txt":
        if not folders or folders[-1] != "vendor":
            return False
        folders = folders[:-1]
    return (
        path.name in NAMES
        and _OTHERS.isdisjoint(folders)
        and _CACHE not in str(path)
        and not any(folder.startswith("_") for folder in folders)
    )


def _take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    from bom.catalog.golang.build_info import take

    return take(content)


EXTRACT: Final = Extract(_take, MAGICS, frozenset([VERSION, MODULES, ERROR]), programs=True)
