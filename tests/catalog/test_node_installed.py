"""Installed JavaScript packages: real npm in real projects, and trees made by hand."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from bom.catalog import catalogue_directory
from bom.catalog.compare import compare
from bom.catalog.interest import Wanted
from bom.catalog.node import Node
from bom.catalog.node.places import called, holder, package_folder
from bom.catalog.view import directory_view
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

SHA512 = "sha512-" + "A" * 86 + "=="


def put(root: Path, name: str, content: str | bytes | dict[str, Any]) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def package(root: Path, folder: str, name: str, version: str = "1.0.0", **fields: Any) -> None:
    document = {"name": name, "version": version, "license": "MIT", **fields}
    put(root, f"{folder}/package.json", document)


def found(root: Path) -> tuple[dict[str, Dependency], set[Gap], set[Finding]]:
    items = catalogue_directory(root).observations
    return (
        {i.component.purl.removeprefix("pkg:npm/"): i for i in items if isinstance(i, Dependency)},
        {item for item in items if isinstance(item, Gap)},
        {item for item in items if isinstance(item, Finding)},
    )


def npm(need: Need, folder: Path, *words: str) -> str:
    """What npm prints, without a registry."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("npm_")}
    environment |= {"npm_config_offline": "true", "npm_config_cache": str(folder / ".npm-cache")}
    environment |= {"npm_config_audit": "false", "npm_config_fund": "false"}
    environment |= {"npm_config_update_notifier": "false", "npm_config_ignore_scripts": "true"}
    done = subprocess.run(
        [need("npm"), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(tree: dict[str, Any]) -> set[tuple[str, str]]:
    """Name and version of everything that `npm ls --all --json --long` lists."""
    names: set[tuple[str, str]] = set()
    waiting = [tree]
    while waiting:
        for name, child in waiting.pop().get("dependencies", {}).items():
            if "version" in child:
                names.add((child.get("name", name), child["version"]))
                waiting.append(child)
    return names


def names(dependencies: dict[str, Dependency]) -> set[tuple[str, str]]:
    return {
        ("/".join(filter(None, (c.group, c.name))), c.version)
        for c in (item.component for item in dependencies.values())
    }


@pytest.fixture
def project(need: Need, tmp_path: Path) -> Path:
    """A project that npm installed out of tarballs: nested versions, a scope, bundled packages,
    development and optional dependencies, tests with a node_modules of their own."""
    made: dict[tuple[str, str], str] = {}

    def pack(name: str, version: str, **fields: Any) -> str:
        folder = f"packed/{name.replace('/', '-').strip('@')}-{version}"
        package(tmp_path, folder, name, version, **fields)
        for bundled in fields.get("bundleDependencies", ()):
            package(tmp_path, f"{folder}/node_modules/{bundled}", bundled, "0.9.0")
        package(tmp_path, f"{folder}/test/node_modules/fixture", "fixture", "6.6.6")
        put(tmp_path, f"{folder}/dist/esm/package.json", '{"type": "module"}')
        file = npm(need, tmp_path, "pack", f"./{folder}", "--silent").split()[-1]
        made[name, version] = f"file:{tmp_path}/{file}"
        return made[name, version]

    leaf1, leaf2 = pack("leaf", "1.0.0"), pack("leaf", "2.0.0")
    scoped = pack("@scope/mid", "1.0.0", dependencies={"leaf": leaf1})
    bundler = pack("bundler", "3.0.0", dependencies={"inner": "*"}, bundleDependencies=["inner"])
    app = tmp_path / "app"
    asked = {"leaf": leaf2, "@scope/mid": scoped, "bundler": bundler}
    development = {"only-dev": pack("only-dev", "1.0.0")}
    document = {"name": "app", "version": "1.0.0", "dependencies": asked}
    put(app, "package.json", {**document, "devDependencies": development})
    npm(need, app, "install")
    return app


def test_what_npm_installed_is_what_npm_lists(project: Path, need: Need) -> None:
    truth = listed(json.loads(npm(need, project, "ls", "--all", "--json", "--long")))
    dependencies, gaps, findings = found(project)
    assert names(dependencies) == truth
    assert truth == {
        ("@scope/mid", "1.0.0"),
        ("bundler", "3.0.0"),
        ("inner", "0.9.0"),
        ("leaf", "1.0.0"),
        ("leaf", "2.0.0"),
        ("only-dev", "1.0.0"),
    }
    assert not findings
    assert not [gap for gap in gaps if gap.what.startswith(("component", "dependency."))]
    edges = dependencies["%40scope/mid@1.0.0"].component.requires
    assert edges == ("pkg:npm/leaf@1.0.0",)
    assert {ref for ref, item in dependencies.items() if item.direct} == {
        "%40scope/mid@1.0.0",
        "bundler@3.0.0",
        "leaf@2.0.0",
        "only-dev@1.0.0",
    }
    (tarball,) = dependencies["leaf@2.0.0"].component.distributions
    assert tarball.hashes[0].alg == "SHA-512"


def test_an_install_from_its_lock_lacks_nothing_that_the_lock_needs(
    project: Path, need: Need
) -> None:
    npm(need, project, "ci", "--omit=dev")
    view, _ = directory_view(project, Wanted([Node()]))
    (declared,) = Node().declared(view)
    needed = {
        i.component.bom_ref for i in declared.dependencies if i.role == "shipped" and not i.optional
    }
    stated = {i.component.bom_ref for i in declared.dependencies if i.role == "shipped"}
    installed = {i.component.bom_ref for i in Node().installed(view) if isinstance(i, Dependency)}
    assert needed <= installed <= stated
    assert "pkg:npm/only-dev@1.0.0" not in installed


def test_npm_s_own_packages_are_what_npm_lists(need: Need, tmp_path: Path) -> None:
    """npm bundles its dependencies, several of them nested."""
    root = npm(need, tmp_path, "root", "--global").strip()
    truth = listed(json.loads(npm(need, tmp_path, "ls", "-g", "--all", "--json", "--long")))
    put(tmp_path, "lib/.keep", "")
    from pathlib import Path

    if Path(root).is_dir():
        (tmp_path / "lib/node_modules").mkdir()
        subprocess.run(["cp", "-a", f"{root}/.", str(tmp_path / "lib/node_modules")], check=True)
    dependencies, _, _ = found(tmp_path)
    assert names(dependencies) == truth


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("node_modules/a/package.json", "node_modules/a"),
        ("x/node_modules/@s/a/package.json", "x/node_modules/@s/a"),
        ("node_modules/a/node_modules/b/package.json", "node_modules/a/node_modules/b"),
        (
            "node_modules/.pnpm/a@1/node_modules/a/package.json",
            "node_modules/.pnpm/a@1/node_modules/a",
        ),
        ("node_modules/.store/a-npm-1/package/package.json", "node_modules/.store/a-npm-1/package"),
        ("usr/share/nodejs/@s/a/package.json", "usr/share/nodejs/@s/a"),
        ("package.json", ""),
        ("node_modules/package.json", ""),
        ("node_modules/@s/package.json", ""),
        ("node_modules/a/dist/package.json", ""),
        ("node_modules/a/test/node_modules/b/package.json", ""),
        ("node_modules/.cache/a/package.json", ""),
        ("node_modules/.bin/package.json", ""),
        ("node_modules/.pnpm/a@1/package.json", ""),
        ("node_modules/a/node_modules/package.json", ""),
        ("src/package.json", ""),
    ],
)
def test_only_what_node_would_load_is_a_package(path: str, folder: str) -> None:
    assert package_folder(path) == folder


