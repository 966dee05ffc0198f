"""An OSV export on the disk, read once."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from bom.audit.model import Lookup
from bom.audit.snapshot import Snapshot, read
from bom.builder.protocol import Silent
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

WANTED = [Lookup("PyPI", "", "jinja2", "3.0"), Lookup("Debian", "12", "glibc", "2.36")]


def entry(id: str, ecosystem: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "versions": ["3.0"]}],
        **more,
    }


def written(folder: Path, *entries: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for item in entries:
        (folder / f"{item['id']}.json").write_text(json.dumps(item))
    return folder


def ids(found: Snapshot) -> list[str]:
    return sorted(item.id for items in found.entries.values() for item, _ in items)


def test_what_is_about_the_wanted_packages_is_found_and_the_rest_counted(tmp_path: Path) -> None:
    place = written(
        tmp_path / "osv",
        entry("A", "PyPI", "Jinja2"),
        entry("B", "PyPI", "flask", modified="2026-03-04T05:06:07.5Z"),
        entry("C", "npm", "jinja2"),
        entry("D", "Debian:12", "glibc"),
        entry("E", "PyPI", "jinja2", withdrawn="2026-01-02T00:00:00Z"),
    )
    found = read(place, WANTED, Silent())
    assert ids(found) == ["A", "D"]
    assert found.ecosystems == {"PyPI", "npm", "Debian:12"}
    assert (found.facts.advisories, found.facts.newest) == (5, "2026-03-04T05:06:07.5Z")
    assert found.unreadable == ()


def test_the_digest_is_sha256sum_s_over_all_files_by_path(tmp_path: Path) -> None:
    place = written(tmp_path / "osv", entry("B", "npm", "x"), entry("A", "npm", "x"))
    rows = "".join(
        f"{hashlib.sha256((place / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("A.json", "B.json")
    )
    assert read(place, WANTED, Silent()).facts.sha256 == hashlib.sha256(rows.encode()).hexdigest()


def test_a_zip_and_zips_in_a_folder_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "osv" / "PyPI"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("A.json", json.dumps(entry("A", "PyPI", "jinja2")))
        archive.writestr("README", "no entry")
    assert ids(read(tmp_path / "osv", WANTED, Silent())) == ["A"]
    alone = read(folder / "all.zip", WANTED, Silent())
    assert ids(alone) == ["A"]
    assert alone.facts.sha256 == hashlib.sha256((folder / "all.zip").read_bytes()).hexdigest()


def test_a_name_that_is_written_with_escapes_is_found(tmp_path: Path) -> None:
    place = tmp_path / "osv"
    place.mkdir()
    text = json.dumps(entry("A", "PyPI", "jinja2")).replace("jinja2", "\\u006ainja2")
    (place / "A.json").write_text(text)
    assert ids(read(place, WANTED, Silent())) == ["A"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"id": "A", "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}}',
        '{"affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}}]}',
        '{"id": "A", "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}, "ranges":'
        ' [{"type": "ECOSYSTEM", "events": [{"begun": "0"}]}]}]}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_an_entry_that_can_t_be_read_is_told_of(tmp_path: Path, text: str) -> None:
    place = written(tmp_path / "osv", entry("B", "npm", "x"))
    (place / "bad.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = read(place, WANTED, Silent())
    assert [item.what for item in found.unreadable] == ["bad.json"]


def test_of_two_versions_of_an_entry_the_later_counts(tmp_path: Path) -> None:
    place = written(tmp_path / "osv", entry("A", "PyPI", "jinja2", summary="old"))
    later = entry("A", "PyPI", "jinja2", summary="new", modified="2026-02-01T00:00:00Z")
    (place / "later.json").write_text(json.dumps(later))
    [[(advisory, _)]] = read(place, WANTED, Silent()).entries.values()
    assert advisory.summary == "new"


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("{}")
    os.mkfifo(tmp_path / "pipe")
    for place, why in (
        (tmp_path / "empty", "holds no advisories"),
        (tmp_path / "file", "can't be read"),
        (tmp_path / "nope", "No such file"),
        (tmp_path / "pipe", "no plain file"),
    ):
        with pytest.raises(BomError, match=why):
            read(place, WANTED, Silent())
