"""Environments that real pip and uv made, against what they list themselves."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.catalog import catalogue_directory
from bom.purl import pypi_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Need

    from bom.catalog import Catalogue

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def run(*command: str | Path) -> str:
    arguments = [str(word) for word in command]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def wheel(folder: Path, name: str, version: str, *requires: str) -> Path:
    """A wheel with a module, a script and a data file."""
    info, stem = f"{name}-{version}.dist-info", f"{name}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n"
    metadata += "".join(f"Requires-Dist: {item}\n" for item in requires)
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{stem}.data/scripts/{name}-run": "#!python\nprint(1)\n",
        f"{stem}.data/data/share/{name}/data.txt": "data\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    files[f"{info}/RECORD"] = record(files) + f"{info}/RECORD,,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def record(files: dict[str, str]) -> str:
    rows = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows += f"{name},sha256={digest},{len(text)}\n"
    return rows


def pairs(text: str) -> set[tuple[str, str]]:
    return {(pypi_name(item["name"]), item["version"]) for item in json.loads(text)}


def below(catalogue: Catalogue, folder: str) -> set[tuple[str, str]]:
    return {
        (pypi_name(item.component.name), item.component.version)
        for item in catalogue.installed
        if item.component.purl.startswith("pkg:pypi/")
        and any(seen.location.startswith(folder) for seen in item.component.occurrences)
    }


def owners(catalogue: Catalogue) -> dict[str, str]:
    """Path to owner, of everything that is listed by path or lies in an owned folder."""
    return {path: item.ref for item in catalogue.owned for path in item.paths}


def values(catalogue: Catalogue, name: str) -> Iterable[str]:
    for item in catalogue.installed:
        for entry in item.component.properties:
            if entry.name == name:
                yield entry.value


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, need: Need) -> Path:
    """A venv by venv and pip, one by uv, a user's site and a target folder by pip."""
    wheels = tmp_path_factory.mktemp("wheels")
    wheel(wheels, "one", "1.0", "two>=1", "gone; python_version < '3'")
    wheel(wheels, "two", "1.5")
    wheel(wheels, "two", "2.0")
    wheel(wheels, "three", "3.0")
    root = tmp_path_factory.mktemp("tree")
    offline = ("--no-index", "--find-links", str(wheels), "--no-cache-dir")
    pip = (root / "opt/a/bin/python", "-m", "pip", "--disable-pip-version-check")
    run(sys.executable, "-m", "venv", root / "opt/a")
    run(*pip, "install", *offline, "one", "two==1.5")
    run(*pip, "install", *offline, "--target", root / "srv/lib", "three", "two==2.0")
    uv = need("uv")
    run(uv, "venv", "-q", "--python", sys.executable, root / "opt/b")
    run(uv, "pip", "install", "-q", "--python", root / "opt/b", *offline, "one", "two==2.0")
    run(*pip, "install", *offline, "--prefix", root / "home/user/.local", "three")
    return root


@pytest.fixture(scope="module")
def catalogue(tree: Path) -> Catalogue:
    return catalogue_directory(tree)


def test_each_environment_holds_what_pip_and_uv_list_there(
    tree: Path, catalogue: Catalogue, need: Need
) -> None:
    pip = (tree / "opt/a/bin/python", "-m", "pip", "--disable-pip-version-check")
    listed = ("list", "--format", "json")
    assert below(catalogue, "opt/a/") == pairs(run(*pip, *listed))
    assert below(catalogue, "srv/lib/") == pairs(run(*pip, *listed, "--path", tree / "srv/lib"))
    uv = run(need("uv"), "pip", "list", "--python", tree / "opt/b", "--format", "json")
    assert below(catalogue, "opt/b/") == pairs(uv) == {("one", "1.0"), ("two", "2.0")}
    assert below(catalogue, "home/") == {("three", "3.0")}


def test_every_record_is_verified_and_nothing_differs(catalogue: Catalogue) -> None:
    assert catalogue.findings == ()
    stated = set(values(catalogue, "bom-seal:integrity"))
    assert stated
    assert all(value.startswith("verified ") and " of " not in value for value in stated)


