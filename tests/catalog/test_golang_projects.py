"""What Go modules ask for: go.mod, go.sum, go.work and vendor/modules.txt.

BOM_UPDATE_CASES=1 writes the expected results anew.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.go_modules import Workshop

from bom.catalog.golang import Go
from bom.catalog.golang.files import go_file, go_sums, order, vendored
from bom.catalog.golang.module import H1, LOCAL, REPLACES, reference
from bom.catalog.interest import Wanted
from bom.catalog.protocol import Declared
from bom.catalog.view import directory_view
from bom.model import Dependency, Gap, Occurrence

if TYPE_CHECKING:
    from tests.conftest import Need

CASE = Path(__file__).parents[1] / "cases/golang-module"
SUM = f"h1:{'A' * 43}="
OTHER = f"h1:{'B' * 43}="


@pytest.fixture(scope="session")
def workshop(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(need("go"), tmp_path_factory.mktemp("go"))


def declared(root: Path) -> list[Declared]:
    return list(Go().declared(directory_view(root, Wanted([Go()]))[0]))


def write(root: Path, **files: str) -> None:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def parts(project: Declared) -> dict[str, Dependency]:
    return {item.component.bom_ref: item for item in project.dependencies}


def gaps(project: Declared) -> set[tuple[str, str]]:
    return {(gap.what, gap.where) for gap in project.gaps}


def property_of(item: Dependency, name: str) -> list[str]:
    return [one.value for one in item.component.properties if one.name == name]


def lean(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := lean(v)) not in ("", [], None)}
    return [lean(item) for item in value] if isinstance(value, list | tuple) else value


def test_a_module_that_go_itself_tidied_and_vendored_reads_as_expected() -> None:
    found = [lean(asdict(project)) for project in declared(CASE / "in")]
    expected = CASE / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(expected.read_text())


def test_the_modules_are_those_that_go_list_prints(workshop: Workshop, tmp_path: Path) -> None:
    form = "{{.Path}} {{.Version}} {{.Indirect}}{{with .Replace}} {{.Path}} {{.Version}}{{end}}"
    printed = workshop.go("list", "-m", "-f", form, "all")
    expected = {}
    for line in printed.splitlines()[1:]:  # the first is the main module
        match line.split():
            case [path, _, indirect, folder] if folder.startswith("./"):
                expected[reference(path)] = indirect
            case [path, version, indirect]:
                expected[reference(path, version)] = indirect
            case [_, _, indirect, path, version]:
                expected[reference(path, version)] = indirect
    for name in ("go.mod", "go.sum"):
        shutil.copy(workshop.app / name, tmp_path / name)
    (project,) = declared(tmp_path)
    found = parts(project)
    assert {ref: str(not item.direct).lower() for ref, item in found.items()} == expected
    assert project.name == "example.org/Shop/app"


def test_replacements_tools_and_sums_are_taken_in() -> None:
    project = next(item for item in declared(CASE / "in") if not item.folder)
    found = parts(project)
    new = found["pkg:golang/example.org/new@v1.2.0"]
    assert property_of(new, REPLACES) == ["example.org/old@v1.1.0"]
    assert property_of(new, H1)
    assert property_of(found["pkg:golang/example.org/loc"], LOCAL) == ["./loc"]
    assert found["pkg:golang/example.org/tool@v1.4.0"].role == "build"
    assert not found["pkg:golang/example.org/deep@v0.3.0"].direct
    assert ("dependency.hash", "example.org/loc") in gaps(project)
    assert ("dependency.graph", "go.mod") in gaps(project)
    assert Occurrence("vendor/modules.txt", 7) in (
        found["pkg:golang/example.org/deep@v0.3.0"].component.occurrences
    )


def test_a_module_without_a_sum_is_a_gap_and_two_sums_are_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        go_mod="module m\ngo 1.20\nrequire a.b/c v1.0.0\nrequire a.b/d v1.0.0\n",
        go_sum=f"a.b/d v1.0.0 {SUM}\na.b/d v1.0.0/go.mod {SUM}\na.b/d v1.0.0 {OTHER}\n",
    )
    (project,) = declared(tmp_path)
    assert {("dependency.hash", "a.b/c"), ("dependency.lock", "a.b/d")} <= gaps(project)
    assert property_of(parts(project)["pkg:golang/a.b/d@v1.0.0"], H1) == [SUM, OTHER]


def test_before_go_1_17_the_modules_of_go_sum_are_taken_in_where_they_are_sure(
    tmp_path: Path,
) -> None:
    rows = ["a.b/c v1.0.0", "a.b/once v1.0.0", "a.b/twice v1.0.0", "a.b/twice v1.1.0"]
    write(
        tmp_path,
        go_mod="module m\ngo 1.16\nrequire a.b/c v1.0.0\n",
        go_sum="".join(f"{row} {SUM}\n" for row in rows) + f"a.b/mod v1.0.0/go.mod {SUM}\n",
    )
    (project,) = declared(tmp_path)
    found = parts(project)
    assert set(found) == {"pkg:golang/a.b/c@v1.0.0", "pkg:golang/a.b/once@v1.0.0"}
    assert found["pkg:golang/a.b/once@v1.0.0"].optional
    assert {("dependency.version", "a.b/twice"), ("dependency.declared", "go.mod")} <= gaps(project)


def test_a_workspace_makes_its_members_local_and_tells_where_versions_rise(tmp_path: Path) -> None:
    write(
        tmp_path,
        go_work="go 1.21\nuse ./one\nuse (\n ./two // second\n ./gone\n)\nreplace a.b/r => ../r\n",
        go_work_sum=f"a.b/c v1.10.0 {SUM}\n",
        one__go_mod="module a.b/one\ngo 1.21\nrequire (\n a.b/two v0.0.0\n a.b/c v1.9.0\n)\n",
        two__go_mod="module a.b/two\ngo 1.21\nrequire a.b/c v1.10.0\nrequire a.b/r v1.0.0\n",
        two__go_sum=f"a.b/c v1.9.0 {SUM}\n",
    )
    work, one, two = declared(tmp_path)
    assert gaps(work) == {("dependency.declared", "go.work")}
    assert property_of(parts(one)["pkg:golang/a.b/two"], LOCAL) == ["../two"]
    assert property_of(parts(one)["pkg:golang/a.b/c@v1.9.0"], H1) == [SUM]
    assert ("dependency.lock", "a.b/c") in gaps(one)
    assert ("dependency.lock", "a.b/c") not in gaps(two)
    assert property_of(parts(two)["pkg:golang/a.b/r"], LOCAL) == ["../r"]


def test_what_is_vendored_cached_or_the_toolchains_own_declares_nothing(tmp_path: Path) -> None:
    mod = "module x.y/z\ngo 1.20\n"
    write(
        tmp_path,
        go__src__go_mod="module std\ngo 1.26\nrequire golang.org/x/net v0.1.0\n",
        go__src__cmd__go_mod="module cmd\ngo 1.26\n",
        go__misc__go_mod=mod,
        app__vendor__x__go_mod=mod,
        root__go__pkg__mod__x__go_mod=mod,
        app__testdata__go_mod=mod,
        app__node_modules__go_mod=mod,
    )
    (tmp_path / "app/node.modules").rename(tmp_path / "app/node_modules")
    assert declared(tmp_path) == []


def test_what_go_mod_cannot_mean_is_a_gap_that_names_the_line(tmp_path: Path) -> None:
    write(tmp_path, go_mod="module m\ngo 1.20\nrequire (\n a.b/c\n)\nfly me\nrequire ../x v1\n")
    (tmp_path / "binary").mkdir()
    (tmp_path / "binary/go.mod").write_bytes(b"module \xff\n")
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/go.sum").write_text(f"a.b/c v1.0.0 {SUM}\n")
    found = {project.folder: project for project in declared(tmp_path)}
    whys = {gap.why for gap in found[""].gaps}
    assert "line 4, 6 is no directive that is known" in whys
    assert gaps(found["binary"]) == {("dependency.declared", "binary/go.mod")}
    assert gaps(found["alone"]) == {("dependency.declared", "alone/go.sum")}


def test_go_mod_is_read_as_go_reads_it() -> None:
    read = go_file(
        b'module "a.b/quoted" // why\n\ngo 1.21.3\ntoolchain go1.22.0\n\nrequire (\n'
        b'\t"a.b/c" v1.0.0 // indirect; more\n\ta.b/d v1.0.0 // indirectly\n)\n'
        b"exclude a.b/c v0.9.0\nretract [v1.0.0, v1.1.0] // bad\nexclude (\n\ta.b/d v0.1.0\n)\n"
        b"replace a.b/c v1.0.0 => `../c`\ntool (\n\ta.b/c/cmd/x\n)\ngodebug default=go1.21\n"
        b"ignore ./x\n"
    )
    assert (read.module, read.go, read.toolchain) == ("a.b/quoted", "1.21.3", "go1.22.0")
    assert [(item.path, item.indirect) for item in read.required] == [
        ("a.b/c", True),
        ("a.b/d", False),
    ]
    assert [(item.version, item.by, item.by_version) for item in read.replaced] == [
        ("v1.0.0", "../c", "")
    ]
    assert (read.tools, read.broken, read.complete) == (["a.b/c/cmd/x"], [], True)


def test_versions_sort_as_semantic_versioning_has_it() -> None:
    ascending = [
        "nonsense",
        "v0.0.0-20240101000000-abcdefabcdef",
        "v1.0.0-alpha",
        "v1.0.0-alpha.1",
        "v1.0.0-alpha.beta",
        "v1.0.0-rc.2",
        "v1.0.0-rc.11",
        "v1.0.0",
        "v1.9.0",
        "v1.10.0",
        "v2.0.0+incompatible",
    ]
    shuffled = [*ascending[1::2], *ascending[::2]]
    assert sorted(shuffled, key=order) == ascending


def test_fifty_thousand_requirements_take_a_moment(tmp_path: Path) -> None:
    import time

    rows = [f"example.org/m{number}" for number in range(50_000)]
    tools = "".join(f"tool {row}/cmd\n" for row in rows[:1000])
    write(
        tmp_path,
        go_mod="module m\ngo 1.20\nrequire (\n"
        + "".join(f"{row} v1.0.0 // indirect\n" for row in rows)
        + f")\n{tools}tool {'a/' * 500_000}x\n",
        go_sum="".join(f"{row} v1.0.0 {SUM}\n" for row in rows),
    )
    start = time.perf_counter()
    (project,) = declared(tmp_path)
    assert len(project.dependencies) == 50_000
    assert time.perf_counter() - start < 30


def checked(root: Path) -> None:
    for project in declared(root):
        assert isinstance(project, Declared)
        str(project).encode()
        assert all(isinstance(item, Dependency) for item in project.dependencies)
        assert all(isinstance(item, Gap) for item in project.gaps)


SPELLED = 'module go require replace use tool ( ) => v1.0.0 a.b/c ./x " ` # exclude toolchain'
WORDS = st.sampled_from([*SPELLED.split(), "// indirect", "\n", SUM, "\0", "\u202e"])


@given(
    mod=st.lists(WORDS | st.text(max_size=4), max_size=40).map(" ".join),
    sums=st.lists(WORDS, max_size=20).map(" ".join),
    work=st.lists(WORDS, max_size=20).map(" ".join),
)
def test_any_words_give_dependencies_and_gaps(
    mod: str, sums: str, work: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    for name, text in (("go.mod", mod), ("go.sum", sums), ("go.work", work)):
        (root / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    (root / "vendor").mkdir()
    (root / "vendor/modules.txt").write_bytes(sums.encode("utf-8", "surrogatepass"))
    checked(root)


@given(raw=st.binary(max_size=200))
def test_any_bytes_give_dependencies_and_gaps(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    for name in ("go.mod", "go.sum", "go.work", "go.work.sum"):
        (root / name).write_bytes(raw)
    checked(root)


@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3)), max_size=8),
    name=st.sampled_from(["go.mod", "go.sum", "vendor/modules.txt"]),
)
def test_a_damaged_go_mod_gives_dependencies_and_gaps(
    changes: list[tuple[int, bytes]], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = shutil.copytree(CASE / "in", tmp_path_factory.mktemp("fuzz") / "in")
    raw = bytearray((root / name).read_bytes())
    for place, new in changes:
        raw[place % len(raw) : place % len(raw) + 1] = new
    (root / name).write_bytes(raw)
    checked(root)


def test_lines_of_go_sum_and_modules_txt_that_are_none_are_passed_over() -> None:
    assert go_sums(b"a v1\n\nb v1 h1:short\nc v1 h2:x\n d v1 " + SUM.encode() + b" x\n") == {}
    assert list(vendored(b"## explicit\na/b\n# only\n#  spaced   v1\n")) == [("spaced", "v1", 4)]
