"""What the laws of normalising ask of every format."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import strategies as st

from bom.errors import BomError
from bom.normalise import normalise

EPOCH = 1_700_000_000


def names(exclude: str) -> st.SearchStrategy[str]:
    """Relative paths whose parts have none of these characters."""
    part = st.text(
        st.characters(codec="utf-8", exclude_characters=exclude, exclude_categories=["Cs"]),
        min_size=1,
        max_size=12,
    ).filter(lambda part: part not in (".", ".."))
    return st.lists(part, min_size=1, max_size=3).map("/".join)


def normalised(built: bytes, name: str, epoch: int = EPOCH) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, name), Path(folder, "out")
        path.write_bytes(built)
        assert normalise(path, out, epoch) is not None
        return out.read_bytes()


def stays(once: bytes, name: str) -> bool:
    """Whether normalising what is normalised changes nothing, and says so."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, name), Path(folder, "out")
        path.write_bytes(once)
        return normalise(path, out, EPOCH) == () and out.read_bytes() == once


def damaged(built: bytes, data: st.DataObject) -> bytes:
    """The same with a few bytes overwritten."""
    broken = bytearray(built)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    return bytes(broken)


def rewritten(built: bytes, name: str) -> bytes | None:
    """What came out, None where it was refused: then nothing may have been written."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, name), Path(folder, "out")
        path.write_bytes(built)
        out.touch()
        try:
            changes = normalise(path, out, EPOCH)
        except BomError:
            changes = None
        assert (changes is None) == (out.stat().st_size == 0)
        return None if changes is None else out.read_bytes()
