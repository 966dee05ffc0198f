"""The laws that normalising tars keeps, over tars that tarfile makes of anything."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.normalised import EPOCH, damaged, names, normalised, rewritten, stays

LONG = st.integers(90, 270).map(lambda length: "n" * length)
NAME = names("/\0") | LONG
CONTENT = st.binary(max_size=1500)
LAW = settings(max_examples=120)


@dataclass(frozen=True)
class Packed:
    """What does not differ between two builds of one entry."""

    name: str
    content: bytes | None  # None for a folder
    link: str = ""
    hard: bool = False
    executable: bool = False
    old: int = -1  # a time before the epoch, -1 for one that the build gives


@st.composite
def contents(draw: st.DrawFn) -> list[Packed]:
    """Entries that can be unpacked: nothing lies below what is no folder."""
    found: list[Packed] = []
    for name in draw(st.lists(NAME, max_size=6, unique=True)):
        above = {name[:at] for at in range(len(name)) if name[at] == "/"}
        if any(entry.name in above or entry.name.startswith(f"{name}/") for entry in found):
            continue
        entry = Packed(name, draw(CONTENT), old=draw(st.sampled_from([-1, 0, 1_000_000_000])))
        files = [e for e in found if e.content is not None and not e.link]
        kind = draw(st.sampled_from(["file", "file", "folder", "symlink", "hard"]))
        if kind == "folder":
            entry = replace(entry, content=None)
        elif kind == "symlink":
            entry = replace(entry, link=draw(NAME))
        elif kind == "hard" and files:
            entry = replace(entry, link=draw(st.sampled_from(files)).name, hard=True)
        found.append(replace(entry, executable=draw(st.booleans())))
    return found


@st.composite
def builds(draw: st.DrawFn, entries: list[Packed]) -> bytes:
    """A tar of the entries as some machine packs them, any order in which links come later."""
    form = draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    shuffled = draw(st.permutations(entries))
    # Of a group of hard links any may be the one that is packed as the file.
    group = {entry.name: entry.link if entry.hard else entry.name for entry in entries}
    whole = {entry.name: entry for entry in entries}
    packed: dict[str, str] = {}
    out = io.BytesIO()
    later = st.integers(EPOCH, EPOCH + 10_000_000)
    times = {root: draw(later) for root in set(group.values())}
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for entry in shuffled:
            root = whole[group[entry.name]]
            info = tarfile.TarInfo(entry.name)
            info.mtime = (
                root.old if root.old >= 0 else times[root.name] + draw(st.sampled_from([0, 0.25]))
            )
            loose = draw(st.sampled_from([0o022, 0o002, 0o077]))
            rights = 0o777 if root.executable or root.content is None else 0o666
            info.mode = rights & ~loose
            info.uid, info.gid = draw(st.integers(0, 1 << 30)), draw(st.integers(0, 70_000))
            info.uname, info.gname = draw(st.sampled_from(["", "root", "joe"])), "staff"
            if root.content is None:
                info.type = tarfile.DIRTYPE
            elif root.link and not root.hard:
                info.type, info.linkname = tarfile.SYMTYPE, root.link
            elif (first := packed.setdefault(root.name, entry.name)) != entry.name:
                info.type, info.linkname = tarfile.LNKTYPE, first
            else:
                info.size = len(root.content)
            archive.addfile(info, io.BytesIO(root.content or b""))
    return out.getvalue()


def unpacked(data: bytes) -> dict[str, object]:
    """What each path holds, links followed as unpacking does."""
    found: dict[str, object] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if member.islnk():
                found[member.name] = found[member.linkname]
            elif member.isreg():
                stream = archive.extractfile(member)
                assert stream is not None
                found[member.name] = stream.read()
            else:
                found[member.name] = (member.type, member.linkname)
    return found


TWO = contents().filter(len).flatmap(lambda found: st.tuples(builds(found), builds(found)))


@LAW
@given(TWO)
def test_two_builds_of_the_same_entries_come_out_equal(pair: tuple[bytes, bytes]) -> None:
    assert normalised(pair[0], "law.tar") == normalised(pair[1], "law.tar")


@LAW
@given(TWO)
def test_normalising_a_tar_twice_changes_nothing_more(pair: tuple[bytes, bytes]) -> None:
    once = normalised(pair[0], "law.tar")
    assert stays(once, "law.tar")


@LAW
@given(TWO)
def test_the_same_files_with_the_same_content_are_unpacked(pair: tuple[bytes, bytes]) -> None:
    assert unpacked(normalised(pair[0], "law.tar")) == unpacked(pair[0])


@settings(max_examples=40)
@given(TWO, st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**31))
def test_gzip_adds_nothing_of_its_own(
    pair: tuple[bytes, bytes], level: int, other: int, time: int
) -> None:
    one = gzip.compress(pair[0], level, mtime=time)
    buffer = io.BytesIO()
    with gzip.GzipFile("/build/x.tar", "wb", other, buffer) as stream:
        stream.write(pair[1])
    result = normalised(one, "law.tgz")
    assert result == normalised(buffer.getvalue(), "law.tgz")
    assert gzip.decompress(result) == normalised(pair[0], "law.tar")


@settings(max_examples=200)
@given(TWO, st.data())
def test_a_damaged_tar_is_refused_or_rewritten_and_nothing_else(
    pair: tuple[bytes, bytes], data: st.DataObject
) -> None:
    broken = damaged(pair[0], data)
    rewritten(broken[: data.draw(st.integers(1, len(broken)))], "law.tar")
