"""Which files of a view the npm ecosystem reads, by their paths alone."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from bom.catalog.node.places import FOLDER, MANIFEST, package_folder
from bom.catalog.protocol import Extract

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

# What installers note of what they installed.
NPM_RECORD: Final = f"{FOLDER}/.package-lock.json"
PNPM_RECORD: Final = "node_modules/.pnpm/lock.yaml"
LOADERS: Final = frozenset([".pnp.cjs", ".pnp.js"])  # of Yarn's Plug'n'Play
RECORDS: Final = frozenset(
    [MANIFEST, *(posixpath.basename(path) for path in (NPM_RECORD, PNPM_RECORD)), *LOADERS]
)

SHRINKWRAP: Final = "npm-shrinkwrap.json"
NPM_LOCK: Final = "package-lock.json"
YARN_LOCK: Final = "yarn.lock"
PNPM_LOCK: Final = "pnpm-lock.yaml"
BUN_LOCK: Final = "bun.lock"
BUN_BINARY: Final = "bun.lockb"
# npm's own order (a shrinkwrap wins), then the others'; package.json's `packageManager` decides.
LOCKS: Final = {
    SHRINKWRAP: "npm",
    NPM_LOCK: "npm",
    YARN_LOCK: "yarn",
    PNPM_LOCK: "pnpm",
    BUN_LOCK: "bun",
    BUN_BINARY: "bun",
}
NAMES: Final = frozenset([*LOCKS, MANIFEST])
# Folders of installed packages and of package managers' caches: what lies there is theirs.
_OTHERS: Final = frozenset(
    (
        *("node_modules", "bower_components", "site-packages", "dist-packages", "vendor", "gems"),
        *(".yarn", ".npm", ".bun", ".cache", ".pnpm-store", ".cargo", ".rustup", ".nvm", ".git"),
    )
)
# Files of packages by the Filesystem Hierarchy Standard; projects are put elsewhere.
_SYSTEM: Final = ("usr/lib/", "usr/lib64/", "usr/libexec/", "usr/share/", "lib/", "var/lib/")

# What `take` gives of a zip of Yarn's: its package.json, or why there is none.
PART: Final = "npm:package.json"
ERROR: Final = "npm:error"
# What it gives of a tarball that npm installs from, and where npm keeps those.
TARBALL: Final = "npm:tarball"
CACHED: Final = "_cacache/content-v2/sha512/"
_GZIP: Final = b"\x1f\x8b"


def wants(path: str) -> bool:
    """Whether the file tells of what is installed, or is a project's lock or manifest."""
    name = posixpath.basename(path)
    if tells_of_installed(path, name):
        return True
    return name in NAMES and is_project_file(path)


def tells_of_installed(path: str, name: str) -> bool:
    """Whether the file with that base name tells of what is installed."""
    if path.endswith(MANIFEST):
        return package_folder(path) != ""
    return name in LOADERS or is_record(path, NPM_RECORD) or is_record(path, PNPM_RECORD)


def is_record(path: str, record: str) -> bool:
    """Whether `path` is the `record` of some folder, or of the root."""
    return path == record or path.endswith(f"/{record}")


def is_project_file(path: str) -> bool:
    """Whether a manifest or lock at `path` is a project's own."""
    folder = posixpath.dirname(path)
    return not path.startswith(_SYSTEM) and _OTHERS.isdisjoint(folder.split("/"))


def _take(content: bytes | mmap.mmap, /) -> Mapping[str, bytes]:
    if content[:2] == _GZIP:
        from bom.catalog.node import tarball

        return tarball.take(content)
    from bom.catalog.node.plugnplay import take

    return take(content)


EXTRACT: Final = Extract(
    _take,
    (b"PK\x03\x04", _GZIP),
    frozenset([PART, ERROR, TARBALL]),
    (".zip", ".tgz"),
    within=(CACHED,),
)