def test_requirements_lead_to_what_is_beside_and_none_is_missed(catalogue: Catalogue) -> None:
    (one,) = [i.component for i in catalogue.installed if i.component.name == "one"]
    assert one.requires == ("pkg:pypi/two@1.5", "pkg:pypi/two@2.0")
    assert [gap for gap in catalogue.gaps if gap.what == "dependency"] == []


def test_every_file_that_is_no_interpreter_has_an_owner(tree: Path, catalogue: Catalogue) -> None:
    from bom.catalog import WANTED
    from bom.catalog.attribution import attribute
    from bom.catalog.view import directory_view

    view, _ = directory_view(tree, WANTED)
    files = attribute(view, catalogue.owned).files
    unowned = {item.path for item in files if not item.owner}
    # What made these environments lies outside of the tree, so what is derived from it is nobody's.
    made = {"pyvenv.cfg", ".gitignore", "CACHEDIR.TAG", ".lock", "pydoc.bat"}
    names = {path.rpartition("/")[2] for path in unowned}
    assert {name for name in names - made if "activate" not in name.lower()} <= {
        "_virtualenv.py",
        "_virtualenv.pth",
    }
    by = {item.path: item.owner for item in files}
    assert by["opt/a/bin/one-run"] == by["opt/a/bin/one"] == "pkg:pypi/one@1.0"
    assert by["opt/a/share/one/data.txt"] == "pkg:pypi/one@1.0"
    assert by["srv/lib/bin/three-run"] == "pkg:pypi/three@3.0"
    assert by["opt/b/lib/" + VERSION + "/site-packages/two-2.0.dist-info/INSTALLER"] == (
        "pkg:pypi/two@2.0"
    )


def test_a_changed_file_is_a_finding_and_a_removed_one_is_none(tmp_path: Path, need: Need) -> None:
    path = wheel(tmp_path, "one", "1.0")
    run(
        need("uv"),
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-cache",
        "--target",
        tmp_path / "t",
        path,
    )
    (tmp_path / "t/one/__init__.py").write_text("changed", encoding="utf-8")
    (tmp_path / "t/share/one/data.txt").unlink()
    catalogue = catalogue_directory(tmp_path)
    (finding,) = catalogue.findings
    assert (finding.code, finding.where) == ("modified", "t/one/__init__.py")
    assert finding.found == "sha256:" + sha256(b"changed").hexdigest()
    (said,) = values(catalogue, "bom-seal:integrity")
    assert said.startswith("modified 1 of ")


def test_an_unpacked_wheel_is_catalogued_by_its_own_record(tmp_path: Path) -> None:
    built = wheel(tmp_path, "one", "1.0", "two>=1")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "unpacked")
    catalogue = catalogue_directory(tmp_path / "unpacked")
    (item,) = catalogue.installed
    assert item.component.purl == "pkg:pypi/one@1.0"
    assert [seen.location for seen in item.component.occurrences] == ["one-1.0.dist-info"]
    assert [gap.why for gap in catalogue.gaps if gap.what == "dependency"] == [
        "it requires two, which a wheel does not hold"
    ]


def test_an_editable_install_is_one_distribution_and_marked(tmp_path: Path, need: Need) -> None:
    project = tmp_path / "srv/project"
    (project / "src/edit").mkdir(parents=True)
    (project / "src/edit/__init__.py").write_text("", encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "edit"\nversion = "0.1"\n',
        encoding="utf-8",
    )
    uv = need("uv")
    run(uv, "venv", "-q", "--python", sys.executable, "--system-site-packages", tmp_path / "v")
    site = next((tmp_path / "v/lib").glob("*/site-packages"))
    # The backend is the one beside these tests: no index is asked.
    backend = next(Path(sys.prefix).glob("lib/*/site-packages"))
    (site / "backend.pth").write_text(f"{backend}\n", encoding="utf-8")
    command = ("pip", "install", "-q", "--offline", "--no-deps", "--no-build-isolation")
    run(uv, *command, "--python", tmp_path / "v", "-e", project)
    (item,) = [
        found
        for found in catalogue_directory(tmp_path).installed
        if found.component.purl == "pkg:pypi/edit@0.1"
    ]
    assert ("bom-seal:python:editable", "true") in {
        (entry.name, entry.value) for entry in item.component.properties
    }
    assert str(tmp_path) not in repr(item)


