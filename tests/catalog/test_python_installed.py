"""Installed distributions: real pip in real environments, and metadata nobody should trust."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bom.catalog import catalogue_directory
from bom.model import Dependency, Gap
from bom.purl import pypi_name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

SITE = "usr/local/lib/python3.11/site-packages"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def metadata(name: str, version: str = "1.0", *fields: str) -> str:
    return "\n".join([f"Name: {name}", f"Version: {version}", *fields, "", "text", ""])


def found(root: Path) -> tuple[dict[str, Dependency], list[Gap]]:
    items = catalogue_directory(root).observations
    dependencies = {i.component.purl: i for i in items if isinstance(i, Dependency)}
    return dependencies, [i for i in items if isinstance(i, Gap)]


def test_the_environment_these_tests_run_in_is_what_pip_or_uv_lists(need: Need) -> None:
    from pathlib import Path

    prefix = Path(sys.prefix)
    command = [need("uv"), "pip", "list", "--python", sys.executable, "--format", "json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    dependencies, gaps = found(prefix)
    assert {(pypi_name(item["name"]), item["version"]) for item in listed} == {
        (pypi_name(i.component.name), i.component.version)
        for ref, i in dependencies.items()
        if ref.startswith("pkg:pypi/")
    }
    assert [gap for gap in gaps if gap.what == "dependency"] == []
    requires = dependencies[next(ref for ref in dependencies if "/pytest@" in ref)]
    assert any("/pluggy@" in ref for ref in requires.component.requires)


def test_the_hash_leaves_out_what_the_installer_writes(tmp_path: Path) -> None:
    for folder, extra in (("a", "pip"), ("b", "uv")):
        info = f"{SITE}/demo-1.0.dist-info"
        write(
            tmp_path / folder,
            {
                f"{SITE}/demo.py": "1",
                f"{SITE}/__pycache__/demo.cpython-311.pyc": extra,
                "usr/local/bin/demo": "#!python",
                f"{info}/METADATA": metadata("demo"),
                f"{info}/INSTALLER": extra,
                f"{info}/REQUESTED": "",
                f"{info}/RECORD": f"demo.py,,\n__pycache__/demo.cpython-311.pyc,,\n{extra},,\n"
                "../../../bin/demo,,\ndemo-1.0.dist-info/METADATA,,\n"
                "demo-1.0.dist-info/INSTALLER,,\ndemo-1.0.dist-info/RECORD,,\n",
            },
        )
    (one,), (other,) = (found(tmp_path / f)[0].values() for f in "ab")
    assert one.component.hashes == other.component.hashes
    assert one.component.hash_of == "installed-files"
    assert one.direct
    (tmp_path / "b/usr/local/bin/demo").write_text("#!other", encoding="utf-8")
    (changed,) = found(tmp_path / "b")[0].values()
    assert changed.component.hashes != one.component.hashes


def test_copies_with_other_content_are_one_component_and_a_finding(tmp_path: Path) -> None:
    for place, text in (("opt/a", "1"), ("opt/b", "2")):
        site = f"{place}/lib/python3.11/site-packages"
        info = f"{site}/demo-1.0.dist-info"
        record = "demo.py,,\n"
        write(tmp_path, {f"{site}/demo.py": text, f"{info}/RECORD": record})
        write(tmp_path, {f"{info}/METADATA": metadata("Demo")})
    catalogue = catalogue_directory(tmp_path)
    assert [len(item.component.occurrences) for item in catalogue.installed] == [2]
    assert [(item.code, item.ref) for item in catalogue.findings] == [
        ("copies", "pkg:pypi/demo@1.0")
    ]


def test_equal_copies_in_two_environments_are_no_finding(tmp_path: Path) -> None:
    for place in ("opt/a", "opt/b"):
        site = f"{place}/lib/python3.11/site-packages"
        record = "demo.py,,\n../../../bin/demo,,\n"
        write(tmp_path, {f"{site}/demo.py": "1", f"{place}/bin/demo": f"#!/{place}/bin/python"})
        write(tmp_path, {f"{site}/demo-1.0.dist-info/RECORD": record})
        write(tmp_path, {f"{site}/demo-1.0.dist-info/METADATA": metadata("Demo")})
    catalogue = catalogue_directory(tmp_path)
    assert [len(item.component.occurrences) for item in catalogue.installed] == [2]
    assert catalogue.findings == ()


def test_vendored_copies_and_leftovers_are_not_listed_as_installed(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            f"{SITE}/setuptools/_vendor/more-1.0.dist-info/METADATA": metadata("more"),
            f"{SITE}/~emo-1.0.dist-info/METADATA": metadata("demo"),
            f"{SITE}/empty-1.0.dist-info/RECORD": "",
            f"{SITE}/linked.egg-link": "/srv/project\n.\n",
            "srv/data/x-1.0.dist-info/METADATA": metadata("x"),
        },
    )
    dependencies, gaps = found(tmp_path)
    assert dependencies == {}
    assert [gap.where.rsplit("/", 1)[1] for gap in gaps] == [
        "empty-1.0.dist-info",
        "linked.egg-link",
        "more-1.0.dist-info",
        "~emo-1.0.dist-info",
    ]


def test_eggs_are_read_with_their_requirements(tmp_path: Path) -> None:
    info = f"{SITE}/old-1.0.egg-info"
    write(
        tmp_path,
        {
            f"{info}/PKG-INFO": metadata("old"),
            f"{info}/requires.txt": "new>=1\n\n[fast]\nnot-here\n\n[:sys_platform=='win32']\nno\n",
            f"{info}/installed-files.txt": "../old.py\nPKG-INFO\n",
            f"{SITE}/old.py": "1",
            f"{SITE}/new-1.0.egg-info": metadata("new"),
        },
    )
    dependencies, gaps = found(tmp_path)
    assert dependencies["pkg:pypi/old@1.0"].component.requires == ("pkg:pypi/new@1.0",)
    assert dependencies["pkg:pypi/old@1.0"].component.hashes
    assert not [gap for gap in gaps if gap.what == "dependency"]


def test_requirements_that_nothing_meets_or_nobody_can_read_are_gaps(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            f"{SITE}/a-1.0.dist-info/METADATA": metadata(
                "a",
                "1.0",
                "Requires-Dist: gone",
                "Requires-Dist: ((((",
                "Requires-Dist: old ; python_version < '3.8'",
                "Requires-Dist: B.b ; python_version >= '3.11'",
            ),
            f"{SITE}/b_b-1.0.dist-info/METADATA": metadata("b-b"),
        },
    )
    dependencies, gaps = found(tmp_path)
    assert dependencies["pkg:pypi/a@1.0"].component.requires == ("pkg:pypi/b-b@1.0",)
    assert [gap.why for gap in gaps if gap.what == "dependency"] == [
        "it requires gone, which is not installed",
        "its requirement '((((' can't be read",
    ]


def test_a_direct_url_is_kept_without_secrets_and_local_paths(tmp_path: Path) -> None:
    origins = {
        "a": {
            "url": "https://user:hunter2secret@example.org/a-1.0-py3-none-any.whl",
            "archive_info": {"hashes": {"sha256": "AB" * 32}},
        },
        "b": {"url": "file:///home/someone/b", "dir_info": {"editable": True}},
        "c": {"url": "https://example.org/c.git", "vcs_info": {"vcs": "git", "commit_id": "cafe"}},
    }
    for name, origin in origins.items():
        info = f"{SITE}/{name}-1.0.dist-info"
        write(tmp_path, {f"{info}/METADATA": metadata(name)})
        write(tmp_path, {f"{info}/direct_url.json": json.dumps(origin)})
    dependencies, _ = found(tmp_path)
    a, b, c = (dependencies[f"pkg:pypi/{name}@1.0"].component for name in "abc")
    assert [item.value for item in a.distributions[0].hashes] == ["ab" * 32]
    assert b.distributions == ()
    assert ("bom-seal:python:editable", "true") in {(p.name, p.value) for p in b.properties}
    assert ("bom-seal:python:commit", "cafe") in {(p.name, p.value) for p in c.properties}
    assert "hunter2secret" not in repr(dependencies) and "someone" not in repr(dependencies)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Name: \nVersion: 1\n",
        b"Name: ../x\nVersion: 1\n",
        b"Name: demo\n",
        b"\xff\xfe\0\0",
        b"Name: <img onerror=x>\nVersion: 1\n",
    ],
)
def test_metadata_without_a_valid_name_and_version_are_a_gap(
    tmp_path: Path, content: bytes
) -> None:
    write(tmp_path, {f"{SITE}/x-1.dist-info/METADATA": content})
    dependencies, gaps = found(tmp_path)
    assert dependencies == {}
    assert [gap.what for gap in gaps] == ["component"]


def test_a_record_that_leads_out_of_the_root_or_is_broken_stays_inside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    info = f"{SITE}/x-1.0.dist-info"
    up = "../" * 20
    write(root, {f"{info}/METADATA": metadata("x")})
    write(root, {f"{info}/RECORD": f'{up}secret,,\n/etc/passwd,,\n"unclosed,\n\0\n'})
    (root / "etc").symlink_to("/etc")
    dependencies, _ = found(root)
    assert dependencies["pkg:pypi/x@1.0"].component.hashes == ()


DPKG_STATUS = (
    "Package: python3-demo\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: all\n"
)
APK_INSTALLED = """\
P:py3-demo
V:1.0-r0
A:x86_64
F:usr/lib/python3.11/site-packages
R:demo.py
F:usr/lib/python3.11/site-packages/demo-1.0.dist-info
R:METADATA
R:RECORD
"""


@pytest.mark.parametrize("system", ["debian", "alpine"])
def test_a_distribution_of_the_operating_system_names_its_package_and_leaves_files_to_it(
    tmp_path: Path, system: str
) -> None:
    kind = "dist" if system == "debian" else "site"
    site = "usr/lib/python3/dist-packages" if kind == "dist" else APK_INSTALLED.split()[3][2:]
    info = f"{site}/demo-1.0.dist-info"
    listed = f"/{site}/demo.py\n/{info}\n/{info}/METADATA\n"
    database: dict[str, dict[str, str | bytes]] = {
        "debian": {
            "var/lib/dpkg/status": DPKG_STATUS,
            "var/lib/dpkg/info/python3-demo.list": listed,
        },
        "alpine": {
            "lib/apk/db/installed": APK_INSTALLED,
            f"{info}/RECORD": "demo.py,sha256=AAAA,1\n",
        },
    }
    write(tmp_path, database[system])
    write(tmp_path, {f"{site}/demo.py": "1", f"{info}/METADATA": metadata("demo")})
    write(tmp_path, {"etc/os-release": f"ID={system}\nVERSION_ID=1\n"})
    catalogue = catalogue_directory(tmp_path)
    refs = {item.component.bom_ref: item.component for item in catalogue.installed}
    demo = refs["pkg:pypi/demo@1.0"]
    said = {item.name: item.value for item in demo.properties}
    assert said["bom-seal:python:owner"] in refs
    assert "bom-seal:integrity" not in said
    assert demo.hashes
    assert "pkg:pypi/demo@1.0" not in {item.ref for item in catalogue.owned}
