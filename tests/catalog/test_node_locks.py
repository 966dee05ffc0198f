"""JavaScript locks as the real tools wrote them (tests/cases/node-*), and hand-made ones.

BOM_UPDATE_CASES=1 writes the expected results anew. Nothing in the locks is changed: all ten are of
one project, resolved on one day.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bom.catalog.interest import Wanted
from bom.catalog.node import Node
from bom.catalog.node.bun import plain_json
from bom.catalog.node.manifest import members
from bom.catalog.node.pin import CHECKSUM
from bom.catalog.stated import Unreadable
from bom.catalog.view import directory_view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import Declared
    from bom.model import Dependency

CASES = Path(__file__).parents[1] / "cases"
NAMES = ["npm-v1", "npm-v2", "npm-v3", "yarn1", "yarn3", "yarn4", "pnpm7", "pnpm8", "pnpm9", "bun"]
FULL = ["npm-v2", "npm-v3", "pnpm8", "pnpm9", "bun"]
SHA512 = "sha512-" + "A" * 86 + "=="
MS = "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz"


def declared(root: Path) -> list[Declared]:
    view, _ = directory_view(root, Wanted([Node()]))
    return sorted(Node().declared(view), key=lambda item: item.folder)


def only(root: Path) -> Declared:
    (found,) = declared(root)
    return found


def by_name(items: Iterable[Dependency]) -> dict[str, Dependency]:
    return {item.component.bom_ref.removeprefix("pkg:npm/"): item for item in items}


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def shown(item: Declared) -> dict[str, Any]:
    """As JSON has it, without what is empty."""

    def lean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: kept for k, v in value.items() if (kept := lean(v)) not in ("", [], None)}
        return [lean(part) for part in value] if isinstance(value, list | tuple) else value

    made: dict[str, Any] = lean(asdict(item))
    return made


def on_lines(document: dict[str, Any]) -> str:
    """One dependency a line: a case is read by people, too."""
    rows = [json.dumps(row, ensure_ascii=False) for row in document.pop("dependencies")]
    head = json.dumps(document, ensure_ascii=False)[:-1]
    return head + ', "dependencies": [\n' + ",\n".join(rows) + "\n]}\n"


@pytest.mark.parametrize("case", NAMES)
def test_a_lock_that_its_own_tool_wrote_reads_as_expected(case: str) -> None:
    folder = CASES / f"node-{case}"
    found = shown(only(folder / "in"))
    expected = folder / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(on_lines(dict(found)))
    assert found == json.loads(expected.read_text())


def test_locks_of_all_tools_agree_on_one_project() -> None:
    def facts(case: str) -> dict[str, tuple[Any, ...]]:
        items = only(CASES / f"node-{case}/in").dependencies
        return {
            item.component.purl: (
                item.role,
                item.direct,
                item.optional,
                item.component.requires,
                {fact for fact in item.component.properties if fact.name.endswith(":alias")},
            )
            for item in items
        }

    expected = facts("npm-v3")
    assert len(expected) == 93
    assert [case for case in FULL if _without_alias(facts(case)) != _without_alias(expected)] == []


def _without_alias(facts: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    # pnpm's packages don't say what they are called elsewhere.
    return {ref: row[:4] for ref, row in facts.items()}


def test_what_locks_cannot_say_is_all_that_they_differ_in() -> None:
    def refs(case: str) -> set[str]:
        return {i.component.purl for i in only(CASES / f"node-{case}/in").dependencies}

    whole = refs("npm-v3")
    # Neither installs the project's own peers by itself.
    assert whole - refs("yarn1") == whole - refs("pnpm7") == {"pkg:npm/react@18.3.1"}
    assert refs("yarn3") == refs("yarn4")
    # Yarn 2 and later add node-gyp to what builds with it, and no peers of the project.
    assert whole - refs("yarn4") == {"pkg:npm/react@18.3.1"}
    assert "pkg:npm/node-gyp@13.1.0" in refs("yarn4")
    # npm 6 knew no workspaces: theirs are not in that project.
    assert refs("npm-v1") < whole


def test_every_entry_has_its_line_and_its_hash() -> None:
    for case in NAMES:
        lines: list[str] = []
        for item in only(CASES / f"node-{case}/in").dependencies:
            component = item.component
            named = component.group + "/" * bool(component.group) + component.name
            aliases = [p.value for p in component.properties if p.name.endswith(":alias")]
            for where in component.occurrences:
                text = (CASES / f"node-{case}/in" / where.location).read_text().splitlines()
                line = text[where.line - 1]
                assert any(name in line for name in (named, *aliases)), (case, named, line)
            stated = {digest.alg for d in component.distributions for digest in d.hashes}
            if case.startswith("yarn") and case != "yarn1":
                assert not stated
                if any(p.name == CHECKSUM for p in component.properties):
                    lines.append(named)
            elif (case, component.name) == ("yarn1", "is-odd"):
                assert stated == {"SHA-1"}
            elif (case, component.name) != ("bun", "is-odd"):
                assert "SHA-512" in stated, (case, named)
        assert bool(lines) == (case in ("yarn3", "yarn4"))


def test_development_and_optional_packages_are_told_apart() -> None:
    found = by_name(only(CASES / "node-npm-v3/in").dependencies)
    assert (found["debug@4.4.3"].role, found["debug@4.4.3"].optional) == ("shipped", False)
    assert (found["debug@2.6.9"].role, found["debug@2.6.9"].direct) == ("build", False)
    assert found["esbuild@0.21.5"].optional
    assert found["%40esbuild/linux-x64@0.21.5"].optional
    assert found["fsevents@2.3.3"].optional
    assert found["rimraf@5.0.5"].role == "build"
    assert found["color-convert@1.9.3"].direct  # a workspace asks for it
    alias = {p.value for p in found["ms@2.0.0"].component.properties if p.name.endswith(":alias")}
    assert alias == {"old-ms"}
    assert not [ref for ref in found if "shop" in ref]


# --- what the project above doesn't have ---------------------------------------------------------


def npm_lock(packages: dict[str, Any]) -> str:
    return json.dumps({"name": "x", "lockfileVersion": 3, "packages": packages}, indent=2)


def test_repositories_tarballs_paths_and_private_registries(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    wanted = {"g": "a/b", "t": "https://example.org/t.tgz", "f": "file:f.tgz", "p": "1", "l": "*"}
    put(
        tmp_path,
        "package-lock.json",
        npm_lock(
            {
                "": {"dependencies": wanted},
                "node_modules/g": {
                    "version": "1.0.0",
                    "resolved": f"git+ssh://git@github.com/a/b.git#{commit}",
                },
                "node_modules/t": {
                    "version": "2.0.0",
                    "resolved": "https://me:secret@example.org/t.tgz?token=secret",
                    "integrity": SHA512,
                },
                "node_modules/f": {"version": "3.0.0", "resolved": "file:f.tgz"},
                "node_modules/p": {
                    "version": "1.2.0",
                    "resolved": "https://npm.example.org/private/p/-/p-1.2.0.tgz",
                    "integrity": SHA512,
                },
                "node_modules/l": {"resolved": "../l", "link": True},
                "../l": {"name": "l", "version": "9.0.0"},
            }
        ),
    )
    found = only(tmp_path)
    parts = by_name(found.dependencies)
    assert sorted(parts) == [
        "f@3.0.0",
        f"g@1.0.0?vcs_url=git%2Bssh://github.com/a/b.git%40{commit}".replace(
            "//", "%2F%2F"
        ).replace("com/a/b", "com%2Fa%2Fb"),
        "p@1.2.0",
        "t@2.0.0?download_url=https:%2F%2Fexample.org%2Ft.tgz",
    ]
    assert "secret" not in repr(found)
    private = {(p.name, p.value) for p in parts["p@1.2.0"].component.properties}
    assert private == {("bom-seal:npm:registry", "https://npm.example.org/private/")}
    assert {(gap.what, gap.where) for gap in found.gaps} == {
        ("dependency.hash", "f"),
        ("dependency.hash", "g"),
        ("dependency.source", "f"),
        ("dependency.source", "l"),
    }


def test_what_a_tarball_bundles_is_never_missing_and_has_no_hash(tmp_path: Path) -> None:
    put(
        tmp_path,
        "package-lock.json",
        npm_lock(
            {
                "": {"dependencies": {"a": "1"}},
                "node_modules/a": {
                    "version": "1.0.0",
                    "integrity": SHA512,
                    "dependencies": {"b": "1"},
                    "bundleDependencies": ["b"],
                },
                "node_modules/a/node_modules/b": {"version": "1.1.0", "inBundle": True},
            }
        ),
    )
    found = only(tmp_path)
    parts = by_name(found.dependencies)
    assert parts["b@1.1.0"].optional
    assert parts["a@1.0.0"].component.requires == ("pkg:npm/b@1.1.0",)
    (gap,) = found.gaps
    assert gap.why == "it comes inside the tarball of the package that bundles it"


def test_npm_judges_by_the_graph_where_it_forgot_its_own_flags(tmp_path: Path) -> None:
    put(
        tmp_path,
        "package-lock.json",
        npm_lock(
            {
                "": {"devDependencies": {"a": "1"}},
                "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}},
                "node_modules/b": {"version": "1.0.0"},
            }
        ),
    )
    assert {item.role for item in only(tmp_path).dependencies} == {"build"}


def test_a_package_that_ships_in_one_place_ships(tmp_path: Path) -> None:
    """The copy for development says nothing about whether the other may be missing."""
    put(
        tmp_path,
        "package-lock.json",
        npm_lock(
            {
                "": {"devDependencies": {"a": "1"}, "optionalDependencies": {"b": "1"}},
                "node_modules/a": {"version": "1.0.0", "integrity": SHA512},
                "node_modules/b": {"version": "1.0.0", "dependencies": {"a": "1"}},
                "node_modules/b/node_modules/a": {"version": "1.0.0", "integrity": SHA512},
            }
        ),
    )
    item = by_name(only(tmp_path).dependencies)["a@1.0.0"]
    assert (item.role, item.optional, item.direct) == ("shipped", True, True)
    assert len(item.component.occurrences) == 2


def test_a_manifest_alone_pins_nothing(tmp_path: Path) -> None:
    put(
        tmp_path,
        "app/package.json",
        json.dumps(
            {
                "name": "app",
                "dependencies": {"a": "^1.0.0", "b": "2.0.0", "@s/c": "npm:d@3.0.0"},
                "devDependencies": {"e": "github:x/y"},
                "peerDependencies": {"p": "1"},
                "peerDependenciesMeta": {"p": {"optional": True}},
            }
        ),
    )
    found = only(tmp_path)
    assert (found.locked, found.location, found.name) == (False, "app/package.json", "app")
    parts = by_name(found.dependencies)
    assert sorted(parts) == ["a", "b@2.0.0", "d@3.0.0", "e", "p"]
    assert parts["p"].optional
    assert parts["e"].role == "build"
    assert {(g.what, g.where) for g in found.gaps if g.what != "dependency.hash"} == {
        ("dependency.version", "a"),
        ("dependency.version", "e"),
        ("dependency.version", "p"),
    }


def test_the_lock_of_the_named_package_manager_counts(tmp_path: Path) -> None:
    case = CASES / "node-pnpm9/in"
    put(tmp_path, "pnpm-lock.yaml", (case / "pnpm-lock.yaml").read_bytes())
    put(tmp_path, "package-lock.json", npm_lock({"": {}}))
    put(tmp_path, "bun.lockb", b"\0binary")
    put(tmp_path, "package.json", '{"packageManager": "pnpm@9.0.0"}')
    found = only(tmp_path)
    assert found.location == "pnpm-lock.yaml"
    assert {(g.where, g.why) for g in found.gaps if g.what == "dependency.lock"} == {
        ("bun.lockb", "not read: pnpm-lock.yaml resolves this project"),
        ("package-lock.json", "not read: pnpm-lock.yaml resolves this project"),
    }
    put(tmp_path, "npm-shrinkwrap.json", npm_lock({"": {"name": "x"}}))
    put(tmp_path, "package.json", "{}")
    assert only(tmp_path).location == "npm-shrinkwrap.json"


def test_a_lock_that_cannot_be_read_is_a_gap_and_the_next_one_counts(tmp_path: Path) -> None:
    put(tmp_path, "package-lock.json", "{")
    put(tmp_path, "yarn.lock", '# yarn lockfile v1\n\n\nms@2.1.3:\n  version "2.1.3"\n')
    found = only(tmp_path)
    assert found.location == "yarn.lock"
    assert {gap.where for gap in found.gaps if gap.what == "dependency.lock"} == {
        "package-lock.json"
    }
    assert "dependency.graph" in {gap.what for gap in found.gaps}
    put(tmp_path, "yarn.lock", "nonsense")
    (broken,) = declared(tmp_path)
    assert not broken.locked
    assert len(broken.gaps) == 2


def test_what_lies_in_installed_packages_and_caches_is_no_project(tmp_path: Path) -> None:
    for folder in ("node_modules/a", "v/site-packages/x", ".yarn/x", "usr/share/y", "vendor/z"):
        put(tmp_path, f"{folder}/package.json", '{"dependencies": {"a": "1"}}')
        put(tmp_path, f"{folder}/yarn.lock", "# yarn lockfile v1\n")
    assert declared(tmp_path) == []


def test_workspaces_are_found_by_their_patterns() -> None:
    folders = ["packages/a", "packages/a/b", "apps/x/y", "other", "packages/old"]
    assert members(["packages/*", "!packages/old"], folders) == {"packages/a"}
    assert members(["./packages/**"], folders) == {"packages/a", "packages/a/b", "packages/old"}
    assert members(["**"], folders) == set(folders)
    assert members(["apps/*/y"], folders) == {"apps/x/y"}
    assert members(["*" * 5000, "**/" * 500 + "z"], folders) == {"other"}


def test_bun_s_commas_and_comments_are_taken_out() -> None:
    source = '{ // a, b]\n "x": ["a//b", "c\\",]",], // end\n }'
    assert json.loads(plain_json(source)) == {"x": ["a//b", 'c",]']}
    for broken in ('"', '"\\', "/ /", "/* */"):
        with pytest.raises(Unreadable):
            plain_json(broken)


def test_yaml_that_could_be_something_else_is_text(tmp_path: Path) -> None:
    """A package may be called `on`; Yarn writes it without quotes."""
    put(
        tmp_path,
        "yarn.lock",
        "__metadata:\n  version: 8\n\n"
        '"app@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "app@workspace:."\n'
        "  dependencies:\n    on: npm:1.0.0\n\n"
        '"on@npm:1.0.0":\n  version: 1.0.0\n  resolution: "on@npm:1.0.0"\n',
    )
    (item,) = only(tmp_path).dependencies
    assert (item.component.purl, item.direct) == ("pkg:npm/on@1.0.0", True)


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "[" * 200, "{a: b}: c", "? [a]\n: b", ""])
def test_yaml_that_no_tool_writes_is_refused(tmp_path: Path, text: str) -> None:
    put(tmp_path, "pnpm-lock.yaml", text)
    (found,) = declared(tmp_path)
    assert not found.locked
    assert [gap.what for gap in found.gaps] == ["dependency.lock"]


def test_a_lock_of_fifty_thousand_packages_takes_no_quadratic_time(tmp_path: Path) -> None:
    count = 50_000
    packages: dict[str, Any] = {"": {"dependencies": {f"p{n}": "1" for n in range(count)}}}
    for number in range(count):
        packages[f"node_modules/p{number}"] = {
            "version": "1.0.0",
            "integrity": SHA512,
            "dependencies": {f"p{(number + step) % count}": "1" for step in (1, 7)},
        }
    put(tmp_path, "package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}))
    found = only(tmp_path)
    assert len(found.dependencies) == count