def test_a_development_install_of_setuptools_is_found_through_its_egg_link(tmp_path: Path) -> None:
    site = tmp_path / f"usr/local/lib/{VERSION}/site-packages"
    info = tmp_path / "srv/project/linked.egg-info"
    site.mkdir(parents=True)
    info.mkdir(parents=True)
    (site / "linked.egg-link").write_text("/srv/project\n.", encoding="utf-8")
    (info / "PKG-INFO").write_text("Name: linked\nVersion: 1.0\n", encoding="utf-8")
    catalogue = catalogue_directory(tmp_path)
    assert [item.component.purl for item in catalogue.installed] == ["pkg:pypi/linked@1.0"]
    # Without the link it is a source tree that somebody built once.
    (site / "linked.egg-link").unlink()
    assert catalogue_directory(tmp_path).installed == ()


def test_zipped_and_unzipped_eggs_are_listed_as_pip_lists_them(tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "v")
    site = next((tmp_path / "v/lib").glob("*/site-packages"))
    eggs = {}
    for name in ("zipped", "plain"):
        info = f"Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n"
        eggs[name] = {
            f"{name}.py": "",
            "EGG-INFO/PKG-INFO": info,
            "EGG-INFO/requires.txt": "pip\n",
            "EGG-INFO/top_level.txt": f"{name}\n",
        }
    with zipfile.ZipFile(site / "zipped-1.0-py3.egg", "w") as archive:
        for member, text in eggs["zipped"].items():
            archive.writestr(member, text)
    for member, text in eggs["plain"].items():
        path = site / "plain-1.0-py3.egg" / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (site / "easy-install.pth").write_text(
        "./zipped-1.0-py3.egg\n./plain-1.0-py3.egg\n", encoding="utf-8"
    )
    pip = (tmp_path / "v/bin/python", "-m", "pip", "--disable-pip-version-check")
    catalogue = catalogue_directory(tmp_path)
    assert below(catalogue, "v/") == pairs(run(*pip, "list", "--format", "json"))
    for item in catalogue.installed:
        if item.component.name in eggs:
            assert item.component.hashes
            assert any("/pip@" in ref for ref in item.component.requires)


def test_what_a_real_rpm_database_lists_is_the_packages_of_its_rpms(
    tmp_path: Path, need: Need
) -> None:
    """The database of a CentOS 8; of each Python package that it lists the metadata are there."""
    from bom.catalog.rpm import database
    from bom.catalog.rpm.package import Package

    module = need.go_module("github.com/knqyf263/go-rpmdb", "v0.1.1")
    (source,) = (module / "pkg/testdata/centos8-modularitylabel").iterdir()
    folder = tmp_path / "var/lib/rpm"
    folder.mkdir(parents=True)
    shutil.copyfile(source, folder / source.name)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=centos\nVERSION_ID=8\n", encoding="utf-8")
    headers, _ = database._headers((folder / source.name).read_bytes())
    expected: dict[str, str] = {}
    for package in map(Package, headers):
        for path in package.paths(frozenset(["PKG-INFO", "METADATA"])):
            if path.startswith("usr/lib") and "site-packages/" in path:
                name = f"{package.name}-{len(expected)}"
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                text = f"Name: {name}\nVersion: 1\n"
                (tmp_path / path).write_text(text, encoding="utf-8")
                expected[f"pkg:pypi/{pypi_name(name)}@1"] = f"pkg:rpm/centos/{package.name}@"
    assert expected
    catalogue = catalogue_directory(tmp_path)
    refs = {item.component.bom_ref: item.component for item in catalogue.installed}
    for ref, start in expected.items():
        said = {item.name: item.value for item in refs[ref].properties}
        owner = said["bom-seal:python:owner"]
        assert owner in refs and owner.startswith(start)
    assert not [item for item in catalogue.owned if item.ref in expected]
