"""Lock files as the real tools wrote them (tests/cases/python-*), and hostile ones.

BOM_UPDATE_CASES=1 writes the expected results anew. In the locks the hosts of indexes are
replaced, nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bom.catalog.project import dependencies
from bom.model import Dependency, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = Path(__file__).parents[1] / "cases"
HASH = "0" * 64
POETRY = '[metadata]\ncontent-hash = "x"\n'
HATCH = '[build-system]\nrequires = ["hatchling==1.27.0"]\nbuild-backend = "hatchling.build"\n'


def shown(items: Iterable[Dependency | Gap]) -> list[dict[str, Any]]:
    """As JSON has it, without what is empty."""

    def lean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: kept for k, v in value.items() if (kept := lean(v)) not in ("", [], None)}
        return [lean(item) for item in value] if isinstance(value, list | tuple) else value

    return [{type(item).__name__: lean(asdict(item))} for item in items]


def parts(root: Path) -> dict[str, Dependency]:
    return {
        item.component.bom_ref: item
        for item in dependencies(root)
        if isinstance(item, Dependency) and item.component.name != "hatchling"
    }


def gaps(root: Path) -> set[tuple[str, str]]:
    return {
        (item.what, item.where)
        for item in dependencies(root)
        if isinstance(item, Gap) and item.where != "hatchling"
    }


@pytest.mark.parametrize(
    "case", ["uv", "poetry", "pdm", "pylock", "pylock-uv", "pipenv", "requirements"]
)
def test_a_lock_that_its_own_tool_wrote_reads_as_expected(case: str) -> None:
    folder = CASES / f"python-{case}"
    found = shown(dependencies(folder / "in"))
    expected = folder / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(expected.read_text())


@pytest.mark.parametrize("case", ["uv", "poetry", "pdm"])
def test_locks_with_a_graph_agree_on_every_pin_and_edge(case: str) -> None:
    found = parts(CASES / f"python-{case}/in")
    assert {ref: item.component.requires for ref, item in found.items()} == {
        "pkg:pypi/certifi@2026.10.19.post1": (),
        "pkg:pypi/click@8.5.1": (),
        "pkg:pypi/exceptiongroup@1.3.2": ("pkg:pypi/typing-extensions@4.16.0",),
        "pkg:pypi/h11@0.16.0": (),
        "pkg:pypi/h2@4.4.1": ("pkg:pypi/hpack@4.2.0", "pkg:pypi/hyperframe@6.1.0"),
        "pkg:pypi/hpack@4.2.0": (),
        "pkg:pypi/httpcore@1.0.9": (
            "pkg:pypi/certifi@2026.10.19.post1",
            "pkg:pypi/h11@0.16.0",
            "pkg:pypi/h2@4.4.1",
        ),
        "pkg:pypi/hyperframe@6.1.0": (),
        "pkg:pypi/iniconfig@2.3.1": (),
        "pkg:pypi/tabulate@0.10.0": (),
        "pkg:pypi/typing-extensions@4.16.0": (),
    }
    assert {ref for ref, item in found.items() if item.direct} == {
        "pkg:pypi/click@8.5.1",
        "pkg:pypi/exceptiongroup@1.3.2",
        "pkg:pypi/httpcore@1.0.9",
        "pkg:pypi/tabulate@0.10.0",
    }
    assert [ref for ref, item in found.items() if item.role == "build"] == [
        "pkg:pypi/iniconfig@2.3.1"
    ]
    assert gaps(CASES / f"python-{case}/in") == set()


def test_all_locks_agree_on_the_hashes_that_they_state() -> None:
    stated = {
        case: {
            ref: {digest for file in item.component.distributions for digest in file.hashes}
            for ref, item in parts(CASES / f"python-{case}/in").items()
            if item.component.distributions
        }
        for case in ("uv", "poetry", "pdm", "pipenv", "requirements", "pylock-uv")
    }
    for case, found in stated.items():
        assert len(found) >= 7
        for ref, digests in found.items():
            assert digests == stated["uv"][ref], (case, ref)


# --- hand-made, for what the samples don't have ------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        HATCH + '[project]\nname = "demo"\nversion = "1"\ndependencies = ["one", "two"]\n'
    )
    return tmp_path


def test_a_uv_workspace_gives_each_member_only_what_it_asks_for(tmp_path: Path) -> None:
    for member, needs in (("a", "one"), ("b", "two")):
        folder = tmp_path / "packages" / member
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{member}"\nversion = "1"\ndependencies = ["{needs}"]\n'
        )
    entries = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ registry = "r" }}\n'
        f'sdist = {{ url = "https://x.example.invalid/{name}-1.tar.gz", hash = "sha256:{HASH}" }}\n'
        for name in ("one", "two")
    )
    members = "".join(
        f'[[package]]\nname = "{member}"\nsource = {{ editable = "packages/{member}" }}\n'
        f'dependencies = [{{ name = "{needs}" }}]\n'
        for member, needs in (("a", "one"), ("b", "two"))
    )
    (tmp_path / "uv.lock").write_text(f"version = 1\n{entries}{members}")
    from bom.catalog.project import read, resolve

    found = resolve(read(tmp_path / "packages/a", tmp_path))
    shipped = [i for i in found if isinstance(i, Dependency) and i.role == "shipped"]
    assert [(i.component.purl, i.direct) for i in shipped] == [("pkg:pypi/one@1", True)]
    assert shipped[0].component.occurrences[0].location == "uv.lock"


def test_packages_from_git_urls_and_paths_are_told_apart(root: Path) -> None:
    commit = "a" * 40
    git = "https://user:secret@git.example.invalid/one.git"
    archive = "https://tok@x.example.invalid/two.zip?token=secret"
    (root / "pylock.toml").write_text(
        f"""
