"""The file bom.lock: what is written, and what of strangers' files is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bom.errors import BomError
from bom.lock_record import Lock, LockedFile, LockedImage, LockedTool, read, text

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32


def locked() -> Lock:
    return Lock(
        command=["docker", "build", "."],
        files=[LockedFile(path="uv.lock", sha256="cd" * 32)],
        images=[LockedImage(name="base:1", digest=DIGEST, of="name")],
        tools=[LockedTool(kind="client", name="docker", version="28.5", sha256="ef" * 32)],
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "bom.lock").write_text(text(locked()))
    assert read(tmp_path) == locked()
    assert text(read(tmp_path)) == text(locked())


def test_one_changed_input_is_one_changed_line() -> None:
    other = locked().model_copy(
        update={"images": [LockedImage(name="base:1", digest="sha256:" + "0" * 64, of="name")]}
    )
    pairs = zip(text(locked()).splitlines(), text(other).splitlines(), strict=True)
    assert sum(one != two for one, two in pairs) == 1


def test_without_a_lock_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BomError) as caught:
        read(tmp_path)
    assert caught.value.reason == "there is no bom.lock"
    assert caught.value.hint == "`bom lock -- COMMAND` makes it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "bom.lock can't be read: it is no such JSON"),
        ("[" * 100_000, "bom.lock can't be read: it is no such JSON"),
        ('{"format": 2}', "bom.lock has format 2, which this version of bom does not know"),
        ('{"format": 1, "more": 1}', "bom.lock can't be read: more: Extra inputs"),
        (
            json.dumps({"images": [{"name": "a", "digest": "sha256:1", "of": "name"}]}),
            "bom.lock can't be read: images.0.digest: String should match",
        ),
        ('{"files": 3}', "bom.lock can't be read: files: Input should be a valid array"),
    ],
)
def test_what_is_no_lock_is_refused_with_the_place(
    content: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "bom.lock").write_text(content)
    with pytest.raises(BomError) as caught:
        read(tmp_path)
    assert caught.value.reason.startswith(reason)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bom.lock").mkdir()
    with pytest.raises(BomError, match=r"bom\.lock can't be read: Is a directory"):
        read(tmp_path)
