"""What Python projects declare, wherever they lie: in a source tree, a workspace, an image."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.catalog.test_image_layers import member, saved, tar
from tests.catalog.test_python_locks import CASES, shown

from bom.catalog import WANTED, declared
from bom.catalog.image import ImageCataloguer
from bom.catalog.python.markers import always
from bom.catalog.view import directory_view

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

    from bom.catalog.protocol import Declared
    from bom.model import Dependency

HASH = "0" * 64


def projects(root: Path) -> dict[str, Declared]:
    """The Python projects below a directory, by the file that resolves each."""
    view, _ = directory_view(root, WANTED)
    return {item.location: item for item in declared(view) if item.ecosystem == "pypi"}


def shipped(project: Declared) -> dict[str, Dependency]:
    return {
        item.component.purl.removeprefix("pkg:pypi/"): item
        for item in project.dependencies
        if item.role == "shipped" and item.component.purl
    }


# --- against the real tools --------------------------------------------------------------------


@pytest.mark.parametrize("member_folder", ["", "packages/core"])
@pytest.mark.parametrize("extras", [False, True])
def test_a_workspace_ships_what_uv_itself_would_install(
    tmp_path: Path, need: Need, member_folder: str, extras: bool
) -> None:
    root = tmp_path / "ws"
    shutil.copytree(CASES / "python-uv-workspace/in", root)
    command = [need("uv"), "export", "--quiet", "--frozen", "--offline", "--no-dev"]
    command += ["--no-hashes", "--no-emit-workspace", "--no-annotate", "--no-header"]
    command += ["--all-extras"] if extras else []
    exported = subprocess.run(
        command,
        cwd=root / member_folder,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    expected = {}
    for line in filter(None, exported.splitlines()):
        pin, _, marker = line.partition(" ; ")
        expected[pin.replace("==", "@")] = marker
    view, _ = directory_view(root, WANTED)
    (project,) = (
        item for item in declared(view) if item.ecosystem == "pypi" and item.folder == member_folder
    )
    assert project.location == "uv.lock"
    found = shipped(project)
    if extras:
        assert set(found) == set(expected)
    else:
        # What every install has: everything else is marked as what an install may lack.
        always_there = {pin for pin, marker in expected.items() if not marker}
        assert {ref for ref, item in found.items() if not item.optional} == always_there
        assert set(expected) <= set(found)


def test_pdm_s_lock_has_what_uv_s_has(tmp_path: Path) -> None:
    pdm = projects(CASES / "python-pdm/in")["pdm.lock"]
    uv = projects(CASES / "python-uv/in")["uv.lock"]

    def summary(project: Declared) -> dict[str, tuple[object, ...]]:
        return {
            item.component.purl: (item.role, item.direct, item.optional, item.component.requires)
            for item in project.dependencies
            if item.component.name != "hatchling"
        }

    assert summary(pdm) == summary(uv)
    assert pdm.locked
    assert not [gap for gap in pdm.gaps if gap.where != "hatchling"]


def test_poetry_s_lock_leaves_the_same_to_chance_as_uv_s() -> None:
    poetry = projects(CASES / "python-poetry/in")["poetry.lock"]
    uv = projects(CASES / "python-uv/in")["uv.lock"]
    assert {ref: item.optional for ref, item in shipped(poetry).items()} == {
        ref: item.optional for ref, item in shipped(uv).items()
    }
    assert {ref for ref, item in shipped(uv).items() if item.optional} == {
        "exceptiongroup@1.3.2",
        "tabulate@0.10.0",
        "typing-extensions@4.16.0",
    }


def test_a_script_s_lock_is_a_project_of_its_own() -> None:
    found = projects(CASES / "python-script/in")
    text = json.dumps([shown(item.dependencies) for item in found.values()], indent=1)
    expected = CASES / "python-script/expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(text + "\n")
    assert json.loads(text) == json.loads(expected.read_text())
    (script,) = found.values()
    assert (script.location, script.folder, script.locked) == ("job.py.lock", "", True)
    assert {ref: (i.direct, i.optional) for ref, i in shipped(script).items()} == {
        "click@8.5.1": (True, False),
        "colorama@0.4.6": (True, True),
    }


# --- where projects are ------------------------------------------------------------------------


def test_a_tree_and_an_image_with_it_declare_the_same(tmp_path: Path) -> None:
    files = {
        "svc/pyproject.toml": '[project]\nname = "svc"\nversion = "2.1"\n'
        'dependencies = ["one"]\ndynamic = ["optional-dependencies"]\n',
        "svc/requirements.txt": f"-r requirements/base.in\none==1.0 --hash=sha256:{HASH}\n",
        "svc/requirements/base.in": "two==2.0\n",
        "svc/requirements/dev.txt": "three==3\n",
        "docs/requirements.txt": "sphinx==8\n",
        "constraints.txt": "x==1\n",
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    with ImageCataloguer() as cataloguer:
        cataloguer.feed(saved(tar(*(member(p, c.encode()) for p, c in sorted(files.items())))))
        contents = cataloguer.finish()
    in_image = [item for item in contents.declared if item.ecosystem == "pypi"]
    view, _ = directory_view(tmp_path, WANTED)
    assert in_image == [item for item in declared(view) if item.ecosystem == "pypi"]
    docs, svc = in_image
    assert (svc.folder, svc.name, svc.version) == ("svc", "svc", "2.1")
    assert {
        (item.component.purl, item.role, item.component.occurrences[0].location)
        for item in svc.dependencies
    } == {
        ("pkg:pypi/one@1.0", "shipped", "svc/requirements.txt"),
        ("pkg:pypi/two@2.0", "shipped", "svc/requirements/base.in"),
        ("pkg:pypi/three@3", "build", "svc/requirements/dev.txt"),
    }
    assert [item.role for item in docs.dependencies] == ["build"]


@pytest.mark.parametrize(
    "place",
    [
        ".venv/lib/python3.12/site-packages/x",
        "env/share",
        "node_modules/node-gyp/gyp",
        "usr/lib/python3/dist-packages/x",
        "usr/share/doc/python3-x/examples",
        ".tox/py312",
        "root/.cache/uv",
    ],
)
def test_what_is_installed_is_no_project(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["one"]\n')
    (folder / "requirements.txt").write_text("one==1\n")
    (tmp_path / "env").mkdir(exist_ok=True)
    (tmp_path / "env/pyvenv.cfg").write_text("home = /usr/bin\n")
    assert projects(tmp_path) == {}


def test_a_folder_beside_a_workspace_does_not_get_its_lock(tmp_path: Path) -> None:
    shutil.copytree(CASES / "python-uv-workspace/in", tmp_path, dirs_exist_ok=True)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/requirements.txt").write_text(f"one==1 --hash=sha256:{HASH}\n")
    assert set(shipped(projects(tmp_path)["tools/requirements.txt"])) == {"one@1"}


def test_all_files_of_a_version_are_kept(tmp_path: Path) -> None:
    """Two requirements files, and two versions in one of Poetry's older locks."""
    one, two, three = ("1" * 64, "2" * 64, "3" * 64)
    (tmp_path / "a-requirements.txt").write_text(f"x==1 --hash=sha256:{one}\n")
    (tmp_path / "b-requirements.txt").write_text(f"x==1 --hash=sha256:{two}\n")
    (tmp_path / "p").mkdir()
    (tmp_path / "p/poetry.lock").write_text(
        '[[package]]\nname = "x"\nversion = "1"\n[[package]]\nname = "x"\nversion = "1.1"\n'
        '[metadata]\nlock-version = "1.1"\ncontent-hash = "c"\n[metadata.files]\nx = [\n'
        f'{{file = "x-1-py3-none-any.whl", hash = "sha256:{one}"}},\n'
        f'{{file = "x-1.tar.gz", hash = "sha256:{two}"}},\n'
        f'{{file = "x-1.1.tar.gz", hash = "sha256:{three}"}},\n]\n'
    )
    found = projects(tmp_path)
    listed = shipped(found["a-requirements.txt, b-requirements.txt"])["x@1"].component.distributions
    assert [item.hashes[0].value for item in listed] == [one, two]
    locked = shipped(found["p/poetry.lock"])
    assert {ref: len(item.component.distributions) for ref, item in locked.items()} == {
        "x@1": 2,
        "x@1.1": 1,
    }


