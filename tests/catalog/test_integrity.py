"""Installed files against the digests that a package manager's record states."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from bom.catalog.integrity import PROPERTY, Stated, check
from bom.catalog.interest import Wanted
from bom.catalog.view import directory_view
from bom.model import Property

if TYPE_CHECKING:
    from pathlib import Path


def digest(algorithm: str, data: bytes) -> str:
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_a_file_that_is_as_stated_is_verified_and_another_one_is_a_finding(
    tmp_path: Path, algorithm: str
) -> None:
    (tmp_path / "right").write_bytes(b"right")
    (tmp_path / "wrong").write_bytes(b"other")
    view, _ = directory_view(tmp_path, Wanted(()))
    right = Stated("right", algorithm, digest(algorithm, b"right").upper())
    assert check(view, "a", [right]) == (Property(PROPERTY, "verified 1"), [])
    wrong = Stated("wrong", algorithm, digest(algorithm, b"wrong"))
    said, (finding,) = check(view, "a", [right, wrong])
    assert said.value == "modified 1 of 2"
    assert (finding.code, finding.where, finding.ref) == ("modified", "wrong", "a")
    assert finding.found == f"{algorithm}:{digest(algorithm, b'other')}"


def test_what_is_not_there_or_has_an_unknown_digest_is_never_called_right(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    view, _ = directory_view(tmp_path, Wanted(()))
    absent = Stated("absent", "sha256", "00")
    unknown = Stated("file", "whirlpool", "00")
    right = Stated("file", "sha256", digest("sha256", b"x"))
    values = [
        check(view, "a", rows)[0].value for rows in ([], [absent], [unknown], [right, absent])
    ]
    assert values[:3] == [
        "not checkable: its record states no digests",
        "not checkable: none of its files is there",
        "not checkable: the digests that its record states were not computed",
    ]
    assert values[3] == "verified 1 of 2"


def test_many_modified_files_are_counted_not_listed_without_end(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02}").write_bytes(b"changed")
    view, _ = directory_view(tmp_path, Wanted(()))
    said, findings = check(view, "a", [Stated(f"{n:02}", "sha256", "00") for n in range(50)])
    assert said.value == "modified 50 of 50"
    assert len(findings) == 21
    assert findings[-1].message.startswith("30 more")
