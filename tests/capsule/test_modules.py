"""What package managers fetch: held against the locks of the source, and put where they find it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.capsule.fetched import Fetched, looked_for
from bom.capsule.fetchers import collected
from bom.capsule.golang import Go
from bom.capsule.npm import Npm, files, locked
from bom.capsule.offline import placed
from bom.capsule.reading import Capsule
from bom.capsule.rust import Rust
from bom.capsule.writing import Contents
from bom.capsule_record import CapsuleRecord, Item, Missing
from bom.errors import BadArtifact

if TYPE_CHECKING:
    from tests.conftest import Need

SHA512 = base64.b64encode(b"\1" * 64).decode()


def lock(folder: Path, **packages: object) -> Path:
    path = folder / "package-lock.json"
    path.write_text(json.dumps({"lockfileVersion": 3, "packages": {"": {}, **packages}}))
    return path


def test_locks_of_others_are_left_alone(tmp_path: Path) -> None:
    for place in (".", "part", "vendor/x", "node_modules/x", "testdata", "target", ".cache"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "go.mod").touch()
    assert looked_for(tmp_path, "go.mod") == [tmp_path / "go.mod", tmp_path / "part/go.mod"]


def test_a_lock_of_npm_is_what_comes_from_elsewhere(tmp_path: Path) -> None:
    entry = {"version": "1.0.0", "integrity": f"sha512-{SHA512} sha1-!! other-x"}
    path = lock(
        tmp_path,
        **{
            "node_modules/a": entry,
            "node_modules/a/node_modules/@s/b": {**entry, "optional": True},
            "node_modules/alias": {**entry, "name": "c"},
            "node_modules/linked": {"link": True, "resolved": "part"},
            "node_modules/packed": {"version": "1.0.0", "resolved": "file:packed.tgz"},
            "node_modules/inside": {**entry, "inBundle": True},
            "part": {"version": "1.0.0"},
        },
    )
    found = locked(path)
    assert [(item.name, item.optional) for item in found] == [
        ("@s/b", True),
        ("a", False),
        ("c", False),
    ]
    assert {item.digests for item in found} == {(("sha512", "01" * 64),)}
    assert found[0].file_name == "@s/b/-/b-1.0.0.tgz"
    assert found[0].purl == "pkg:npm/%40s/b@1.0.0"


def test_a_lock_of_version_1_is_read_too(tmp_path: Path) -> None:
    inner = {"b": {"version": "2.0.0", "integrity": f"sha512-{SHA512}"}}
    part = {"version": "1.0.0", "dependencies": inner}
    path = tmp_path / "package-lock.json"
    path.write_text(json.dumps({"lockfileVersion": 1, "dependencies": {"a": part}}))
    assert [(item.name, len(item.digests)) for item in locked(path)] == [("a", 0), ("b", 1)]


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"packages": [1]}'])
def test_what_is_no_lock_has_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "package-lock.json"
    path.write_text(text)
    assert locked(path) == []


def test_npm_packages_that_no_digest_or_name_tells_are_named(tmp_path: Path) -> None:
    whole = {"version": "1.0.0", "integrity": f"sha512-{SHA512}"}
    path = lock(
        tmp_path,
        **{
            "node_modules/bare": {"version": "1.0.0"},
            "node_modules/gone": whole,
            "node_modules/skipped": {**whole, "optional": True},
            "node_modules/up": {**whole, "name": "../../up"},
            "node_modules/odd": {**whole, "version": "1/../2"},
        },
    )
    found = list(files(path, "package-lock.json", tmp_path))
    assert all(isinstance(item, Missing) for item in found)
    assert [(item.what, item.where) for item in found if isinstance(item, Missing)] == [
        ("package.file", "../../up 1.0.0"),
        ("package.hash", "bare 1.0.0"),
        ("package.file", "gone 1.0.0"),
        ("package.file", "odd 1/../2"),
    ]


def test_npm_finds_a_file_by_each_digest(tmp_path: Path) -> None:
    file = tmp_path / "npm/a/-/a-1.0.0.tgz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"packed")
    Npm().settings(tmp_path / "npm", tmp_path / "cache", {})
    for algorithm in ("sha512", "sha1"):
        digest = hashlib.new(algorithm, b"packed").hexdigest()
        place = tmp_path / "cache/_cacache/content-v2" / algorithm / digest[:2] / digest[2:4]
        assert (place / digest[4:]).read_bytes() == b"packed"


def test_a_go_module_that_go_sum_does_not_have_is_named(tmp_path: Path, need: Need) -> None:
    need("go")
    versions = tmp_path / "proxy/example.org/dep/@v"
    versions.mkdir(parents=True)
    (versions / "v1.0.0.info").write_text('{"Version":"v1.0.0"}')
    (versions / "v1.0.0.mod").write_text("module example.org/dep\n")
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as out:
        out.writestr("example.org/dep@v1.0.0/dep.go", "package dep\n")
    root = tmp_path / "app"
    for name, needs in (("one", "dep"), ("two", "gone")):
        (root / name).mkdir(parents=True)
        (root / name / "go.mod").write_text(
            f"module example.org/{name}\n\ngo 1.20\n\nrequire example.org/{needs} v1.0.0\n"
        )
    more = {"GOPROXY": (tmp_path / "proxy").as_uri(), "GOSUMDB": "off", "GOTOOLCHAIN": "local"}
    found = list(Go().fetch(root, tmp_path / "cache", {**os.environ, **more}))
    missing = [(i.what, i.where) for i in found if isinstance(i, Missing)]
    assert missing == [
        ("package.hash", "example.org/dep v1.0.0"),
        ("package.file", "two/go.mod"),
    ]
    known = {i.name.rpartition("/")[2]: i.known for i in found if isinstance(i, Fetched)}
    assert known == {"v1.0.0.info": "", "v1.0.0.mod": "", "v1.0.0.zip": "resolved"}


@pytest.mark.parametrize("manager", [Go(), Npm(), Rust()])
def test_without_its_program_what_it_fetches_is_named(
    manager: Go | Npm | Rust, tmp_path: Path
) -> None:
    root = tmp_path / "app"
    root.mkdir()
    for name in ("go.mod", "package-lock.json"):
        (root / name).write_text("{}")
    (root / "Cargo.lock").write_text("version = 4\n")
    (tmp_path / "out").mkdir()
    (lack,) = manager.fetch(root, tmp_path / "out", {"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert isinstance(lack, Missing)
    assert lack.why == f"{manager.name} is not on PATH"


def test_a_configuration_of_cargo_that_may_hold_a_password_is_not_taken(
    tmp_path: Path, need: Need
) -> None:
    need("cargo")
    home, root, out = (tmp_path / name for name in ("home", "app", "out"))
    for folder in (home, root / "src", out):
        folder.mkdir(parents=True)
    (home / "config.toml").write_text(
        '[registries.mine]\nindex = "sparse+https://me:secret@crates.example/"\n'
    )
    (home / "credentials.toml").write_text('[registries.mine]\ntoken = "secret"\n')
    (root / "Cargo.toml").write_text('[package]\nname = "a"\nversion = "1.0.0"\n')
    (root / "src/lib.rs").touch()
    (root / "Cargo.lock").write_text('version = 3\n[[package]]\nname = "a"\nversion = "1.0.0"\n')
    environment = {"RUSTUP_HOME": str(Path.home() / ".rustup"), **os.environ}
    (lack,) = Rust().fetch(root, out, {**environment, "CARGO_HOME": str(home)})
    assert isinstance(lack, Missing)
    assert lack.where == "config.toml"
    assert b"secret" not in b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "names",
    [["../x"], ["npm/../../x"], ["/etc/x"], ["alone"], ["npm/a", "npm/a"], ["npm/a", "npm/a/b"]],
)
def test_no_module_leads_out_of_its_folder_or_stands_twice(
    names: list[str], tmp_path: Path
) -> None:
    blobs, out = tmp_path / "blobs", tmp_path / "in" / "out"
    for folder in (blobs, out):
        folder.mkdir(parents=True)
    digest = hashlib.sha256(b"x").hexdigest()
    (blobs / digest).write_bytes(b"x")
    items = [Item(role="module", name=name, sha256=digest, size=1) for name in names]
    record = CapsuleRecord(commit="0" * 40, command=["true"], items=items)
    with pytest.raises(BadArtifact):
        placed(Capsule(record, blobs), out)
    assert list((tmp_path / "in").iterdir()) == [out]


def said(tmp_path: Path, command: tuple[str, ...], kind: str, *purls: str) -> list[tuple[str, str]]:
    """What is missing of a build whose source has a lock of npm's alone, and no program is here."""
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "out").mkdir()
    kept = [{"name": "bom-seal:subject:kind", "value": kind}]
    document = {
        "metadata": {"component": {"properties": kept}},
        "components": [{"purl": text} for text in purls],
    }
    found = collected(
        Contents(), command, document, tmp_path, tmp_path / "out", {"PATH": str(tmp_path)}
    )
    return [(item.where, item.why.partition(";")[0]) for item in found]


def test_what_is_collected_goes_by_what_the_bom_names(tmp_path: Path) -> None:
    purls = ("pkg:npm/a@1", "pkg:npm/b@1", "pkg:golang/c@1", "pkg:maven/d/e@1", "pkg:maven/f/g@1")
    assert said(tmp_path, ("make",), "tar", *purls) == [
        ("package-lock.json", "npm is not on PATH"),
        ("1 Go modules", "the source has no go.mod"),
        ("2 Maven artifacts", "this version of bom does not collect them"),
    ]


@pytest.mark.parametrize(
    ("command", "kind"), [(("npm", "pack"), "npm"), (("docker", "build"), "image")]
)
def test_what_only_packs_and_an_image_fetch_nothing_that_way(
    command: tuple[str, ...], kind: str, tmp_path: Path
) -> None:
    assert said(tmp_path, command, kind, "pkg:npm/a@1") == []


def test_a_python_package_takes_crates_alone(tmp_path: Path) -> None:
    (tmp_path / "Cargo.lock").write_text("version = 4\n")
    assert said(tmp_path, ("python",), "wheel", "pkg:npm/a@1", "pkg:cargo/b@1", "pkg:gem/c@1") == [
        ("Cargo.lock", "cargo is not on PATH")
    ]