# --- markers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marker", "interpreters", "holds"),
    [
        ("", "", True),
        ('python_version >= "3.8"', ">=3.10", True),
        ('python_version >= "3.8"', "", False),
        ('python_version >= "3.11"', ">=3.10", False),
        ('python_full_version >= "3.10.1"', ">=3.10", False),
        ('python_version >= "3.8" and python_version < "4"', "^3.11", True),
        ('python_version < "3.15"', ">=3.10", False),
        ('python_version < "3.15"', ">=3.10,<3.14", True),
        ('python_version == "3.11"', "==3.11.*", True),
        ('sys_platform == "linux"', ">=3.10", False),
        ('python_version >= "3.8" or sys_platform == "win32"', ">=3.10", False),
        ('"3.8" <= python_version', ">=3.10", True),
        ("not a marker", ">=3.10", False),
        ("(" * 900 + 'python_version > "3"', ">=3.10", False),
        ('python_version > "x"', ">=3.10", False),
        ('python_version >= "3.8"', "nonsense", False),
    ],
)
def test_a_marker_holds_everywhere_only_where_that_is_sure(
    marker: str, interpreters: str, holds: bool
) -> None:
    assert always(marker, interpreters) is holds


def test_names_with_thousands_of_entries_take_no_time(tmp_path: Path) -> None:
    entry = '[[package]]\nname = "x"\nversion = "%d"\ndependencies = [{name = "x"}]\n'
    (tmp_path / "uv.lock").write_text("version = 1\n" + "".join(entry % n for n in range(5000)))
    (project,) = projects(tmp_path).values()
    assert ("dependency.graph", "x") in {(gap.what, gap.where) for gap in project.gaps}
    assert len(project.dependencies) == 5000


