"""What projects of conda and pixi declare and lock: files made to the formats' documentation, for
no channel can be reached here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bom.catalog import WANTED, catalogue, declared
from bom.catalog.view import directory_view
from bom.model import Gap

if TYPE_CHECKING:
    from pathlib import Path

    from bom.catalog.protocol import Declared
    from bom.model import Dependency

SHA, MD5 = "a" * 64, "b" * 32
HOST = "https://conda.example.invalid"


def project(root: Path) -> Declared:
    view, _ = directory_view(root, WANTED)
    (found,) = (item for item in declared(view) if item.ecosystem == "conda")
    return found


def parts(found: Declared) -> dict[str, Dependency]:
    return {item.component.purl: item for item in found.dependencies}


CONDA_LOCK = f"""\
# Generated
version: 1
metadata:
  content_hash:
    linux-64: {SHA}
  channels:
  - url: demo
    used_env_vars: []
  platforms:
  - linux-64
  - win-64
  sources:
  - environment.yml
package:
- name: python
  version: 3.12.3
  manager: conda
  platform: linux-64
  dependencies:
    __glibc: '>=2.17'
    zlib: '>=1.3,<2'
  url: {HOST}/demo/linux-64/python-3.12.3-hab_0_cpython.conda
  hash:
    md5: {MD5}
    sha256: {SHA}
  category: main
  optional: false
- name: python
  version: 3.12.3
  manager: conda
  platform: win-64
  dependencies:
    vc: ''
  url: {HOST}/demo/win-64/python-3.12.3-hcd_0_cpython.conda
  hash:
    sha256: {SHA}
  category: main
  optional: false
- name: vc
  version: '14.3'
  manager: conda
  platform: win-64
  dependencies: {{}}
  url: {HOST}/t/SECRET/demo/win-64/vc-14.3-h1_0.tar.bz2
  hash:
    md5: {MD5}
  category: main
  optional: false
- name: zlib
  version: 1.3.1
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: {HOST}/demo/linux-64/zlib-1.3.1-h4_1.conda
  hash:
    sha256: {SHA}
  category: main
  optional: false
- name: pytest
  version: 8.0.0
  manager: conda
  platform: linux-64
  dependencies: {{}}
  url: {HOST}/demo/noarch/pytest-8.0.0-pyhd_0.conda
  hash:
    sha256: {SHA}
  category: dev
  optional: true
- name: Left_Pad
  version: 1.0.0
  manager: pip
  platform: linux-64
  dependencies: {{}}
  url: {HOST}/packages/left_pad-1.0.0-py3-none-any.whl
  hash:
    sha256: {SHA}
  category: main
  optional: false
"""


def test_conda_lock_gives_every_platform_s_package_with_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "conda-lock.yml").write_text(CONDA_LOCK)
    (tmp_path / "environment.yml").write_text(
        "name: x\nchannels: [demo]\ndependencies:\n  - python=3.12\n  - pip:\n    - left-pad\n"
    )
    found = project(tmp_path)
    assert (found.location, found.locked, found.gaps) == ("conda-lock.yml", True, ())
    items = parts(found)
    linux = "build=hab_0_cpython&channel=demo&subdir=linux-64&type=conda"
    zlib = "pkg:conda/zlib@1.3.1?build=h4_1&channel=demo&subdir=linux-64&type=conda"
    assert {ref: (i.role, i.direct, i.optional) for ref, i in items.items()} == {
        f"pkg:conda/python@3.12.3?{linux}": ("shipped", True, False),
        "pkg:conda/python@3.12.3?build=hcd_0_cpython&channel=demo&subdir=win-64&type=conda": (
            *("shipped", True, False),
        ),
        "pkg:conda/vc@14.3?build=h1_0&channel=demo&subdir=win-64&type=tar.bz2": (
            *("shipped", False, True),
        ),
        zlib: ("shipped", False, True),
        "pkg:conda/pytest@8.0.0?build=pyhd_0&channel=demo&subdir=noarch&type=conda": (
            *("build", False, True),
        ),
        "pkg:pypi/left-pad@1.0.0": ("shipped", True, True),
    }
    python = items[f"pkg:conda/python@3.12.3?{linux}"].component
    assert python.requires == (zlib,)
    assert python.occurrences[0].line == 15
    assert python.distributions[0].name == "python-3.12.3-hab_0_cpython.conda"
    assert [item.alg for item in python.distributions[0].hashes] == ["MD5", "SHA-256"]
    assert "SECRET" not in repr(found)


def test_a_locked_and_an_installed_package_are_one_component(tmp_path: Path) -> None:
    (tmp_path / "conda-lock.yml").write_text(CONDA_LOCK)
    meta = tmp_path / "env/conda-meta"
    meta.mkdir(parents=True)
    (meta / "zlib-1.3.1-h4_1.json").write_text(
        json.dumps(
            {
                "name": "zlib",
                "version": "1.3.1",
                "build": "h4_1",
                "channel": f"{HOST}/demo/linux-64",
                "subdir": "linux-64",
                "fn": "zlib-1.3.1-h4_1.conda",
                "url": f"{HOST}/demo/linux-64/zlib-1.3.1-h4_1.conda",
                "files": [],
            }
        )
    )
    view, _ = directory_view(tmp_path, WANTED)
    installed = {item.component.purl for item in catalogue(view).installed}
    assert installed <= set(parts(project(tmp_path)))


@pytest.mark.parametrize("form", ["keys", "kind"])
def test_pixi_locks_give_environments_platforms_and_licences(tmp_path: Path, form: str) -> None:
    numpy = f"{HOST}/demo/linux-64/numpy-1.26.4-py312_0.conda"
    tool = f"{HOST}/demo/noarch/ruff-0.5.0-h0_0.conda"
    wheel = f"{HOST}/packages/click-8.1.7-py3-none-any.whl"
    numpy_head = f"- conda: {numpy}\n"
    tool_head = f"- conda: {tool}\n"
    wheel_head = f"- pypi: {wheel}\n  name: click\n  version: 8.1.7\n"
    if form == "kind":
        numpy_head = (
            "- kind: conda\n  name: numpy\n  version: 1.26.4\n  build: py312_0\n"
            f"  subdir: linux-64\n  url: {numpy}\n"
        )
        tool_head = (
            "- kind: conda\n  name: ruff\n  version: 0.5.0\n  build: h0_0\n"
            f"  subdir: noarch\n  url: {tool}\n"
        )
        wheel_head = f"- kind: pypi\n  name: click\n  version: 8.1.7\n  url: {wheel}\n"
    (tmp_path / "pixi.lock").write_text(
        f"""\
