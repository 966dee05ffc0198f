"""Which files a distribution brought, and their digests, as its installer recorded them.

PyPA "Recording installed projects" (RECORD), distutils' installed-files.txt, setuptools'
top_level.txt.
"""

from __future__ import annotations

import base64
import csv
import io
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.catalog.integrity import Stated

if TYPE_CHECKING:
    from bom.catalog.protocol import FileView

LIMIT: Final = 16 * 1024 * 1024  # bytes of one record; the largest known have 5 MB
TOP_LEVEL_RULE: Final = "top_level"
# What an installer writes there itself, so that it says nothing about what was installed.
INSTALLERS_OWN: Final = frozenset(
    [
        "RECORD",
        "INSTALLER",
        "REQUESTED",
        "bom-install.json",
        "direct_url.json",
        "uv_build.json",
        "uv_cache.json",
    ]
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of one distribution, relative to the view's root.

    `paths`: None where nothing lists them, or nothing that can be read. `stated`: the digests
    that stand there. `folders`, `modules`: where nothing lists its files, what it surely brought.
    `moved`: of `paths`, scripts and data that lie below the packages' folder and not beside it.
    """

    paths: tuple[str, ...] | None = None
    stated: tuple[Stated, ...] = ()
    folders: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    moved: frozenset[str] = frozenset()


def read_record(raw: bytes, site: str) -> Listed:
    """A RECORD whose distribution lies in the folder `site`."""
    if len(raw) > LIMIT:
        return Listed()
    rows = csv.reader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline=""))
    paths: dict[str, None] = {}
    stated = []
    try:
        for row in rows:
            path = below_root(site, row[0]) if row else ""
            if not path or path in paths:
                continue
            paths[path] = None
            if len(row) > 1 and (found := _stated(path, row[1])):
                stated.append(found)
    except csv.Error:  # a NUL or a field without end: pip can't read it either
        return Listed()
    return Listed(tuple(paths), tuple(stated))


def read_installed_files(raw: bytes, info: str) -> Listed:
    """An egg-info's installed-files.txt: one path a line, relative to the egg-info `info`."""
    if len(raw) > LIMIT:
        return Listed()
    lines = raw.decode("utf-8", "surrogateescape").splitlines()
    return Listed(tuple(dict.fromkeys(below_root(info, line) for line in lines if line)))


def read_top_level(raw: bytes, site: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The modules and the folders of the packages that a top_level.txt names."""
    names = [line.strip() for line in raw[:65536].decode("utf-8", "replace").splitlines()]
    names = [name for name in names if name.isidentifier()]
    prefix = f"{site}/" if site else ""
    return tuple(f"{prefix}{name}.py" for name in names), tuple(prefix + name for name in names)


def content(view: FileView, listed: Listed, info: str) -> list[str]:
    """Those of its files that the content hash is of (docs/format.md)."""
    own = {f"{info}/{name}" for name in INSTALLERS_OWN}
    found = [*(listed.paths or ()), *listed.modules]
    for folder in listed.folders:
        found += [entry.path for entry in view.below(folder)]
    return [path for path in found if not path.endswith((".pyc", ".pyo")) and path not in own]


def below_root(folder: str, path: str) -> str:
    """`path` as seen from `folder`, never above the root; "" where it can't be a path."""
    if "\0" in path:
        return ""
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def _stated(path: str, spelled: str) -> Stated | None:
    """`sha256=` and urlsafe base64 without padding, as Stated has it."""
    algorithm, _, encoded = spelled.partition("=")
    if not encoded or len(encoded) > 128:
        return None
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        digest = base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        return Stated(path, "unreadable", "")
    return Stated(path, algorithm.lower(), digest.hex())