lock-version = "1.0"
[[packages]]
name = "one"
vcs = {{ type = "git", url = "{git}", commit-id = "{commit}" }}
[[packages]]
name = "two"
version = "2.0"
archive = {{ url = "{archive}", hashes = {{ sha256 = "{HASH}" }} }}
[[packages]]
name = "three"
directory = {{ path = "./three" }}
"""
    )
    found = parts(root)
    assert set(found) == {
        f"pkg:pypi/one?vcs_url=git%2Bhttps:%2F%2Fgit.example.invalid%2Fone.git%40{commit}",
        "pkg:pypi/two@2.0?download_url=https:%2F%2Fx.example.invalid%2Ftwo.zip",
        "library:three@",
    }
    assert gaps(root) == {
        ("dependency.graph", "pylock.toml"),
        ("dependency.hash", "one"),
        ("dependency.source", "three"),
    }
    assert "secret" not in repr(dependencies(root))
    assert "tok@" not in repr(dependencies(root))


def test_requirements_files_are_read_as_pip_reads_them(root: Path) -> None:
    (root / "requirements").mkdir()
    (root / "requirements.txt").write_text(
        f"""\
--index-url https://user:secret@index.example.invalid/simple
-r requirements/base.in  # an include
-c constraints.txt
one==1.0 ; python_version < "4" \\
    --hash=sha256:{HASH} \\
    --hash=sha256:{"1" * 64}   # two files