def test_no_line_makes_the_reader_slow(tmp_path: Path) -> None:
    lines = ["a" + " " * 1_000_000 + "b", "-r " + "x " * 100_000, "\\\n" * 100_000 + "c==1"]
    (tmp_path / "requirements.txt").write_text("\n".join(lines) + "\nd==1\n")
    (project,) = projects(tmp_path).values()
    assert "d@1" in shipped(project)
    assert re.search("too long", repr(project.gaps))


# --- scripts -----------------------------------------------------------------------------------

SCRIPT = """\
#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "one==1.0",
#   "two; python_version >= '3.8'",
#   "three; sys_platform == 'win32'",
# ]
# ///
import one
"""


def test_a_script_without_a_lock_declares_what_its_comment_states(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/job.py").write_text(SCRIPT)
    (tmp_path / "scripts/plain.py").write_text("import sys\n")
    (tmp_path / "scripts/open.py").write_text("# /// script\n# dependencies = []\nimport sys\n")
    found = projects(tmp_path)
    assert set(found) == {"scripts/job.py", "scripts/open.py"}
    job = found["scripts/job.py"]
    assert not job.locked
    assert {ref: item.optional for ref, item in shipped(job).items()} == {
        "one@1.0": False,
        "two": False,
        "three": True,
    }
    assert shipped(job)["one@1.0"].component.occurrences[0].line == 5
    assert {(gap.what, gap.where) for gap in job.gaps} >= {
        ("dependency.version", "two"),
        ("dependency.hash", "one"),
    }
    assert [gap.what for gap in found["scripts/open.py"].gaps] == ["dependency.declared"]


def test_a_script_with_a_lock_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    for name in ("job.py", "job.py.lock"):
        shutil.copy(CASES / "python-script/in" / name, tmp_path / "tools")
    assert set(projects(tmp_path)) == {"tools/job.py.lock"}
