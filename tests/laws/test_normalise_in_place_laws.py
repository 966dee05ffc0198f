"""What is changed in place in an image's layers comes out as what is read and written anew."""

from __future__ import annotations

import io
import struct
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.normalise.images import EPOCH, Entry, Image, docker, entry, layer

from bom.archive.tar import TarWalk
from bom.archive.tar_header import BLOCK
from bom.errors import BadArtifact, CannotNormalise
from bom.normalise import normalise
from bom.normalise.images import entries, rewriting
from bom.normalise.moments import Epoch
from bom.normalise.tar_entry import RENEWED, encode, parse, renewed

if TYPE_CHECKING:
    from bom.normalise.protocol import Change

FORMS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
TIMES = st.sampled_from([0, 1, EPOCH - 1, EPOCH, EPOCH + 7, 8**11 - 1])
NAMES = st.sampled_from(
    ["a", "lib/b.py", "lib/b.pyc", "lib/__pycache__/b.cpython-311.pyc", "é", "./c", "d/" * 60 + "e"]
    + ["n" * length for length in (99, 100, 101)]
)
OWNERS = st.sampled_from([0, 1000, 8**7 - 1, 8**7])
CONTENTS = st.sampled_from([0, 1, 511, 512, 513, 1500, 5000]).map(
    lambda size: b"content "[:size] * size
)
LAW = settings(max_examples=150, deadline=None)


@st.composite
def one(draw: st.DrawFn, name: str) -> Entry:
    """An entry as any builder may write it."""
    kind = draw(st.sampled_from([tarfile.REGTYPE] * 5 + [tarfile.DIRTYPE, tarfile.SYMTYPE]))
    more: dict[str, Any] = {
        "mtime": draw(TIMES),
        "uid": draw(OWNERS),
        "gid": draw(OWNERS),
        "uname": draw(st.sampled_from(["", "root"])),
        "gname": draw(st.sampled_from(["", "wheel"])),
        "mode": draw(st.sampled_from([0o644, 0o755, 0o4755, 0o100644])),
    }
    if kind == tarfile.SYMTYPE:
        return entry(name, b"", kind, linkname="a", **more)
    if kind == tarfile.DIRTYPE:
        return entry(name, b"", kind, **more)
    if name.endswith(".pyc"):
        stated = draw(TIMES) & 0xFFFFFFFF
        head = struct.pack("<4sLLL", b"\xa7\r\r\n", 0, stated, 5)
        return entry(name, head + draw(CONTENTS), **more)
    if name.endswith(".py"):
        return entry(name, b"x = 1", **more)
    return entry(name, draw(CONTENTS), **more)


@LAW
@given(st.data(), FORMS, TIMES, st.lists(st.tuples(st.integers(0, 511), st.binary(min_size=1))))
def test_a_header_changed_in_place_is_the_one_written_anew(
    data: st.DataObject, form: int, time: int, dents: list[tuple[int, bytes]]
) -> None:
    info, content = data.draw(one(data.draw(NAMES)))
    try:
        made = bytearray(layer((info, content), form=form))
    except ValueError:
        return  # that format has no room for it
    for place, byte in dents[:2]:
        if not 124 <= place < 136:
            made[place : place + 1] = byte[:1]
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:BLOCK])
    try:
        member = next(iter(TarWalk(io.BytesIO(made))), None)
        if member is None:
            return
        raw = bytes(made[member.offset : member.data])
        found = parse(raw, member)
    except (BadArtifact, CannotNormalise):
        return
    name = member.name.rstrip("/") + ("/" if member.is_directory else "")
    if len(raw) != BLOCK:
        return
    changed = renewed(raw, name, member.size, time)
    if changed is not None:
        assert (member.type, found.extensions, found.device) in (
            ("0", {}, (0, 0)),
            ("5", {}, (0, 0)),
        )
        anew = encode(
            name.encode("utf-8", "surrogateescape"),
            member.type.encode(),
            member.mode,
            member.size,
            time,
            owner=found.owner,
        )
        assert raw[:RENEWED] + changed == anew


@LAW
@given(st.data(), FORMS, st.lists(NAMES, min_size=1, max_size=8, unique=True), st.booleans())
def test_an_image_changed_in_place_is_the_one_written_anew(
    data: st.DataObject, form: int, names: list[str], has_source: bool
) -> None:
    drawn = [data.draw(one(name)) for name in names]
    epoch = Epoch.of(EPOCH, [(1, 5), (EPOCH - 1, 5)], [1]) if has_source else EPOCH
    try:
        made = layer(*drawn, form=form)
    except ValueError:
        return  # that format has no room for it
    made = _untidy(made)
    image = Image([made], form=data.draw(st.sampled_from(["", "gzip"])))
    with tempfile.TemporaryDirectory() as name:
        path = docker(Path(name) / "in.tar", image)
        piece = data.draw(st.sampled_from([BLOCK, 1024, 4096, 1 << 20]))
        with (
            patch.object(rewriting, "_PIECE", piece),
            patch.object(rewriting, "_SMALL", data.draw(st.sampled_from([1, 1024, 1 << 18]))),
        ):
            in_place = _normalised(path, epoch)
        with (
            patch.object(rewriting, "renewed", return_value=None),
            patch.object(entries, "plain_file", return_value=None),
        ):
            anew = _normalised(path, epoch)
    assert in_place == anew


def _untidy(made: bytes) -> bytes:
    """The same layer with something in what fills up the last blocks of contents; plain headers
    with device numbers, as Go writes them, every other one with something in the link's field."""
    changed = bytearray(made)
    for number, member in enumerate(TarWalk(io.BytesIO(made))):
        end = member.data + member.size
        changed[end : member.end] = b"x" * (member.end - end)
        if member.is_file:
            at = member.data - BLOCK
            changed[at + 329 : at + 345] = b"0000000\0" * 2
            changed[at + 157] = ord("x") * (number % 2)
            changed[at + 148 : at + 156] = b" " * 8
            changed[at + 148 : at + 156] = b"%06o\0 " % sum(changed[at : at + BLOCK])
    return bytes(changed)


def _normalised(path: Path, epoch: int) -> tuple[bytes, tuple[Change, ...]] | str:
    out = path.with_suffix(".out")
    try:
        made = normalise(path, out, epoch)
    except (BadArtifact, CannotNormalise) as error:  # in the same words
        return f"{type(error).__name__}: {error}"
    assert made is not None
    return out.read_bytes(), made