three @ git+https://git.example.invalid/three@main
-e ./local
"""
    )
    (root / "requirements/base.in").write_text("two\nTwo_And.Half===2.5 --hash sha256:zz\n")
    (root / "constraints.txt").write_text("two==2.0\nunused==9\n")
    (root / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9.0\n")
    found = parts(root)
    assert {(ref, item.role) for ref, item in found.items()} == {
        ("pkg:pypi/one@1.0", "shipped"),
        ("pkg:pypi/two@2.0", "shipped"),
        ("pkg:pypi/two-and-half@2.5", "shipped"),
        ("pkg:pypi/three", "shipped"),
        ("library:local@", "shipped"),
        ("pkg:pypi/pytest@9.0", "build"),
    }
    one = found["pkg:pypi/one@1.0"].component
    assert len(one.distributions) == 2
    assert (one.occurrences[0].location, one.occurrences[0].line) == ("requirements.txt", 4)
    assert {(p.name, p.value) for p in one.properties} == {
        ("bom-seal:marker", 'python_version < "4"')
    }
    where = {item for item in gaps(root) if item[0] != "dependency.graph"}
    assert where == {
        ("dependency.hash", "pytest"),
        ("dependency.hash", "requirements/base.in:2"),
        ("dependency.hash", "three"),
        ("dependency.hash", "two"),
        ("dependency.hash", "two-and-half"),
        ("dependency.source", "local"),
        ("dependency.version", "three"),
    }
    assert "secret" not in repr(dependencies(root))


def test_an_include_that_leads_outside_the_project_is_not_read(root: Path) -> None:
    (root / "project").mkdir()
    shutil.copy(root / "pyproject.toml", root / "project")
    (root / "private.txt").write_text("-----BEGIN PRIVATE KEY-----\n")
    (root / "project/requirements.txt").write_text("-r ../private.txt\n!!! secret words\n")
    found = dependencies(root / "project")
    assert "PRIVATE" not in repr(found)
    assert "secret words" not in repr(found)
    assert {("dependency.lock", "private.txt"), ("dependency.version", "requirements.txt:2")} <= (
        gaps(root / "project")
    )


def test_only_one_lock_counts_and_the_others_are_named(root: Path) -> None:
    for case, name in (("uv", "uv.lock"), ("poetry", "poetry.lock"), ("pylock", "pylock.toml")):
        shutil.copy(CASES / f"python-{case}/in/{name}", root)
    (root / "requirements.txt").write_text("one==1\n")
    assert {place.location for i in parts(root).values() for place in i.component.occurrences} == {
        "pylock.toml",
        "pyproject.toml",
    }
    assert {item for item in gaps(root) if item[0] == "dependency.lock"} == {
        ("dependency.lock", "poetry.lock"),
        ("dependency.lock", "requirements.txt"),
        ("dependency.lock", "uv.lock"),
    }


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "poetry.lock", "Pipfile.lock"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"version = 99\nlock-version = '7.0'\n",
        b"lock-version = 3\nversion = '1'\n[metadata]\nlock-version = 3\ncontent-hash = 1\n",
        b'{"_meta": 3, "default": {"": 3}}',
    ],
)
def test_a_lock_that_can_t_be_read_is_a_gap_and_the_next_one_counts(
    root: Path, name: str, content: bytes
) -> None:
    (root / name).write_bytes(content)
    (root / "requirements.txt").write_text("one==1.5\n")
    assert "pkg:pypi/one@1.5" in parts(root)
    assert ("dependency.lock", name) in gaps(root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("uv.lock", 'version = 1\npackage = [{name = 3}, {name = "x", source = 1, wheels = 7}]'),
        ("uv.lock", 'version = 1\n[[package]]\nname = "../x"\n[[package]]\n'),
        (
            "poetry.lock",
            '[[package]]\nname = ""\n[[package]]\nname = "y"\nfiles = [1, {}]\n' + POETRY,
        ),
        (
            "poetry.lock",
            '[[package]]\nname = "z"\nmarkers = {a = 1}\ndependencies = {a = [1]}\n' + POETRY,
        ),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "v"\nvcs = {type = "git"}\n'),
        (
            "Pipfile.lock",
            '{"_meta": {"pipfile-spec": 6, "sources": 1}, "default": {"\\ud800": {}, "q": 7}}',
        ),
        ("pyproject.toml", "project = 3\nbuild-system = 4\ndependency-groups = [1]\ntool = 1\n"),
        ("pyproject.toml", '[project]\ndependencies = [1, "!!", "ok"]\ndynamic = 7\n'),
        (
            "pyproject.toml",
            '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}, "x"]\n',
        ),
        ("setup.cfg", "[options\ninstall_requires"),
        ("setup.cfg", "[options]\ninstall_requires =\n  file: x\n  a>1\n  %(x)s\n"),
        ("Pipfile", 'packages = 3\n[dev-packages]\na = 1\nb = {git = "x"}\n'),
    ],
)
def test_values_of_the_wrong_type_never_end_in_a_traceback(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    found = dependencies(tmp_path)
    json.dumps(shown(found)).encode()
    assert found == dependencies(tmp_path)