def test_a_package_is_called_by_its_folder() -> None:
    assert called("x/node_modules/@s/a") == "@s/a"
    assert called("node_modules/.store/a-npm-1/package") == ""
    assert holder("x/node_modules/@s/a") == "x"
    assert holder("node_modules/a") == ""


def test_statements_are_taken_as_they_stand(tmp_path: Path) -> None:
    package(
        tmp_path,
        "node_modules/a",
        "a",
        "v1.0.0",
        license={"type": "Apache-2.0", "url": "https://example.org"},
        author={"name": "A Person", "email": "a@example.org"},
        homepage="https://me:secret@example.org/",
        repository={"type": "git", "url": "git+https://me:secret@example.org/a.git"},
        description="  one\n\x1b[31m two ",
    )
    package(tmp_path, "node_modules/b", "b", license="SEE LICENSE IN LICENCE.txt")
    package(tmp_path, "node_modules/c", "c", license="(MIT OR Apache-2.0)")
    old = {"name": "d", "version": "1.0.0", "licenses": [{"type": "MIT"}, {"type": "BSD"}]}
    put(tmp_path, "node_modules/d/package.json", old)
    put(tmp_path, "node_modules/e/package.json", '{"name": "e", "version": "1.0.0"}')
    parts, gaps, _ = found(tmp_path)
    a = parts["a@1.0.0"].component
    assert [(licence.value, licence.form) for licence in a.licences] == [("Apache-2.0", "id")]
    assert (a.maintainer, a.supplier) == ("A Person <a@example.org>", "")
    assert a.description == "one [31m two"
    assert "secret" not in repr(a)
    assert ("bom-seal:npm:repository", "https://example.org/a.git") in {
        (item.name, item.value) for item in a.properties
    }
    assert parts["b@1.0.0"].component.licences[0].form == "name"
    assert parts["c@1.0.0"].component.licences[0].form == "expression"
    assert [item.value for item in parts["d@1.0.0"].component.licences] == ["BSD", "MIT"]
    assert {(g.what, g.ref) for g in gaps} == {("component.licence", "pkg:npm/e@1.0.0")}


