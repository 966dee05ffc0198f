"""A folder of Python packages as it is on disk: what is installed there, with which files.

Nothing is run and nothing imported: dist-info folders and RECORD files are read (PyPA "Recording
installed projects").
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from packaging.utils import canonicalize_name

from bom import sha256sum
from bom.catalog.python import record
from bom.input import open_plain, read_bounded
from bom.installed.python import receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from io import BufferedReader

_METADATA_LIMIT: Final = 16 << 20  # bytes
CACHE: Final = "__pycache__"
_COMPILED: Final = (".pyc", ".pyo")
# The folder that `bom install` works in; gone when it is done.
WORK: Final = ".bom-install"


@dataclass(frozen=True)
class Distribution:
    """One installed package. `name` is normalised. `rows`: the files of its RECORD, relative to
    the folder of packages (`..` where they are outside), with the digests that it states
    (`sha256:HEX`; "" for none). None: it has no RECORD that can be read."""

    info: Path
    name: str
    version: str
    requires: tuple[str, ...]
    extras: frozenset[str]
    rows: Mapping[str, str] | None

    @property
    def site(self) -> Path:
        return self.info.parent

    def files(self) -> Iterator[tuple[str, Path]]:
        """What counts of its files, cached byte code left out: path in RECORD, and where that
        is."""
        for path in self.rows or ():
            if not is_cached(path):
                yield path, placed(self.site, path)

    @cached_property
    def is_editable(self) -> bool:
        try:
            return b'"editable": true' in (self.info / "direct_url.json").read_bytes()[:4096]
        except OSError:
            return False


def is_cached(path: str) -> bool:
    """Whether a file is byte code that an interpreter makes anew as it needs it. One beside the
    sources is not: Python imports that by itself."""
    return path.endswith(_COMPILED) and CACHE in path.split("/")


def placed(site: Path, path: str) -> Path:
    """Where a path of RECORD is. `..` is resolved in the text, as pip does."""
    return Path(os.path.normpath(site / path))


def distributions(site: Path) -> dict[str, Distribution]:
    """By normalised name, what has a dist-info in the folder; the first of several counts, as
    importlib.metadata has it. Empty where there is no such folder."""
    found: dict[str, Distribution] = {}
    try:
        names = sorted(entry.name for entry in site.iterdir())
    except OSError:
        return found
    for name in names:
        if name.endswith(".dist-info"):
            item = _distribution(site / name)
            if item is not None:
                found.setdefault(item.name, item)
    return found


def _distribution(info: Path) -> Distribution | None:
    try:
        raw = read_bounded(info / "METADATA", _METADATA_LIMIT)
    except OSError:
        return None
    message = BytesHeaderParser().parsebytes(raw)
    name = str(message.get("Name") or "").strip()
    if not name:
        return None
    return Distribution(
        info,
        canonicalize_name(name),
        str(message.get("Version") or "").strip(),
        tuple(str(text) for text in message.get_all("Requires-Dist") or ()),
        frozenset(canonicalize_name(str(e)) for e in message.get_all("Provides-Extra") or ()),
        read_rows(info / "RECORD"),
    )


def read_rows(path: Path) -> dict[str, str] | None:
    """The rows of a RECORD: path as it stands there, normalised -> `ALGORITHM:HEX` or ""."""
    try:
        raw = read_bounded(path, record.LIMIT)
    except OSError:
        return None
    # read as below a folder that is deep enough for every `..` of an installed script
    listed = record.read_record(raw, _DEEP)
    if listed.paths is None:
        return None
    stated = {item.path: f"{item.algorithm}:{item.value}" for item in listed.stated}
    return {_relative(path): stated.get(path, "") for path in listed.paths}


_DEEP: Final = "/".join(["d"] * 32)


def _relative(path: str) -> str:
    return os.path.relpath(f"/{path}", f"/{_DEEP}")


def digest(path: Path) -> str:
    """`sha256:HEX` of a plain file, a link followed; "" where there is none to be read."""
    try:
        with open_plain(path) as stream:
            return f"sha256:{file_digest(cast('BufferedReader', stream), 'sha256').hexdigest()}"
    except OSError:
        return ""


def package_digest(item: Distribution, *, without: frozenset[str] = frozenset()) -> str:
    """The one digest of a receipt. A file that is missing counts as one without a digest.

    `without`: names in the dist-info that are left out.
    """
    own = {f"{item.info.name}/{name}" for name in without}
    return sha256sum.digest(
        (path, digest(place).removeprefix("sha256:"))
        for path, place in item.files()
        if path not in own
    )


def own_digest(item: Distribution) -> str:
    """The same of the artifact itself, whose RECORD lists the receipt."""
    return package_digest(item, without=frozenset({receipt.NAME, "RECORD"}))


def unowned(site: Path, found: Mapping[str, Distribution]) -> list[str]:
    """The files below the folder that no package lists, relative to it, sorted. Cached byte code,
    and what `bom install` works with, is left out; byte code beside the sources is not, for Python
    imports that without a source."""
    owned = {path for item in found.values() for path in item.rows or ()}
    owned |= {f"{item.info.name}/METADATA" for item in found.values() if item.rows is None}
    out: list[str] = []
    prefix = len(str(site)) + 1
    for folder, names, files in os.walk(site):
        names[:] = [name for name in names if name not in (CACHE, WORK)]
        links = [name for name in names if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            path = os.path.join(folder, name)[prefix:]  # noqa: PTH118 - of every file there is
            if path not in owned:
                out.append(path)
    return sorted(out)


def unowned_scripts(folder: Path, found: Iterable[Distribution]) -> list[str]:
    """The names in an environment's folder of programs that no package lists, sorted."""
    owned = {place.name for item in found for _, place in item.files() if place.parent == folder}
    try:
        names = [entry.name for entry in folder.iterdir() if not entry.is_dir()]
    except OSError:
        return []
    return sorted(set(names) - owned)
