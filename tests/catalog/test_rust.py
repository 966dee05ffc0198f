"""Rust: Cargo.lock, Cargo.toml and the audit data in programs.

tests/cases/rust-workspace holds what cargo wrote (Cargo.lock), what `cargo metadata` says of it
(cargo-metadata.json: names, sources, edges) and the section that cargo-auditable put into the
program (dep-v0.bin). BOM_UPDATE_CASES=1 writes the expected results anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.archive.executables import elf_with

from bom.catalog.compare import compare
from bom.catalog.interest import Wanted
from bom.catalog.protocol import Declared, Owned
from bom.catalog.rust import Rust
from bom.catalog.rust.audit import take
from bom.catalog.rust.crate import component
from bom.catalog.rust.lock import CargoLock
from bom.catalog.rust.wanted import DATA, ERROR
from bom.catalog.stated import Unreadable
from bom.catalog.view import directory_view
from bom.model import Dependency, Distribution, Finding, Gap, Hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Need

    from bom.catalog.view import DirectoryView

CASE = Path(__file__).parents[1] / "cases/rust-workspace"
SECTION = (CASE / "dep-v0.bin").read_bytes()
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
ZEROS = "0" * 64


def view_of(root: Path) -> DirectoryView:
    return directory_view(root, Wanted([Rust()]))[0]


def declared(root: Path) -> list[Declared]:
    return list(Rust().declared(view_of(root)))


def installed(root: Path) -> list[Dependency | Gap | Finding | Owned]:
    return list(Rust().installed(view_of(root)))


def components(items: Iterable[object]) -> dict[str, Dependency]:
    return {item.component.bom_ref: item for item in items if isinstance(item, Dependency)}


def gaps(items: Iterable[object]) -> set[tuple[str, str]]:
    return {(item.what, item.where) for item in items if isinstance(item, Gap)}


def program(root: Path, section: bytes, name: str = "program") -> None:
    (root / name).write_bytes(elf_with(b".dep-v0", section))
    (root / name).chmod(0o755)


def audit(*packages: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps({"packages": packages}).encode())


def lean(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := lean(v)) not in ("", [], None)}
    return [lean(item) for item in value] if isinstance(value, list | tuple) else value


def ref_of(package: dict[str, Any]) -> str:
    name, version, source = package["name"], package["version"], package["source"] or ""
    return component(name, version, source).bom_ref


# --- locks ---------------------------------------------------------------------------------------


def test_a_workspace_that_cargo_locked_reads_as_expected() -> None:
    found = [lean(asdict(project)) for project in declared(CASE / "in")]
    expected = CASE / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(expected.read_text())


def agrees(project: Declared, metadata: list[dict[str, Any]]) -> None:
    """Packages and edges are those of `cargo metadata`, without the product itself."""
    refs = {package["name"]: ref_of(package) for package in metadata}
    found = components(project.dependencies)
    assert set(found) == set(refs.values()) - {refs[project.name]}
    edges = {
        refs[package["name"]]: {refs[name] for name, _ in package["deps"]} for package in metadata
    }
    assert {ref: set(item.component.requires) for ref, item in found.items()} == {
        ref: edges[ref] for ref in found
    }
    (product,) = (package for package in metadata if package["name"] == project.name)
    assert {ref for ref, item in found.items() if item.direct} == edges[refs[project.name]]
    kinds = {refs[name]: kinds for name, kinds in product["deps"]}
    assert all(found[ref].role == "build" for ref, of in kinds.items() if "normal" not in of)
    assert all(found[ref].role == "shipped" for ref, of in kinds.items() if "normal" in of)


def test_packages_edges_and_roles_are_those_of_cargo_metadata() -> None:
    (project,) = declared(CASE / "in")
    agrees(project, json.loads((CASE / "cargo-metadata.json").read_text()))
    found = components(project.dependencies)
    assert {ref for ref, item in found.items() if item.optional} == {
        "pkg:cargo/fnv@1.0.7",
        "pkg:cargo/windows-link@0.2.1",
    }
    assert found["cargo:mac@0.2.0"].role == "build"  # a procedural macro
    assert found["pkg:cargo/unicode-ident@1.0.27"].role == "build"
    assert found["pkg:cargo/memchr@2.8.3"].role == "shipped"
    assert (project.name, project.version) == ("app", "0.3.0")


def crate(folder: Path, name: str, version: str, rest: str = "") -> None:
    """A crate in a directory source, as `cargo vendor` lays it out."""
    (folder / "src").mkdir(parents=True)
    text = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{rest}'
    (folder / "Cargo.toml").write_text(text)
    (folder / "src/lib.rs").write_text("")
    checksum = hashlib.sha256(name.encode()).hexdigest()
    (folder / ".cargo-checksum.json").write_text(json.dumps({"files": {}, "package": checksum}))


def test_a_lock_that_cargo_makes_here_agrees_with_cargo_metadata(
    need: Need, tmp_path: Path
) -> None:
    cargo = need("cargo")
    root = tmp_path / "project"
    crate(root / "vendor/one", "one", "1.2.3", '[dependencies]\ntwo = "2"\n')
    crate(root / "vendor/two", "two", "2.0.0")
    crate(root / "vendor/two-old", "two", "1.0.0")
    crate(root / "vendor/tested", "tested", "0.1.0")
    crate(root / "vendor/made", "made", "0.1.0", '[dependencies]\ntwo = "1"\n')
    (root / ".cargo").mkdir()
    (root / ".cargo/config.toml").write_text(
        '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n'
    )
    (root / "own/src").mkdir(parents=True)
    (root / "own/src/lib.rs").write_text("")
    (root / "own/Cargo.toml").write_text('[package]\nname = "own"\nversion = "0.0.1"\n')
    (root / "src").mkdir()
    (root / "src/main.rs").write_text("fn main() {}\n")
    (root / "Cargo.toml").write_text(
        '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
        '[dependencies]\none = "1"\nown = { path = "own" }\nolder = { package = "two", version = '
        '"1" }\n[dev-dependencies]\ntested = "0.1"\n[build-dependencies]\nmade = "0.1"\n'
    )
    command = [cargo, "metadata", "--offline", "--format-version", "1"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CARGO")}
    environment["CARGO_HOME"] = str(tmp_path / "home")
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True)
    metadata = json.loads(done.stdout)
    by_id = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    (project,) = declared(root)
    found = components(project.dependencies)
    refs = {identity: ref_of(package) for identity, package in by_id.items()}
    product = metadata["resolve"]["root"]
    assert set(found) == set(refs.values()) - {refs[product]}
    for identity, node in nodes.items():
        if identity != product:
            expected = {refs[target["pkg"]] for target in node["deps"]}
            assert set(found[refs[identity]].component.requires) == expected
    assert {ref for ref, item in found.items() if item.role == "build"} == {
        "pkg:cargo/made@0.1.0",
        "pkg:cargo/tested@0.1.0",
    }
    assert {ref for ref, item in found.items() if item.direct} == {
        refs[target["pkg"]] for target in nodes[product]["deps"]
    }
    checksum = Hash("SHA-256", hashlib.sha256(b"one").hexdigest())
    assert found["pkg:cargo/one@1.2.3"].component.distributions == (
        Distribution("one-1.2.3.crate", hashes=(checksum,)),
    )


V1 = f"""\
[root]
name = "app"
version = "0.1.0"
dependencies = [
 "dep 1.0.0 ({CRATES_IO})",
 "dep 1.0.0 (git+https://me:pw@example.org/dep?branch=x#{"a" * 40})",
 "other 2.0.0 (registry+https://me:pw@crates.example.org/index)",
]

