"""What GitHub's workflows and actions use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.reading import check_laws, declared, gaps, mutated, put

from bom.catalog.actions import Actions
from bom.catalog.project import dependencies, find
from bom.model import Dependency, Hash, Occurrence, Property

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef" * 2 + "01234567"
DIGEST = "a" * 64
WORKFLOW = f"""\
name: ci
on: [push]
jobs:
  test:
    runs-on: ubuntu-24.04
    container: python:3.12-slim
    services:
      db:
        image: "postgres:16@sha256:{DIGEST}"
    steps:
      - uses: actions/checkout@v4
      - name: pinned
        uses: "Example/setup/sub/dir@{COMMIT}" # v5
      - uses: docker://alpine:3.20
      - uses: ./.github/actions/own
      - uses: actions/checkout@v4
      - run: make
      - uses: nonsense
  call:
    uses: example/repo/.github/workflows/x.yml@main
"""
PLACE = ".github/workflows/ci.yml"


def test_everything_that_a_workflow_uses_is_read_with_its_lines(tmp_path: Path) -> None:
    put(tmp_path, PLACE, WORKFLOW)
    (found,) = declared(tmp_path, Actions())
    assert (found.folder, found.location, found.locked) == ("", PLACE, False)
    parts = {item.component.bom_ref: item.component for item in found.dependencies}
    assert set(parts) == {
        "pkg:github/actions/checkout@v4",
        f"pkg:github/example/setup@{COMMIT}#sub/dir",
        "pkg:github/example/repo@main#.github/workflows/x.yml",
        "pkg:oci/alpine?tag=3.20",
        f"pkg:oci/postgres@sha256:{DIGEST}?tag=16",
        "pkg:oci/python?tag=3.12-slim",
    }
    assert all(item.role == "build" for item in found.dependencies)
    assert parts["pkg:github/actions/checkout@v4"].occurrences == (
        Occurrence(PLACE, 11),
        Occurrence(PLACE, 16),
    )
    database = parts[f"pkg:oci/postgres@sha256:{DIGEST}?tag=16"]
    assert database.distributions[0].hashes == (Hash("SHA-256", DIGEST),)
    assert database.occurrences == (Occurrence(PLACE, 9),)


def test_only_a_commit_pins(tmp_path: Path) -> None:
    put(tmp_path, PLACE, WORKFLOW)
    (found,) = declared(tmp_path, Actions())
    pinned = {
        f"{item.component.group}/{item.component.name}"
        for item in found.dependencies
        if Property("bom-seal:action:pinned", "true") in item.component.properties
    }
    assert pinned == {"Example/setup"}
    assert {where for what, where in gaps(found.gaps) if what == "dependency.version"} == {
        *("actions/checkout", "example/repo", "alpine", "python")
    }
    assert ("dependency.name", "nonsense") in gaps(found.gaps)


def test_actions_beside_the_workflows_are_the_repository_s(tmp_path: Path) -> None:
    put(tmp_path, PLACE, "jobs: {a: {steps: [{uses: a/b@v1}]}}")
    put(
        tmp_path,
        ".github/actions/own/action.yml",
        "runs: {using: composite, steps: [{uses: c/d@v2}]}",
    )
    put(tmp_path, "sub/action.yaml", "runs: {using: docker, image: 'docker://e/f:3'}")
    put(tmp_path, "node_modules/x/action.yml", "runs: {steps: [{uses: g/h@v1}]}")
    put(tmp_path, "plain/workflows/ci.yml", "jobs: {a: {steps: [{uses: i/j@v1}]}}")
    found = declared(tmp_path, Actions())
    assert {
        (item.folder, one.component.bom_ref) for item in found for one in item.dependencies
    } == {
        ("", "pkg:github/a/b@v1"),
        ("", "pkg:github/c/d@v2"),
        ("sub", "pkg:oci/f?repository_url=docker.io%2Fe%2Ff&tag=3"),
    }


def test_a_workflow_makes_no_project_and_what_it_uses_builds(tmp_path: Path) -> None:
    put(tmp_path, PLACE, WORKFLOW)
    assert find(tmp_path, tmp_path) is None
    roles = {item.role for item in dependencies(tmp_path) if isinstance(item, Dependency)}
    assert roles == {"build"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"- a",
        b"\xff",
        b"[" * 10_000,
        b"a: &x {b: c}\nd: *x\n",
        b"#" * 2_000_000,
        b"jobs: !!python/object:os.system {}",
    ],
)
def test_what_is_no_workflow_is_a_gap(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, PLACE, content)
    (found,) = declared(tmp_path, Actions())
    assert found.dependencies == ()
    assert gaps(found.gaps) == {("dependency.declared", PLACE)}


def test_ten_thousand_uses_of_one_action_take_no_time(tmp_path: Path) -> None:
    steps = "      - uses: actions/checkout@v4\n" * 20_000
    put(tmp_path, PLACE, f"jobs:\n  a:\n    steps:\n{steps}")
    (found,) = declared(tmp_path, Actions())
    (checkout,) = found.dependencies
    assert len(checkout.component.occurrences) == 20_000


@given(
    st.binary(max_size=400) | st.integers(0, 2**32).map(lambda s: mutated(WORKFLOW.encode(), s)),
    st.sampled_from([PLACE, "action.yml"]),
)
def test_whatever_a_workflow_holds_the_laws_hold(content: bytes, place: str) -> None:
    check_laws(Actions(), {place: content})
