"""What is in a wheel, and where it goes (PEP 427, PyPA "Binary distribution format")."""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.archive.zip_errors import BROKEN_ZIP
from bom.errors import BomError
from bom.installed.python.site import is_cached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_METADATA_LIMIT: Final = 16 << 20  # bytes
_LIBRARY: Final = ("purelib", "platlib")
_PYTHON: Final = b"#!python"


class Member(NamedTuple):
    """A file of a wheel. `scheme`: where it goes, "" for the folder of packages; `path`: below
    that. `digest`: `sha256:HEX`, of a script whose first line names its interpreter without that
    line."""

    scheme: str
    path: str
    digest: str
    is_python_script: bool = False


def members(wheel: Path) -> Iterator[Member]:
    """All that an installer takes out of it, RECORD, its signatures and cached byte code (which is
    made anew) left out.

    Raises BomError where it can't be read.
    """
    with _opened(wheel) as archive:
        for info in archive.infolist():
            if info.is_dir() or is_cached(info.filename):
                continue
            top, _, rest = info.filename.partition("/")
            if top.endswith(".dist-info") and rest.partition(".")[0] == "RECORD":
                continue
            scheme, path = "", info.filename
            if top.endswith(".data") and "/" in rest:
                scheme, _, path = rest.partition("/")
            content = archive.read(info)
            python = scheme == "scripts" and content.startswith(_PYTHON)
            if python:
                content = without_first_line(content)
            digest = f"sha256:{sha256(content).hexdigest()}"
            yield Member("" if scheme in _LIBRARY else scheme, path, digest, python)


def without_first_line(content: bytes) -> bytes:
    return content.partition(b"\n")[2]


def in_site(wheel: Path) -> dict[str, str]:
    """Those that go into the folder of packages: path -> `sha256:HEX`."""
    return {member.path: member.digest for member in members(wheel) if not member.scheme}


def metadata(wheel: Path) -> bytes:
    """METADATA. Raises BomError where there is none."""
    with _opened(wheel) as archive:
        for info in archive.infolist():
            folder, _, name = info.filename.partition("/")
            if folder.endswith(".dist-info") and name == "METADATA":
                if info.file_size > _METADATA_LIMIT:
                    break
                return archive.read(info)
    raise BomError(f"{wheel.name} has no METADATA")


@contextmanager
def _opened(wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            yield archive
    except (*BROKEN_ZIP, OSError) as error:
        raise BomError(f"{wheel.name} can't be read as a wheel") from error