version: {6 if form == "keys" else 5}
environments:
  default:
    channels:
    - url: {HOST}/demo/
    packages:
      linux-64:
      - conda: {numpy}
      - pypi: {wheel}
  lint:
    packages:
      linux-64:
      - conda: {tool}
packages:
{numpy_head}  sha256: {SHA}
  md5: {MD5}
  depends:
  - __glibc >=2.17,<3.0.a0
  - python >=3.12,<3.13.0a0
  license: BSD-3-Clause
{wheel_head}  sha256: {SHA}
  requires_dist:
  - colorama ; platform_system == 'Windows'
{tool_head}  sha256: {SHA}
"""
    )
    (tmp_path / "pixi.toml").write_text(
        '[project]\nname = "x"\n[dependencies]\nnumpy = "1.26.*"\n'
        '[pypi-dependencies]\nclick = "*"\n[feature.lint.dependencies]\nruff = "*"\n'
    )
    found = project(tmp_path)
    assert found.locked
    items = parts(found)
    assert {ref: (i.role, i.direct, i.optional) for ref, i in items.items()} == {
        "pkg:conda/numpy@1.26.4?build=py312_0&channel=demo&subdir=linux-64&type=conda": (
            *("shipped", True, False),
        ),
        "pkg:conda/ruff@0.5.0?build=h0_0&channel=demo&subdir=noarch&type=conda": (
            *("build", False, True),
        ),
        "pkg:pypi/click@8.1.7": ("shipped", True, False),
    }
    (licensed,) = (i.component for i in items.values() if i.component.licences)
    assert (licensed.name, licensed.licences[0].value) == ("numpy", "BSD-3-Clause")
    assert all(item.component.occurrences[0].line for item in items.values())


def test_explicit_files_are_one_lock(tmp_path: Path) -> None:
    for platform in ("linux-64", "osx-arm64"):
        (tmp_path / f"conda-{platform}.lock").write_text(
            f"# platform: {platform}\n@EXPLICIT\n"
            f"{HOST}/demo/{platform}/zlib-1.3.1-h4_1.conda#{MD5}\n"
        )
    found = project(tmp_path)
    assert {item.component.occurrences[0].location for item in found.dependencies} == {
        "conda-linux-64.lock",
        "conda-osx-arm64.lock",
    }
    assert all(item.component.occurrences[0].line == 3 for item in found.dependencies)


def test_an_environment_file_pins_only_what_it_pins(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(
        """\
name: demo
channels:
  - demo
dependencies:
  - python=3.12
  - demo::numpy=1.26.4=py312_0   # exact
  - demo/linux-64::scipy ==1.11.4
  - "pandas>=2,<3"
  - pip
  - pip:
      - flask==3.0.0
      - -r more.txt
"""
    )
    found = project(tmp_path)
    assert not found.locked
    assert set(parts(found)) == {
        "pkg:conda/python",
        "pkg:conda/numpy@1.26.4?build=py312_0&channel=demo",
        "pkg:conda/scipy@1.11.4?channel=demo&subdir=linux-64",
        "pkg:conda/pandas",
        "pkg:conda/pip",
        "pkg:pypi/flask@3.0.0",
    }
    assert {(gap.what, gap.where) for gap in found.gaps if gap.what == "dependency.version"} == {
        *(("dependency.version", name) for name in ("python", "pandas", "pip")),
        ("dependency.version", "environment.yml:12"),
    }
    lines = {i.component.name: i.component.occurrences[0].line for i in found.dependencies}
    assert (lines["python"], lines["numpy"], lines["pandas"], lines["flask"]) == (5, 6, 8, 11)


@pytest.mark.parametrize(
    "name", ["pixi.lock", "conda-lock.yml", "conda-linux-64.lock", "environment.yml", "pixi.toml"]
)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"version: 99\n",
        b"[" * 5000,
        b"a: &a [1]\nb: *a\n",
        b"version: 1\npackage: [{name: 3, url: [1]}, 7]\n",
        b"version: 6\npackages: [{conda: 3}, {pypi: x, name: '../'}]\nenvironments: [1]\n",
        b"dependencies: {a: 1}\nversion: 1\n",
        b"dependencies: [1, null, '', {pip: 3}, 'a b c d e']\n",
        b"@EXPLICIT\nnothing\nhttps://x/y#z\n",
    ],
)
def test_what_can_t_be_read_is_a_gap(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = project(tmp_path)
    repr(found).encode()
    assert found == project(tmp_path)
    assert all(isinstance(gap, Gap) for gap in found.gaps)
