"""What tests of normalising share: a file written, normalised, and its result looked at."""

from __future__ import annotations

import importlib.util
import os
import py_compile
from typing import TYPE_CHECKING

import pytest

from bom.errors import BomError
from bom.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from bom.normalise import Change

EPOCH = 1_700_000_000
TIMESTAMP = py_compile.PycInvalidationMode.TIMESTAMP
CACHED = importlib.util.cache_from_source("mod.py")


class Lab:
    """A folder with one artifact and what normalising makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changes: tuple[Change, ...] = ()

    def normalise(self, path: Path) -> Path:
        """The normalised file, of the same name in another folder."""
        out = self.folder / "normalised" / path.name
        out.parent.mkdir(exist_ok=True)
        out.touch()
        changes = normalise(path, out, EPOCH)
        assert changes is not None
        self.changes = changes
        return out

    def bytes_of(self, built: bytes, name: str) -> bytes:
        path = self.folder / name
        path.write_bytes(built)
        return self.normalise(path).read_bytes()

    def refusal(self, built: bytes, name: str) -> BomError:
        """Why it is refused; nothing is left of it then."""
        path, out = self.folder / name, self.folder / "refused"
        path.write_bytes(built)
        with pytest.raises(BomError) as caught:
            normalise(path, out, EPOCH)
        assert out.read_bytes() == b""
        left = {item.name for item in self.folder.iterdir() if not item.is_dir()}
        assert left == {name, "refused"}
        return caught.value


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def compiled(
    folder: Path, time: int, mode: py_compile.PycInvalidationMode = TIMESTAMP
) -> tuple[bytes, bytes]:
    """mod.py of this time in the folder, and compiled below it: what both hold."""
    source = folder / "mod.py"
    source.write_text("answer = 42\n")
    os.utime(source, (time, time))
    py_compile.compile(str(source), doraise=True, invalidation_mode=mode)
    return source.read_bytes(), (folder / CACHED).read_bytes()
