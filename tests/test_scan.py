"""One image in all the forms that it is handed on in gives one and the same catalogue."""

from __future__ import annotations

import gzip
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.catalog.test_image_layers import member, saved, tar

from bom.errors import BomError
from bom.scan import scan

if TYPE_CHECKING:
    from pathlib import Path

STATUS = b"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
ARCHIVE = saved(
    tar(
        member("etc/os-release", b'ID=debian\nVERSION_ID="12"\n'),
        member("var/lib/dpkg/status", STATUS),
    )
)


class Silent:
    def start(self, label: str, total: int) -> None: ...
    def advance(self, amount: int) -> None: ...
    def done(self) -> None: ...


def scanned(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(scan(path, Silent(), {}))
    return found


def names(document: dict[str, Any]) -> list[str]:
    return [part["bom-ref"] for part in document["components"]]


EXPECTED = ["os:debian@12", "pkg:deb/debian/tool@1?arch=amd64&distro=debian-12"]


def test_an_image_archive_gives_the_same_document_plain_and_compressed(tmp_path: Path) -> None:
    documents = []
    for name, content in (("a.tar", ARCHIVE), ("a.tar.gz", gzip.compress(ARCHIVE))):
        (tmp_path / name).write_bytes(content)
        document = scanned(tmp_path / name)
        documents.append(document)
        assert names(document) == EXPECTED
        subject = document["metadata"]["component"]
        assert (subject["name"], subject["type"]) == ("demo/app", "container")
        assert "hashes" not in subject
        stated = {item["name"]: item["value"] for item in subject["properties"]}
        assert stated["bom-seal:image:config"].startswith("sha256:")
    assert documents[0] == documents[1]


def unpacked(folder: Path) -> None:
    """By tar itself: Pythons differ in what `extractall` takes and warns about."""
    folder.mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", folder], input=ARCHIVE, check=True)


def test_a_folder_that_is_an_oci_layout_is_scanned_as_the_image_it_holds(tmp_path: Path) -> None:
    unpacked(tmp_path / "layout")
    (tmp_path / "layout/manifest.json").unlink()
    document = scanned(tmp_path / "layout")
    assert names(document) == EXPECTED
    subject = document["metadata"]["component"]
    assert subject["type"] == "container"
    assert "hashes" not in subject


def test_an_oci_layout_in_a_tar_with_dots_before_its_names_is_an_image_too(tmp_path: Path) -> None:
    unpacked(tmp_path / "layout")
    with tarfile.open(tmp_path / "l.tar", "w") as out:
        out.add(tmp_path / "layout", ".")
    assert names(scanned(tmp_path / "l.tar")) == EXPECTED


@pytest.mark.parametrize("end", ["truncated", "a second member"])
def test_a_damaged_compressed_archive_is_refused_in_words(tmp_path: Path, end: str) -> None:
    whole = gzip.compress(ARCHIVE)
    (tmp_path / "a.tar.gz").write_bytes(
        whole[:-20] if end == "truncated" else whole + gzip.compress(b"x")
    )
    with pytest.raises(BomError):
        scanned(tmp_path / "a.tar.gz")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    for name, content in (("a", b"text"), ("a.gz", gzip.compress(b"text" * 400)), ("b", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BomError, match="is no archive"):
            scanned(tmp_path / name)