def test_an_alias_is_the_real_package(tmp_path: Path) -> None:
    package(tmp_path, "node_modules/other", "@real/name")
    package(tmp_path, "node_modules/user", "user", dependencies={"other": "npm:@real/name@1"})
    parts, _, _ = found(tmp_path)
    assert set(parts) == {"%40real/name@1.0.0", "user@1.0.0"}
    facts = {(p.name, p.value) for p in parts["%40real/name@1.0.0"].component.properties}
    assert ("bom-seal:npm:alias", "other") in facts
    assert parts["user@1.0.0"].component.requires == ("pkg:npm/%40real/name@1.0.0",)


def test_pnpm_s_links_make_no_second_package(tmp_path: Path) -> None:
    store = "node_modules/.pnpm"
    package(tmp_path, f"{store}/a@1.0.0/node_modules/a", "a", dependencies={"b": "1"})
    package(tmp_path, f"{store}/b@1.0.0/node_modules/b", "b")
    link(tmp_path / store / "a@1.0.0/node_modules/b", "../../b@1.0.0/node_modules/b")
    link(tmp_path / "node_modules/a", ".pnpm/a@1.0.0/node_modules/a")
    put(tmp_path, "package.json", {"dependencies": {"a": "1"}})
    lock = (
        "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: "
        f"{SHA512}}}\nsnapshots:\n  a@1.0.0: {{}}\n"
    )
    put(tmp_path, f"{store}/lock.yaml", lock)
    parts, gaps, _ = found(tmp_path)
    assert set(parts) == {"a@1.0.0", "b@1.0.0"}
    a = parts["a@1.0.0"]
    assert a.direct
    assert a.component.requires == ("pkg:npm/b@1.0.0",)
    assert len(a.component.occurrences) == 1
    assert a.component.distributions[0].hashes[0].alg == "SHA-512"
    assert not gaps


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def test_equal_copies_are_no_finding_and_others_are(tmp_path: Path) -> None:
    for folder in ("node_modules/a", "node_modules/b/node_modules/a"):
        package(tmp_path, folder, "a")
        put(tmp_path, f"{folder}/index.js", "1")
    package(tmp_path, "node_modules/b", "b")
    parts, _, findings = found(tmp_path)
    assert not findings
    assert len(parts["a@1.0.0"].component.occurrences) == 2
    put(tmp_path, "node_modules/b/node_modules/a/index.js", "2")
    _, _, findings = found(tmp_path)
    assert {(item.code, item.ref) for item in findings} == {("copies", "pkg:npm/a@1.0.0")}


def test_a_package_s_hash_leaves_out_what_is_installed_inside_it(tmp_path: Path) -> None:
    package(tmp_path, "node_modules/a", "a")
    put(tmp_path, "node_modules/a/test/node_modules/fixture/index.js", "its own")
    before = found(tmp_path)[0]["a@1.0.0"].component.hashes
    package(tmp_path, "node_modules/a/node_modules/b", "b")
    put(tmp_path, "node_modules/.bin/a", "an installer's")
    assert found(tmp_path)[0]["a@1.0.0"].component.hashes == before
    put(tmp_path, "node_modules/a/test/node_modules/fixture/index.js", "changed")
    assert found(tmp_path)[0]["a@1.0.0"].component.hashes != before


