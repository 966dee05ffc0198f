"""JavaScript locks, manifests and packages that nobody should trust: real ones changed, and
anything at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bom.catalog.interest import Wanted
from bom.catalog.node import Node
from bom.catalog.node.bun import plain_json
from bom.catalog.node.wanted import LOCKS
from bom.catalog.protocol import Owned
from bom.catalog.view import directory_view
from bom.model import Dependency, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = Path(__file__).parents[1] / "cases"
NAMES = ["npm-v1", "npm-v2", "npm-v3", "yarn1", "yarn3", "yarn4", "pnpm7", "pnpm8", "pnpm9", "bun"]
FILES = {
    case: next(name for name in LOCKS if (CASES / f"node-{case}/in" / name).is_file())
    for case in NAMES
}
SOURCES = {case: (CASES / f"node-{case}/in" / FILES[case]).read_text() for case in NAMES}
WORDS = st.sampled_from(
    [
        *("\0", '"', "{}", "[]", "null", "1e999", "\\ud800", "../", ":\n", "\n  ", "@", "npm:"),
        *("true", "-1", "workspace:", "git+ssh://", "\x1b[31m", "link:", ", ", "patch:", "::"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | WORDS
KEYS = st.sampled_from(
    [
        *("packages", "dependencies", "node_modules/a", "resolved", "integrity", "version", "name"),
        *("requires", "importers", ".", "snapshots", "a@1.0.0", "workspaces", "resolution", "os"),
        *("link", "license", "author", "repository", "peerDependenciesMeta", "optional", "", "@"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    path.write_bytes(raw)


def check(root: Path) -> None:
    """Nothing but what is promised comes out, and all of its text can be written."""
    view, _ = directory_view(root, Wanted([Node()]))
    for item in Node().installed(view):
        assert isinstance(item, Dependency | Gap | Owned)
        for text in _texts(asdict(item)):
            text.encode()
    for found in Node().declared(view):
        for text in _texts(asdict(found)):
            text.encode()


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def changed(value: Any, steps: list[int], new: Any) -> Any:
    """The value with what the steps lead to replaced, or with its key."""
    if not steps or not value or not isinstance(value, dict | list):
        return new
    if isinstance(value, list):
        at = steps[0] % len(value)
        return [changed(part, steps[1:], new) if n == at else part for n, part in enumerate(value)]
    key = list(value)[steps[0] % len(value)]
    if isinstance(new, str) and len(steps) == 1:
        return {new if name == key else name: part for name, part in value.items()}
    return {n: changed(part, steps[1:], new) if n == key else part for n, part in value.items()}


@pytest.mark.parametrize("case", NAMES)
def test_a_lock_with_changed_bytes_never_ends_in_a_traceback(
    case: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = SOURCES[case]

    @settings(max_examples=40)
    @given(
        st.lists(st.tuples(st.integers(0, 9000), WORDS, st.integers(0, 40)), max_size=5),
        st.booleans(),
    )
    def anything(edits: list[tuple[int, str, int]], manifest: bool) -> None:
        text = source
        for at, word, gone in edits:
            text = text[:at] + word + text[at + gone :]
        root = tmp_path_factory.mktemp("changed")
        put(root, FILES[case], text)
        if manifest:
            put(root, "package.json", (CASES / f"node-{case}/in/package.json").read_bytes())
        check(root)

    anything()


@pytest.mark.parametrize("case", [case for case in NAMES if case != "yarn1"])
def test_a_lock_with_changed_values_never_ends_in_a_traceback(
    case: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = SOURCES[case]
    if FILES[case].endswith(".yaml") or case.startswith("yarn"):
        document = yaml.load(source, yaml.BaseLoader)
    else:
        document = json.loads(plain_json(source))

    @settings(max_examples=60)
    @given(
        st.lists(
            st.tuples(st.lists(st.integers(0, 200), min_size=1, max_size=5), VALUES), max_size=6
        )
    )
    def anything(edits: list[tuple[list[int], Any]]) -> None:
        value = document
        for steps, new in edits:
            value = changed(value, steps, new)
        root = tmp_path_factory.mktemp("values")
        text = json.dumps(value, indent=1)  # JSON is YAML
        put(root, FILES[case], f"# __metadata:\n{text}" if case.startswith("yarn") else text)
        check(root)

    anything()


@pytest.mark.parametrize("name", [*LOCKS, "package.json"])
def test_any_bytes_never_end_in_a_traceback(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @settings(max_examples=50)
    @given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
    def anything(raw: bytes) -> None:
        root = tmp_path_factory.mktemp("any")
        starts = ("", "# yarn lockfile v1\n", "__metadata:\n  version: 8\n", "lockfileVersion: 9\n")
        for start in starts:
            put(root, name, start.encode() + raw)
            check(root)

    anything()


def test_any_package_json_in_node_modules_never_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    fields = ["license", "licenses", "author", "homepage", "description", "dependencies", "version"]

    @settings(max_examples=150)
    @given(st.dictionaries(st.sampled_from(fields) | KEYS, VALUES), st.binary(max_size=50), VALUES)
    def anything(document: dict[str, Any], raw: bytes, record: Any) -> None:
        root = tmp_path_factory.mktemp("installed")
        full = {"version": "1.0.0", **document, "name": "a"}
        put(root, "node_modules/a/package.json", json.dumps(full))
        put(root, "node_modules/@b/c/package.json", json.dumps(document))
        put(root, "node_modules/d/package.json", raw)
        put(root, "node_modules/.package-lock.json", json.dumps({"packages": record}))
        put(root, "node_modules/.pnpm/lock.yaml", json.dumps({"lockfileVersion": "9", "a": record}))
        put(root, ".pnp.cjs", raw)
        put(root, ".yarn/cache/x.zip", b"PK\3\4" + raw)
        check(root)

    anything()


def test_deep_nesting_is_a_gap(tmp_path: Path) -> None:
    deep = '{"dependencies": {"a": ' * 50_000
    for name in ("package-lock.json", "package.json", "bun.lock"):
        put(tmp_path, name, deep)
    view, _ = directory_view(tmp_path, Wanted([Node()]))
    (found,) = Node().declared(view)
    assert {gap.what for gap in found.gaps} == {"dependency.lock", "dependency.declared"}
    nested: dict[str, Any] = {"version": "1.0.0"}
    for _ in range(200):
        nested = {"version": "1.0.0", "dependencies": {"a": nested}}
    put(tmp_path, "package-lock.json", json.dumps({"lockfileVersion": 1, **nested}))
    (found,) = Node().declared(view)
    assert len(found.dependencies) == 1
    assert "dependency.name" in {gap.what for gap in found.gaps}


@pytest.mark.parametrize("word", ['"a@1", ', "a, ", "a@1, "])
def test_a_million_requests_on_one_line_take_no_quadratic_time(word: str, tmp_path: Path) -> None:
    put(tmp_path, "yarn.lock", f"# yarn lockfile v1\n{word * 1_000_000}b@1:\n")
    check(tmp_path)
