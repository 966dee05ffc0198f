"""Interpreters that no package manager brought, by the real one's own files."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.archive.layer import LayerEntry
from bom.catalog import WANTED, catalogue, catalogue_directory
from bom.catalog.filesystem import Tree, TreeView

if TYPE_CHECKING:
    from tests.conftest import Need

X_Y = f"{sys.version_info[0]}.{sys.version_info[1]}"
HEADER = '#define PY_VERSION "3.12.1"\n'
PYTHON = "pkg:generic/python@3.12.1"
NODE_HEADER = (
    "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 9\n#define NODE_PATCH_VERSION 1\n"
)


def write(root: Path, *paths: str, **contents: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(contents.get(Path(path).suffix[1:], path), encoding="utf-8")


def test_the_interpreter_that_runs_this_is_found_with_its_own_version(tmp_path: Path) -> None:
    header = Path(sysconfig.get_path("include")) / "patchlevel.h"
    if not header.is_file():
        pytest.skip("this interpreter has no headers")
    include = tmp_path / "usr/local/include" / header.parent.name
    include.mkdir(parents=True)
    shutil.copy(header, include)
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library / "email", tmp_path / f"usr/local/lib/python{X_Y}/email")
    (item,) = catalogue_directory(tmp_path).installed
    assert item.component.purl == f"pkg:generic/python@{platform.python_version()}"
    assert item.component.hash_of == "installed-files"


def test_node_is_found_with_the_version_it_states(tmp_path: Path, need: Need) -> None:
    node = Path(need("node"))
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True)
    stated = json.loads(
        subprocess.run(
            [node, "-p", "JSON.stringify(process.config.variables.node_prefix)"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    headers = [Path(stated) / "include/node", node.resolve().parent.parent / "include/node"]
    header = next((f for f in headers if (f / "node_version.h").is_file()), None)
    if header is None:
        pytest.skip("this Node.js has no headers")
    (tmp_path / "opt/node/include").mkdir(parents=True)
    shutil.copytree(header, tmp_path / "opt/node/include/node")
    (item,) = catalogue_directory(tmp_path).installed
    assert item.component.purl == f"pkg:generic/node@{version.stdout.strip().removeprefix('v')}"


def test_its_files_are_those_of_its_layout_and_no_others(tmp_path: Path) -> None:
    prefix = tmp_path / "usr/local"
    own = [
        "bin/2to3-3.12",
        "bin/idle3.12",
        "bin/python3.12",
        "bin/python3.12-config",
        "include/python3.12/patchlevel.h",
        "lib/libpython3.12.so.1.0",
        "lib/pkgconfig/python-3.12.pc",
        "lib/python3.12/os.py",
        "lib/python3.12/site-packages/README.txt",
        "share/man/man1/python3.12.1",
    ]
    others = [
        "bin/pip3.12",
        "bin/other",
        "lib/python3.12/__pycache__/os.cpython-312.pyc",
        "lib/python3.12/site-packages/stray.py",
        "lib/python3.11/os.py",
        "lib/libother.so",
    ]
    write(prefix, *own, *others, h=HEADER)
    (item,) = catalogue_directory(tmp_path).owned
    assert (item.ref, item.rule) == (PYTHON, "cpython-layout")
    assert list(item.paths) == [f"usr/local/{path}" for path in own]


def test_a_file_that_a_later_layer_added_is_not_the_interpreters() -> None:
    tree = Tree()
    header, module, added = (
        f"usr/local/{path}"
        for path in (
            "include/python3.12/patchlevel.h",
            "lib/python3.12/os.py",
            "lib/python3.12/x.py",
        )
    )
    digests = {path: bytes([number]) * 32 for number, path in enumerate((header, module, added))}
    for path, layer in ((header, 0), (module, 0), (added, 1)):
        entry = LayerEntry(path, "f", 1, digest=digests[path], wanted=WANTED.wants(path))
        tree.place(entry, layer)
    view = TreeView(tree, {digests[header]: HEADER.encode()}, ("sha256:a", "sha256:b"))
    found = catalogue(view)
    assert [list(item.paths) for item in found.owned] == [[header, module]]
    assert ("bom-seal:layer", "sha256:a") in {
        (entry.name, entry.value) for item in found.installed for entry in item.component.properties
    }


def test_node_in_usr_local_owns_its_archive_but_not_the_packages(tmp_path: Path) -> None:
    own = ["LICENSE", "bin/node", "include/node/node_version.h", "include/node/uv/unix.h"]
    write(tmp_path / "usr/local", *own, "lib/node_modules/x/index.js", h=NODE_HEADER)
    (item,) = [i for i in catalogue_directory(tmp_path).owned if i.rule == "node-layout"]
    assert (item.ref, list(item.paths)) == (
        "pkg:generic/node@20.9.1",
        [f"usr/local/{path}" for path in own],
    )


def test_what_a_package_manager_may_have_brought_is_left_to_it(tmp_path: Path) -> None:
    write(tmp_path, "usr/include/python3.12/patchlevel.h", h=HEADER)
    assert [i.component.purl for i in catalogue_directory(tmp_path).installed] == [PYTHON]
    write(tmp_path, "var/lib/dpkg/status")
    assert catalogue_directory(tmp_path).installed == ()


def test_what_dpkg_lists_elsewhere_is_dpkgs(tmp_path: Path) -> None:
    write(tmp_path, "opt/py/include/python3.12/patchlevel.h", h=HEADER)
    status = "Package: py\nVersion: 1\nStatus: install ok installed\nArchitecture: amd64\n"
    (tmp_path / "var/lib/dpkg/info").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(status, encoding="utf-8")
    listed = tmp_path / "var/lib/dpkg/info/py.list"
    listed.write_text("/opt\n", encoding="utf-8")
    purls = {item.component.purl for item in catalogue_directory(tmp_path).installed}
    assert PYTHON in purls
    listed.write_text("/opt/py/include/python3.12/patchlevel.h\n", encoding="utf-8")
    purls = {item.component.purl for item in catalogue_directory(tmp_path).installed}
    assert PYTHON not in purls


def test_a_header_without_a_version_is_a_gap(tmp_path: Path) -> None:
    write(tmp_path, "opt/a/include/python3.12/patchlevel.h", h="#define PY_VERSION 3\n")
    write(tmp_path, "opt/b/include/node/node_version.h", h="#define NODE_MAJOR_VERSION 20\n")
    found = catalogue_directory(tmp_path)
    assert found.installed == ()
    assert [gap.what for gap in found.gaps] == ["component", "component"]


def test_a_virtual_environment_belongs_to_the_python_that_made_it(tmp_path: Path) -> None:
    write(tmp_path, "usr/local/include/python3.12/patchlevel.h", h=HEADER)
    files = ["bin/activate", "bin/activate.fish", "pyvenv.cfg"]
    config = "home = /usr/local/bin\nversion = 3.12.1\n"
    write(tmp_path / "opt/venv", *files, "bin/unknown", cfg=config)
    (made,) = [i for i in catalogue_directory(tmp_path).owned if i.rule == "venv"]
    assert made.ref == PYTHON
    assert sorted(made.paths) == [f"opt/venv/{path}" for path in files]
    # One that somebody else made is nobody's.
    other = "home = /nowhere/bin\nversion = 3.12.1\n"
    write(tmp_path / "opt/venv", "pyvenv.cfg", cfg=other)
    assert not [i for i in catalogue_directory(tmp_path).owned if i.rule == "venv"]


def test_a_virtual_environment_of_debians_python_belongs_to_its_package(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(
        "Package: python3.12-minimal\nVersion: 3.12.1-1\nStatus: install ok installed\n"
        "Architecture: amd64\n",
        encoding="utf-8",
    )
    (info / "python3.12-minimal.list").write_text("/usr/bin/python3.12\n", encoding="utf-8")
    config = "home = /usr/bin\nversion = 3.12.1\n"
    write(tmp_path, "usr/bin/python3.12", "opt/venv/pyvenv.cfg", cfg=config)
    found = catalogue_directory(tmp_path)
    (made,) = [item for item in found.owned if item.rule == "venv"]
    assert made.ref in {item.component.bom_ref for item in found.installed}