def test_only_what_must_be_there_and_is_not_is_a_gap(tmp_path: Path) -> None:
    package(
        tmp_path,
        "node_modules/a",
        "a",
        dependencies={"gone": "1", "soft": "1"},
        optionalDependencies={"soft": "1", "other": "1"},
        peerDependencies={"peer": "1"},
        devDependencies={"never": "1"},
    )
    _, gaps, _ = found(tmp_path)
    assert {(gap.what, gap.why) for gap in gaps} == {
        ("dependency", "it depends on gone, which is not installed")
    }


def test_a_package_json_that_is_none_is_a_gap(tmp_path: Path) -> None:
    put(tmp_path, "node_modules/a/package.json", "{")
    put(tmp_path, "node_modules/b/package.json", '{"name": "b"}')
    put(tmp_path, "node_modules/c/package.json", '{"name": "../c", "version": "1.0.0"}')
    parts, gaps, _ = found(tmp_path)
    assert not parts
    assert {gap.where for gap in gaps if gap.what == "component"} == {
        f"node_modules/{name}/package.json" for name in "abc"
    }


def test_plug_n_play_s_zips_are_packages(tmp_path: Path) -> None:
    for name in ("a", "b"):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            document = {"name": name, "version": "1.0.0", "license": "MIT"}
            archive.writestr(f"node_modules/{name}/package.json", json.dumps(document))
            archive.writestr(f"node_modules/{name}/dist/package.json", '{"type": "module"}')
        put(tmp_path, f".yarn/cache/{name}-npm-1.0.0-0-10c0.zip", made.getvalue())
    put(tmp_path, ".yarn/cache/broken.zip", b"PK\3\4broken")
    assert found(tmp_path)[0] == {}  # a cache alone installs nothing
    put(tmp_path, ".pnp.cjs", "")
    package(tmp_path, ".yarn/unplugged/b-npm-1/node_modules/b", "b", dependencies={"a": "1"})
    parts, gaps, findings = found(tmp_path)
    assert set(parts) == {"a@1.0.0", "b@1.0.0"}
    assert parts["a@1.0.0"].component.hash_of == "file"
    assert len(parts["b@1.0.0"].component.occurrences) == 2
    assert not findings
    assert {(gap.what, gap.where) for gap in gaps} == {
        ("component", ".yarn/cache/broken.zip"),
        ("dependency.graph", "pkg:npm/a@1.0.0"),
        ("dependency.graph", "pkg:npm/b@1.0.0"),
    }


def test_an_install_fits_its_own_lock(project: Path) -> None:
    view, _ = directory_view(project, Wanted([Node()]))
    installed = [item for item in Node().installed(view) if isinstance(item, Dependency)]
    assert compare(Node().declared(view), installed).findings == ()


def test_what_a_tarball_bundles_is_nothing_additional(tmp_path: Path) -> None:
    """pnpm's lock says nothing of it, and Yarn's another version; a package from a repository has
    none."""
    package(tmp_path, "node_modules/a", "a", bundleDependencies=["b"], dependencies={"b": "1"})
    package(tmp_path, "node_modules/a/node_modules/b", "b", dependencies={"c": "1"})
    package(tmp_path, "node_modules/a/node_modules/b/node_modules/c", "c")
    package(tmp_path, "node_modules/g", "g")
    package(tmp_path, "node_modules/a/node_modules/g", "g", "0.1.0")
    package(tmp_path, "node_modules/stray", "stray")
    lock = {
        "lockfileVersion": 1,
        "dependencies": {
            "a": {"version": "1.0.0", "integrity": SHA512},
            "g": {"version": "git+https://example.org/g.git#" + "0" * 40},
        },
    }
    put(tmp_path, "package-lock.json", lock)
    view, _ = directory_view(tmp_path, Wanted([Node()]))
    installed = [item for item in Node().installed(view) if isinstance(item, Dependency)]
    findings = compare(Node().declared(view), installed).findings
    assert [(item.code, item.ref) for item in findings] == [("additional", "pkg:npm/stray@1.0.0")]


def test_plug_n_play_without_its_zips_is_a_gap(tmp_path: Path) -> None:
    put(tmp_path, "app/.pnp.cjs", "")
    _, gaps, _ = found(tmp_path)
    assert {(gap.what, gap.where) for gap in gaps} == {("component", "app/.pnp.cjs")}
