"""What a source tree asks for, without and against a lock."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from bom.catalog import ECOSYSTEMS, unread
from bom.catalog.project import dependencies, find, read, resolve
from bom.model import Dependency, Gap

if TYPE_CHECKING:
    from pathlib import Path


def facts(root: Path) -> tuple[dict[str, Dependency], set[tuple[str, str]]]:
    found = dependencies(root)
    parts = {item.component.bom_ref: item for item in found if isinstance(item, Dependency)}
    return parts, {(item.what, item.where) for item in found if isinstance(item, Gap)}


def test_every_kind_of_declared_requirement_is_read_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        """\
[build-system]
requires = ["hatchling==1.27.0", "hatch-vcs"]
[project]
name = "demo"
dependencies = [
  "Pinned_One==1.0",
  "loose>=2; sys_platform == 'win32'",
  "direct @ https://user:secret@x.example.invalid/direct-3.0-py3-none-any.whl",
]
[project.optional-dependencies]
table = ["tabulate==0.9.0"]
all = ["demo[table]"]
[dependency-groups]
test = ["pytest==9.0"]
dev = [{include-group = "test"}, "ruff"]
"""
    )
    parts, gaps = facts(tmp_path)
    assert {(ref, item.role, item.direct) for ref, item in parts.items()} == {
        ("pkg:pypi/hatchling@1.27.0", "build", False),
        ("pkg:pypi/hatch-vcs", "build", False),
        ("pkg:pypi/pinned-one@1.0", "shipped", True),
        ("pkg:pypi/loose", "shipped", True),
        (
            "pkg:pypi/direct@3.0?download_url="
            "https:%2F%2Fx.example.invalid%2Fdirect-3.0-py3-none-any.whl",
            "shipped",
            True,
        ),
        ("pkg:pypi/tabulate@0.9.0", "shipped", True),
        ("pkg:pypi/pytest@9.0", "build", False),
        ("pkg:pypi/ruff", "build", False),
    }
    assert parts["pkg:pypi/pinned-one@1.0"].component.occurrences[0].line == 6
    assert {(p.name, p.value) for p in parts["pkg:pypi/loose"].component.properties} == {
        ("bom-seal:marker", 'sys_platform == "win32"'),
        ("bom-seal:python:specifier", ">=2"),
    }
    assert ("bom-seal:python:for-extra", "table") in {
        (p.name, p.value) for p in parts["pkg:pypi/tabulate@0.9.0"].component.properties
    }
    assert {where for what, where in gaps if what == "dependency.version"} == {
        "hatch-vcs",
        "loose",
        "ruff",
    }
    assert {where for what, where in gaps if what == "dependency.hash"} == {
        *("hatchling", "hatch-vcs", "pinned-one", "loose", "direct", "tabulate", "pytest", "ruff")
    }
    assert "secret" not in repr(parts)


def test_a_stale_lock_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "demo"\ndependencies = ["one>=2", "new==1"]\n'
    )
    (tmp_path / "requirements.txt").write_text(f"one==1.0 --hash=sha256:{'0' * 64}\n")
    parts, gaps = facts(tmp_path)
    assert set(parts) == {"pkg:pypi/one@1.0", "pkg:pypi/new@1"}
    assert ("dependency.lock", "one") in gaps
    assert ("dependency.hash", "new") in gaps


def test_poetry_s_older_tables_are_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        """\
[tool.poetry]
name = "demo"
[tool.poetry.dependencies]
python = "^3.11"
one = "^1.2"
two = {version = "*", optional = true, extras = ["fast"]}
[tool.poetry.group.dev.dependencies]
pytest = "^9"
[tool.poetry.extras]
speed = ["two"]
"""
    )
    parts, _ = facts(tmp_path)
    assert {(ref, item.role) for ref, item in parts.items()} == {
        ("pkg:pypi/one", "shipped"),
        ("pkg:pypi/two", "shipped"),
        ("pkg:pypi/pytest", "build"),
    }
    assert parts["pkg:pypi/one"].component.occurrences[0].line == 5
    assert ("bom-seal:python:for-extra", "speed") in {
        (p.name, p.value) for p in parts["pkg:pypi/two"].component.properties
    }


def test_setup_cfg_is_read_and_setup_py_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = demo\n[options]\ninstall_requires =\n  one==1.0\n  two>2  # why\n"
        "[options.extras_require]\nmore = three; four\n"
    )
    (tmp_path / "setup.py").write_text("raise SystemExit('never run')\n")
    parts, gaps = facts(tmp_path)
    assert set(parts) == {
        "pkg:pypi/one@1.0",
        "pkg:pypi/two",
        "pkg:pypi/three",
        "pkg:pypi/four",
    }
    assert parts["pkg:pypi/one@1.0"].component.occurrences[0].line == 5
    assert ("dependency.declared", "setup.py") in gaps


def test_setuptools_dynamic_dependencies_come_from_the_files_it_names(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "demo"\ndynamic = ["dependencies", "version"]\n'
        '[tool.setuptools.dynamic]\ndependencies = {file = ["needs.txt", "../outside.txt"]}\n'
    )
    (tmp_path / "needs.txt").write_text("# a list\none==1.0\n")
    parts, gaps = facts(tmp_path)
    assert set(parts) == {"pkg:pypi/one@1.0"}
    assert parts["pkg:pypi/one@1.0"].component.occurrences[0].location == "needs.txt"
    assert ("dependency.declared", "pyproject.toml: ../outside.txt") in gaps


def test_what_the_built_package_states_settles_what_code_decided(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    project = read(tmp_path)
    before = resolve(project)
    assert [item.what for item in before if isinstance(item, Gap)] == ["dependency.declared"]
    after = resolve(project, ("one==1.0", 'two>=2; extra == "more"', "?"))
    parts = [item for item in after if isinstance(item, Dependency)]
    assert [(i.component.purl, i.direct) for i in parts] == [
        ("pkg:pypi/one@1.0", True),
        ("pkg:pypi/two", True),
    ]
    assert ("bom-seal:python:for-extra", "more") in {
        (p.name, p.value) for p in parts[1].component.properties
    }
    assert {(i.what, i.where) for i in after if isinstance(i, Gap)} == {
        ("dependency.declared", "Requires-Dist"),
        ("dependency.hash", "one"),
        ("dependency.hash", "two"),
        ("dependency.version", "two"),
    }


@pytest.mark.parametrize("name", ["pubspec.lock", "mix.exs", "deno.lock", "conan.lock"])
def test_an_ecosystem_that_is_not_read_yet_is_a_gap(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert facts(tmp_path) == ({}, {("ecosystem", name)})


def test_a_tree_without_any_project_has_no_dependencies_and_no_gaps(tmp_path: Path) -> None:
    assert dependencies(tmp_path) == ()


def test_the_nearest_project_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "sub/dist").mkdir(parents=True)
    assert find(tmp_path / "sub/dist", tmp_path) == tmp_path
    (tmp_path / "sub/setup.py").touch()
    assert find(tmp_path / "sub/dist", tmp_path) == tmp_path / "sub"
    assert find(tmp_path / "gone/dist", tmp_path / "gone") is None


@pytest.fixture
def polyglot(tmp_path: Path) -> Path:
    (tmp_path / "svc").mkdir()
    (tmp_path / "svc/pyproject.toml").write_text('[project]\nname = "a"\ndependencies = ["one"]\n')
    (tmp_path / "svc/package.json").write_text(
        '{"name": "a", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}'
    )
    (tmp_path / "environment.yml").write_text("dependencies: [python=3.12]\n")
    return tmp_path


@pytest.mark.parametrize(
    ("ships", "carried"),
    [
        (frozenset({"pypi"}), {"pkg:pypi/one"}),
        (frozenset({"npm"}), {"pkg:npm/left-pad@1.3.0"}),
        (None, {"pkg:pypi/one", "pkg:npm/left-pad@1.3.0"}),
    ],
)
def test_what_an_artifact_s_own_ecosystem_asks_for_ships(
    polyglot: Path, ships: frozenset[str] | None, carried: set[str]
) -> None:
    found = resolve(read(polyglot / "svc", polyglot), None, ships)
    parts = [item for item in found if isinstance(item, Dependency)]
    assert {i.component.purl for i in parts if i.role == "shipped"} == carried
    assert {i.component.purl for i in parts} == {
        "pkg:pypi/one",
        "pkg:npm/left-pad@1.3.0",
        "pkg:conda/python",
    }
    assert not any(item.direct for item in parts if item.role == "build")
    assert {i.component.occurrences[0].location for i in parts} == {
        "svc/pyproject.toml",
        "svc/package.json",
        "environment.yml",
    }


def test_a_folder_of_scripts_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/make.py").touch()
    (tmp_path / "tools/constraints.txt").touch()
    assert find(tmp_path / "tools", tmp_path) == tmp_path


def test_what_an_ecosystem_reads_is_not_called_unread() -> None:
    read_by_others = {
        name
        for name in unread.NAMES
        for ecosystem in ECOSYSTEMS
        if ecosystem.name != "unread" and ecosystem.matches(PurePosixPath(name))
    }
    assert read_by_others == set()


def test_a_project_is_read_without_listing_what_lies_deeper(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\n')
    (tmp_path / "requirements.txt").write_text(
        f"-r deep/er/more.txt\n-r ../outside.txt\n-r {'a/' * 5000}b.txt\n"
    )
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/more.txt").write_text("one==1\n")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "requirements-x.txt").write_text("-r link/hostname\n")
    parts, gaps = facts(tmp_path)
    assert set(parts) == {"pkg:pypi/one@1"}
    assert {("dependency.lock", "outside.txt"), ("dependency.lock", "link/hostname")} <= gaps


def test_the_members_of_a_cargo_workspace_say_what_only_tests_need(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[workspace]\nmembers = ["a", "b"]\n')
    for name, table in (
        ("a", 'dependencies]\nitoa = "1"'),
        ("b", 'dev-dependencies]\ncfg-if = "1"'),
    ):
        (tmp_path / name).mkdir()
        stated = f'[package]\nname = "{name}"\nversion = "0.1.0"\n[{table}\n'
        (tmp_path / name / "Cargo.toml").write_text(stated)
    checksum = f'source = "registry+https://index.example.invalid"\nchecksum = "{"0" * 64}"\n'
    (tmp_path / "Cargo.lock").write_text(
        "version = 4\n"
        '[[package]]\nname = "a"\nversion = "0.1.0"\ndependencies = ["itoa"]\n'
        '[[package]]\nname = "b"\nversion = "0.1.0"\ndependencies = ["cfg-if"]\n'
        f'[[package]]\nname = "itoa"\nversion = "1.0.1"\n{checksum}'
        f'[[package]]\nname = "cfg-if"\nversion = "1.0.0"\n{checksum}'
    )
    parts, gaps = facts(tmp_path)
    roles = {item.component.name: item.role for item in parts.values()}
    assert (roles["itoa"], roles["cfg-if"]) == ("shipped", "build")
    assert not [gap for gap in gaps if gap[0] == "dependency.declared"]


def test_the_modules_that_a_go_workspace_uses_are_the_project_s(tmp_path: Path) -> None:
    (tmp_path / "go.work").write_text("go 1.21\nuse ./x\nuse ./y\n")
    for name, needs in (("x", "one"), ("y", "two"), ("unused", "three")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text(
            f"module example.org/{name}\ngo 1.21\nrequire example.org/{needs} v1.0.0\n"
        )
    parts, _ = facts(tmp_path)
    assert {item.component.name for item in parts.values()} == {
        "example.org/one",
        "example.org/two",
    }
