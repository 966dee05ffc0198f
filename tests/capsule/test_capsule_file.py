"""A capsule as a file: what is written is read again, and nothing of a stranger's is trusted."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from bom.capsule.reading import is_capsule, unpacked
from bom.capsule.writing import Contents
from bom.capsule_record import CapsuleRecord, Item
from bom.errors import BadArtifact, BomError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, name: str = "a.capsule.tar") -> Path:
    folder.mkdir(exist_ok=True)
    contents = Contents()
    for file, text in (("app.whl", "one"), ("copy.whl", "one"), ("source.bundle", "two")):
        (folder / file).write_text(text)
        role = "source" if file.endswith("bundle") else "package"
        contents.add(role, file, folder / file)  # type: ignore[arg-type]
    out = folder / name
    record = CapsuleRecord(commit="c0ffee", command=["true"], items=contents.items)
    contents.write(record, {"README.md": "read me\n", "rebuild.sh": "#!/bin/sh\n"}, 1000, out)
    return out


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one"), written(tmp_path / "two", "other.tar")
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as tar:
        entries = tar.getmembers()
    assert [entry.name for entry in entries[:3]] == ["capsule.json", "README.md", "rebuild.sh"]
    assert {(entry.mtime, entry.uid, entry.uname) for entry in entries} == {(1000, 0, "")}


def test_what_is_equal_is_there_once(tmp_path: Path) -> None:
    with tarfile.open(written(tmp_path)) as tar:
        blobs = [name for name in tar.getnames() if name.startswith("blobs/")]
    assert len(blobs) == 2


def test_every_content_comes_out_under_its_digest(tmp_path: Path) -> None:
    path = written(tmp_path / "in")
    (tmp_path / "out").mkdir()
    capsule = unpacked(path, tmp_path / "out")
    found = {item.name: blob.read_text() for item, blob in capsule.items("package")}
    assert found == {"app.whl": "one", "copy.whl": "one"}
    assert is_capsule(path)
    assert not is_capsule(tmp_path / "in" / "app.whl")


def forged(tmp_path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = tmp_path / "forged.tar"
    with tarfile.open(path, "w") as tar:
        for entry, data in entries:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def record_entry(*items: Item, **more: object) -> tuple[tarfile.TarInfo, bytes]:
    record = CapsuleRecord(commit="c", command=["true"], items=list(items))
    data = record.model_copy(update=more).model_dump_json().encode()
    return tarfile.TarInfo("capsule.json"), data


def item(data: bytes) -> Item:
    digest = hashlib.sha256(data).hexdigest()
    return Item(role="package", name="x.whl", sha256=digest, size=len(data))


def blob(data: bytes, named: bytes | None = None) -> tuple[tarfile.TarInfo, bytes]:
    digest = hashlib.sha256(data if named is None else named).hexdigest()
    return tarfile.TarInfo(f"blobs/sha256/{digest}"), data


def linked(name: str) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return entry, b""


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ((), "damaged"),
        ((blob(b"a"),), "damaged"),
        ((record_entry(item(b"a")),), "truncated"),
        ((record_entry(item(b"a")), blob(b"b", b"a")), "damaged"),
        ((record_entry(item(b"a")), blob(b"a"), blob(b"a")), "damaged"),
        ((record_entry(), blob(b"a")), "damaged"),
        ((record_entry(), (tarfile.TarInfo("../../evil"), b"x")), "damaged"),
        ((record_entry(), (tarfile.TarInfo("/etc/evil"), b"x")), "damaged"),
        ((record_entry(), linked("README.md")), "damaged"),
        (((tarfile.TarInfo("capsule.json"), b"["),), "damaged"),
        (((tarfile.TarInfo("capsule.json"), b"[" * 100_000),), "damaged"),
    ],
)
def test_what_is_not_as_it_says_is_refused(
    entries: tuple[tuple[tarfile.TarInfo, bytes], ...], code: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(BadArtifact) as caught:
        unpacked(forged(tmp_path, *entries), out)
    assert caught.value.code == code
    assert not (tmp_path / "evil").exists()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BomError, match="format 2"):
        unpacked(forged(tmp_path, record_entry(format=2)), tmp_path / "out")


@pytest.mark.parametrize("cut", [1, 600, 2000, 3000])
def test_a_capsule_that_ends_early_is_refused(cut: int, tmp_path: Path) -> None:
    path = written(tmp_path / "in")
    path.write_bytes(path.read_bytes()[:cut])
    (tmp_path / "out").mkdir()
    with pytest.raises(BadArtifact):
        unpacked(path, tmp_path / "out")