[[package]]
name = "dep"
version = "1.0.0"
source = "{CRATES_IO}"

[[package]]
name = "dep"
version = "1.0.0"
source = "git+https://me:pw@example.org/dep?branch=x#{"a" * 40}"

[[package]]
name = "other"
version = "2.0.0"
source = "registry+https://me:pw@crates.example.org/index"

[metadata]
"checksum dep 1.0.0 ({CRATES_IO})" = "{ZEROS}"
"checksum dep 1.0.0 (git+https://me:pw@example.org/dep?branch=x#{"a" * 40})" = "<none>"
"""


def test_the_first_version_of_a_lock_is_read_and_sources_keep_no_credentials(
    tmp_path: Path,
) -> None:
    (tmp_path / "Cargo.lock").write_text(V1)
    (project,) = declared(tmp_path)
    found = components(project.dependencies)
    assert set(found) == {
        "pkg:cargo/dep@1.0.0",
        f"pkg:cargo/dep@1.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fdep%40{'a' * 40}",
        "pkg:cargo/other@2.0.0?repository_url=https:%2F%2Fcrates.example.org%2Findex",
    }
    assert all(item.direct for item in found.values())
    assert found["pkg:cargo/dep@1.0.0"].component.distributions[0].hashes[0].value == ZEROS
    assert "pw" not in str(project)
    assert {("dependency.hash", "dep"), ("dependency.hash", "other")} <= gaps(project.gaps)


def test_a_manifest_without_a_lock_is_unpinned_but_for_exact_versions(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "lib"\nversion = "1.0.0"\n[dependencies]\nserde = "1"\n'
        'exact = "=1.2.3"\nown = { path = "../own" }\ngit = { git = "https://example.org/g" }\n'
        f'rev = {{ git = "https://example.org/r", rev = "{"b" * 40}" }}\n'
        'opt = { version = "1", optional = true }\nprivate = { version = "1", registry = "x" }\n'
        '[target.x86_64-pc-windows-gnu.dependencies]\nwin = "1"\n[dev-dependencies]\ndev = "1"\n'
    )
    (project,) = declared(tmp_path)
    found = components(project.dependencies)
    assert set(found) == {
        "cargo:git",
        "cargo:own",
        "cargo:private",
        "pkg:cargo/dev",
        "pkg:cargo/exact@1.2.3",
        "pkg:cargo/opt",
        f"pkg:cargo/rev?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fr%40{'b' * 40}",
        "pkg:cargo/serde",
        "pkg:cargo/win",
    }
    assert {ref for ref, item in found.items() if item.optional} == {
        "pkg:cargo/opt",
        "pkg:cargo/win",
    }
    assert found["pkg:cargo/dev"].role == "build"
    assert not project.locked
    assert ("dependency.version", "serde") in gaps(project.gaps)
    assert ("dependency.version", "exact") not in gaps(project.gaps)


def test_crates_that_cargo_unpacked_or_vendored_declare_nothing(tmp_path: Path) -> None:
    for folder in ("vendor/x", ".cargo/x", "usr/local/cargo/registry/src/i/x", "lib/rustlib/src"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Cargo.toml").write_text('[package]\nname = "x"\n')
        (tmp_path / folder / "Cargo.lock").write_text("version = 4\n")
    assert declared(tmp_path) == []


def test_broken_locks_and_manifests_are_gaps(tmp_path: Path) -> None:
    for name, lock, manifest in (
        ("toml", b"[[", b'[package]\nname = "a"\n'),
        ("bytes", b"\xff", b"\xff"),
        ("empty", b"x = 1\n", b"[[["),
        ("alone", None, b"]"),
        ("nameless", b'version = 4\n[[package]]\nversion = "1"\n', None),
    ):
        (tmp_path / name).mkdir()
        if lock is not None:
            (tmp_path / name / "Cargo.lock").write_bytes(lock)
        if manifest is not None:
            (tmp_path / name / "Cargo.toml").write_bytes(manifest)
    found = {project.folder: gaps(project.gaps) for project in declared(tmp_path)}
    assert found == {
        "alone": {("dependency.declared", "alone/Cargo.toml")},
        "bytes": {
            ("dependency.declared", "bytes/Cargo.toml"),
            ("dependency.lock", "bytes/Cargo.lock"),
        },
        "empty": {
            ("dependency.declared", "empty/Cargo.toml"),
            ("dependency.lock", "empty/Cargo.lock"),
        },
        "nameless": {("dependency.lock", "nameless/Cargo.lock")},
        "toml": {("dependency.lock", "toml/Cargo.lock")},
    }


def test_many_packages_of_one_name_take_a_moment() -> None:
    import time

    asks = ", ".join(f'"x 1.0.{number}"' for number in range(10_000))
    rows = "".join(
        f'[[package]]\nname = "x"\nversion = "1.0.{number}"\n' for number in range(10_000)
    )
    start = time.perf_counter()
    lock = CargoLock(
        f'{rows}[[package]]\nname = "y"\nversion = "1.0.0"\ndependencies = [{asks}]\n'.encode()
    )
    assert len(list(lock.edges(lock.packages[-1]))) == 10_000
    assert time.perf_counter() - start < 20


# --- programs ------------------------------------------------------------------------------------


def test_the_crates_of_a_program_are_those_that_cargo_auditable_put_there(tmp_path: Path) -> None:
    program(tmp_path, SECTION)
    listed = json.loads(zlib.decompress(SECTION))["packages"]
    refs = [
        f"pkg:cargo/{item['name']}@{item['version']}"
        if item["source"] == "crates.io"
        else f"cargo:{item['name']}@{item['version']}"
        for item in listed
    ]
    items = installed(tmp_path)
    found = components(items)
    application = found.pop("application:program").component
    assert set(found) == set(refs)
    for ref, item in zip(refs, listed, strict=True):
        assert found[ref].component.requires == tuple(
            sorted(refs[place] for place in item.get("dependencies", ()))
        )
        assert found[ref].role == ("build" if item.get("kind") == "build" else "shipped")
    assert (application.requires, application.version) == (("cargo:app@0.3.0",), "0.3.0")
    assert application.hash_of == "file"
    assert {where for what, where in gaps(items) if what == "component.hash"} == set(refs)
    (owned,) = (item for item in items if isinstance(item, Owned))
    assert (owned.ref, owned.rule) == ("application:program", "cargo-auditable")


def test_a_lock_in_the_view_gives_the_checksums_and_nothing_differs(tmp_path: Path) -> None:
    program(tmp_path, SECTION)
    shutil.copytree(CASE / "in", tmp_path / "src")
    items = installed(tmp_path)
    found = components(items)
    itoa = found["pkg:cargo/itoa@1.0.11"].component
    assert itoa.distributions[0].hashes[0].value.startswith("49f1f148733354545")
    assert {where for what, where in gaps(items) if what == "component.hash"} == {
        "cargo:app@0.3.0",
        "cargo:mac@0.2.0",
        "cargo:own@0.1.0",
    }
    compared = compare(declared(tmp_path), list(found.values()))
    assert (compared.findings, compared.gaps) == ((), ())


def test_the_source_of_a_crate_from_git_is_its_locks_or_a_gap(tmp_path: Path) -> None:
    section = audit(
        {"name": "app", "version": "0.1.0", "source": "local", "root": True, "dependencies": [1]},
        {"name": "dep", "version": "1.0.0", "source": "git"},
    )
    program(tmp_path, section)
    assert ("dependency.source", "dep") in gaps(installed(tmp_path))
    assert "cargo:dep@1.0.0" in components(installed(tmp_path))
    (tmp_path / "Cargo.lock").write_text(V1)
    found = components(installed(tmp_path))
    assert f"pkg:cargo/dep@1.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fdep%40{'a' * 40}" in found


@pytest.mark.parametrize(
    ("section", "why"),
    [
        (b"no zlib", "can't inflate"),
        (zlib.compress(b"{}")[:-2], "cut off"),
        (zlib.compress(b" " * 9_000_000), "more than 8 MiB"),
        (zlib.compress(b"\xff"), "not UTF-8"),
        (zlib.compress(b"[" * 100_000), "JSON"),
        (zlib.compress(b'{"packages": 1}'), "list no packages"),
        (audit({"name": "x", "version": "1"}), "lacks name"),
        (audit({"name": "x", "version": "1", "source": "local", "dependencies": [1]}), "none of"),
        (audit({"name": "x", "version": "1", "source": "local", "dependencies": [-1]}), "none of"),
        (audit({"name": "x", "version": "1", "source": "local", "dependencies": [True]}), "none"),
        (b"x" * 2_000_000, "larger than 1 MiB"),
    ],
)
def test_broken_audit_data_are_a_gap_and_the_program_stays(
    tmp_path: Path, section: bytes, why: str
) -> None:
    program(tmp_path, section)
    items = installed(tmp_path)
    (gap,) = (item for item in items if isinstance(item, Gap))
    assert (gap.what, gap.where) == ("component", "program")
    assert why in gap.why
    assert components(items)["application:program"].component.hashes


def test_audit_data_without_a_root_say_so(tmp_path: Path) -> None:
    program(tmp_path, audit({"name": "x", "version": "1.0.0", "source": "crates.io"}))
    items = installed(tmp_path)
    assert ("dependency.graph", "program") in gaps(items)
    assert components(items)["application:program"].component.requires == ("pkg:cargo/x@1.0.0",)


def test_the_section_is_what_objcopy_puts_and_finds(need: Need, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "section").write_bytes(SECTION)
    subprocess.run([need("gcc"), "-o", "plain", "main.c"], cwd=tmp_path, check=True)
    objcopy = [need("objcopy"), "--add-section", ".dep-v0=section", "plain", "audited"]
    subprocess.run(objcopy, cwd=tmp_path, check=True)
    assert take((tmp_path / "plain").read_bytes()) == {}
    assert take((tmp_path / "audited").read_bytes()) == {DATA: SECTION}


# --- anything ------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 4) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
PACKAGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b/c", "\ud800", "", "x\ny"]) | VALUES,
        "version": st.sampled_from(["1.0.0", "1"]) | VALUES,
        "source": st.sampled_from(["crates.io", "git", "local", "registry", "odd"]) | VALUES,
        "dependencies": st.lists(st.integers(0, 2), max_size=3) | VALUES,
        "root": VALUES,
        "kind": st.sampled_from(["build", "runtime"]) | VALUES,
    },
)


def checked(root: Path) -> None:
    for item in installed(root):
        assert isinstance(item, Dependency | Gap | Finding | Owned)
        if not isinstance(item, Owned):
            str(item).encode()
    for project in declared(root):
        assert isinstance(project, Declared)
        str(project).encode()


@given(packages=st.lists(PACKAGES, max_size=3) | VALUES)
def test_any_audit_data_give_components_and_gaps(
    packages: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    program(root, zlib.compress(json.dumps({"packages": packages}).encode()))
    checked(root)


@given(raw=st.binary(max_size=300))
def test_any_bytes_give_gaps(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    program(root, raw)
    (root / "Cargo.lock").write_bytes(raw)
    (root / "Cargo.toml").write_bytes(raw)
    checked(root)


@given(
    changes=st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=3)), max_size=6),
    name=st.sampled_from(["Cargo.lock", "Cargo.toml", "app/Cargo.toml"]),
)
def test_a_damaged_workspace_gives_dependencies_and_gaps(
    changes: list[tuple[int, bytes]], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = shutil.copytree(CASE / "in", tmp_path_factory.mktemp("fuzz") / "in")
    raw = bytearray((root / name).read_bytes())
    for place, new in changes:
        raw[place % len(raw) : place % len(raw) + 1] = new
    (root / name).write_bytes(raw)
    checked(root)


TABLES = st.dictionaries(
    st.sampled_from(["package", "dependencies", "dev-dependencies", "target", "workspace", "lib"]),
    st.recursive(
        st.booleans() | st.integers() | st.sampled_from(["a", "1.0.0", "=1.0.0", "a 1.0.0 (x)"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name", "version", "source", "dependencies", "path", "git", "workspace"]
                ),
                inner,
            )
        ),
        max_leaves=10,
    ),
)


@given(lock=TABLES, manifest=TABLES)
def test_any_tables_give_dependencies_and_gaps(
    lock: dict[str, Any], manifest: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import tomli_w

    root = tmp_path_factory.mktemp("fuzz")
    (root / "Cargo.lock").write_text(tomli_w.dumps(lock))
    (root / "Cargo.toml").write_text(tomli_w.dumps(manifest))
    checked(root)


def test_a_section_over_the_limit_is_not_kept() -> None:
    assert set(take(elf_with(b".dep-v0", b"x" * 2_000_000))) == {ERROR}


def test_a_lock_that_is_no_table_of_packages_is_refused() -> None:
    with pytest.raises(Unreadable):
        CargoLock(b"x = 1\n")
