"""The document: its bytes depend on the facts alone, it keeps the schema, nothing is lost."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from bom import canonical
from bom.compose import reading, validate
from bom.compose.bom import ROOT, Evidence, document, source_date_epoch
from bom.compose.component import url
from bom.errors import BomError
from bom.model import (
    Check,
    Component,
    Dependency,
    Distribution,
    Gap,
    Hash,
    ImageIdentity,
    Layer,
    Licence,
    Material,
    Member,
    Observation,
    Occurrence,
    Property,
    Revision,
    RunDetail,
    Setting,
    Subject,
    Submodule,
    Tool,
)

if TYPE_CHECKING:
    import random

SHA = Hash("SHA-256", "ab" * 32)
SUBJECT = Subject("app-1.0.tar.gz", "sdist", "cd" * 32, 1234, "app", "1.0", "pkg:pypi/app@1.0")


def library(name: str, *requires: str, hashed: bool = True) -> Component:
    return Component(
        type="library",
        name=name,
        version="1",
        purl=f"pkg:pypi/{name}@1",
        hashes=(SHA,) if hashed else (),
        hash_of="installed-files" if hashed else "",
        requires=tuple(f"pkg:pypi/{other}@1" for other in requires),
    )


FACTS: tuple[Observation, ...] = (
    Revision(
        "0123456789abcdef0123456789abcdef01234567",
        commit_time="2026-01-02T03:04:05Z",
        state="modified",
        modified=("src/app.py",),
        untracked=("notes.txt",),
        tree_digest="ef" * 32,
        remote="git.example.invalid/team/app",
        submodules=(Submodule("vendor/lib", "89" * 20),),
        signature_kind="ssh",
        signature_key="SHA256:abc",
    ),
    Tool("wrapped", "python", "3.11.7", hashes=(SHA,), package="pkg:deb/debian/python3@3.11"),
    Tool("compiler", "gcc", "12.2.0", evidence="path", hashes=(SHA,)),
    Tool("engine", "docker-engine", "28.5.2", evidence="stated"),
    Setting("environment", "LANG", "C.UTF-8"),
    Setting("command", "command", "python -m build"),
    Setting("build-arg", "MODE", "fast"),
    Material("base-image", "python:3.11-slim", (SHA,), purl="pkg:docker/python@3.11-slim"),
    Material("dockerfile", "Dockerfile", (SHA,)),
    Dependency(library("flask", "werkzeug", "gone"), direct=True),
    Dependency(
        replace(
            library("werkzeug", hashed=False),
            distributions=(Distribution("werkzeug.whl", hashes=(SHA,)),),
            licences=(Licence("BSD-3-Clause", "expression"),),
            occurrences=(Occurrence("uv.lock", 12),),
        )
    ),
    Dependency(library("nohash", hashed=False)),
    Dependency(library("hatchling"), role="build"),
    Check("unit", "failed", 10, 1, 2, ("test_a.test_b",), "pytest -q"),
    Check("lint", "not-run"),
    RunDetail("host.kernel", "6.1"),
    Gap("tool.version", "runc", "the engine states none", "tool:engine:docker-engine"),
)


def compose(*facts: Observation, **changes: Any) -> dict[str, Any]:
    return document(replace(Evidence(SUBJECT, facts), **changes))


def strict_errors(value: dict[str, Any]) -> object:
    version = {
        "1.5": SchemaVersion.V1_5,
        "1.6": SchemaVersion.V1_6,
        "1.7": SchemaVersion.V1_7,
    }[value["specVersion"]]
    return JsonStrictValidator(version).validate_str(canonical.dumps(value).decode())


@pytest.mark.parametrize("spec_version", ["1.5", "1.6", "1.7"])
def test_a_full_document_passes_both_validators(spec_version: str) -> None:
    value = compose(*FACTS, spec_version=spec_version)
    assert validate.errors(value) == []
    assert strict_errors(value) is None


def test_an_image_document_passes_both_validators() -> None:
    image = ImageIdentity(
        config="sha256:" + "1" * 64,
        manifest="sha256:" + "2" * 64,
        platform="linux/amd64",
        tags=("demo/app:1",),
        layers=(Layer("sha256:" + "3" * 64, "sha256:" + "4" * 64, 10),),
    )
    value = compose(
        *FACTS, subject=Subject("app.tar", "image", "aa" * 32, 5, "demo/app", "1", image=image)
    )
    assert validate.errors(value) == []
    assert strict_errors(value) is None
    assert reading.subject_name(value) == "demo/app:1"
    assert "app.tar" not in json.dumps(value)  # the output's name belongs to the run


@given(st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_bytes(chance: random.Random) -> None:
    facts = [*FACTS, *FACTS]
    chance.shuffle(facts)
    assert canonical.dumps(compose(*facts)) == canonical.dumps(compose(*FACTS))


def test_the_serial_number_follows_from_the_content() -> None:
    first, second = compose(*FACTS), compose(*FACTS[1:])
    assert first["serialNumber"] != second["serialNumber"]
    assert uuid.UUID(first["serialNumber"].removeprefix("urn:uuid:")).version == 5


def test_run_details_never_reach_the_document() -> None:
    assert "host.kernel" not in json.dumps(compose(*FACTS))


def test_what_only_built_it_is_not_a_component() -> None:
    value = compose(*FACTS)
    assert [part["name"] for part in value["components"]] == ["flask", "nohash", "werkzeug"]
    built_with = {part["name"] for part in value["formulation"][0]["components"]}
    assert built_with == {
        "python",
        "gcc",
        "docker-engine",
        "hatchling",
        "python:3.11-slim",
        "Dockerfile",
    }


def test_the_graph_has_a_root_and_no_dangling_refs() -> None:
    graph = {entry["ref"]: entry["dependsOn"] for entry in compose(*FACTS)["dependencies"]}
    assert graph == {
        ROOT: ["pkg:pypi/flask@1", "pkg:pypi/nohash@1"],
        "pkg:pypi/flask@1": ["pkg:pypi/werkzeug@1"],
        "pkg:pypi/nohash@1": [],
        "pkg:pypi/werkzeug@1": [],
    }


def test_a_cycle_that_nothing_requires_hangs_on_the_root() -> None:
    value = compose(Dependency(library("a", "b")), Dependency(library("b", "a")))
    graph = {entry["ref"]: entry["dependsOn"] for entry in value["dependencies"]}
    assert graph[ROOT] == ["pkg:pypi/a@1"]


def test_a_component_without_a_hash_is_a_gap() -> None:
    texts = reading.gaps(compose(*FACTS))
    assert "dependency.hash: pkg:pypi/nohash@1: no hash is stated or known" in texts
    assert not any("werkzeug" in text for text in texts)


def test_a_go_module_with_its_h1_is_no_gap() -> None:
    module = Component(
        "library",
        "a.b/c",
        "v1.0.0",
        purl="pkg:golang/a.b/c@v1.0.0",
        properties=(Property("bom-seal:go:h1", f"h1:{'A' * 43}="),),
    )
    texts = reading.gaps(compose(Dependency(module)))
    assert not any("golang" in text for text in texts)


def test_a_gap_stands_at_what_it_is_about() -> None:
    value = compose(*FACTS)
    entry = next(item for item in value["annotations"] if "runc" in item["text"])
    assert entry["subjects"] == ["tool:engine:docker-engine"]
    assert value["compositions"][0]["aggregate"] == "incomplete"
    assert "tool:engine:docker-engine" in value["compositions"][0]["assemblies"]


def test_what_is_wanting_to_many_for_one_reason_is_one_gap_about_all_of_them() -> None:
    parts = [library(name) for name in ("a", "b", "c")]
    why = "its copyright file is not there"
    gaps = [Gap("component.licence", part.purl, why, part.purl) for part in parts[:2]]
    alone = Gap("component.licence", parts[2].purl, "it names none", parts[2].purl)
    value = compose(FACTS[0], *map(Dependency, parts), *gaps, alone)
    assert [(entry["text"], entry["subjects"]) for entry in value["annotations"]] == [
        (f"component.licence: 2 components: {why}", ["pkg:pypi/a@1", "pkg:pypi/b@1"]),
        ("component.licence: pkg:pypi/c@1: it names none", ["pkg:pypi/c@1"]),
    ]
    assert {"name": "bom-seal:gaps", "value": "2"} in value["metadata"]["properties"]
    assert value["compositions"][0]["assemblies"] == [part.purl for part in parts]


def test_a_gap_may_name_its_component_with_the_group_or_without() -> None:
    parts = [replace(library(name), group="@scope") for name in ("a", "b")]
    wheres = ("@scope/a", "b")
    gaps = [
        Gap("dependency.hash", where, "none", part.purl)
        for where, part in zip(wheres, parts, strict=True)
    ]
    texts = reading.gaps(compose(FACTS[0], *map(Dependency, parts), *gaps))
    assert texts == ["dependency.hash: 2 components: none"]


def test_gaps_that_name_more_than_their_component_stay_apart() -> None:
    part = library("a")
    gaps = [Gap("file.hash", path, "it is stored sparse", part.purl) for path in ("x", "y")]
    texts = reading.gaps(compose(FACTS[0], Dependency(part), *gaps))
    assert texts == ["file.hash: x: it is stored sparse", "file.hash: y: it is stored sparse"]


def test_a_hash_that_is_explained_as_missing_is_one_gap() -> None:
    part = library("a", hashed=False)
    gap = Gap("component.hash", part.purl, "it has no files of its own", part.purl)
    assert len(compose(FACTS[0], Dependency(part), gap)["annotations"]) == 1


def test_the_time_is_source_date_epoch_else_the_commits_else_a_gap() -> None:
    assert compose(*FACTS, epoch=0)["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    assert compose(*FACTS)["metadata"]["timestamp"] == "2026-01-02T03:04:05Z"
    without = compose()
    assert "timestamp" not in without["metadata"]
    assert reading.gaps(without) == [
        "timestamp: sdist: neither SOURCE_DATE_EPOCH nor a commit gives a time"
    ]


@pytest.mark.parametrize(
    "text", ["now", "1e9", "99999999999999999999", "-5", " 1", "1_000", "٣", "253402300800"]
)
def test_a_source_date_epoch_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(BomError, match="SOURCE_DATE_EPOCH"):
        source_date_epoch(text)


def test_checks_are_tasks_with_outcome_and_the_names_of_what_failed() -> None:
    value = compose(*FACTS)
    assert reading.checks(value) == [("lint", "not-run"), ("unit", "failed")]
    unit = value["formulation"][0]["workflows"][0]["tasks"][1]
    assert {"name": "bom-seal:check:failed", "value": "test_a.test_b"} in unit["properties"]


def test_the_built_bytes_hashes_say_what_they_are_of() -> None:
    value = compose(*FACTS, subject=replace(SUBJECT, members=(Member("app/a.py", 3, "aa" * 32),)))
    assert reading.subject_sha256(value) == "cd" * 32
    assert reading.subject_property(value, "bom-seal:hash:of") == "built-bytes"
    assert value["metadata"]["component"]["components"][0]["name"] == "app/a.py"


def test_several_licences_of_mixed_form_stay_valid() -> None:
    part = replace(
        library("mixed"),
        licences=(Licence("MIT OR Apache-2.0", "expression"), Licence("My Own", "name")),
    )
    value = compose(Dependency(part))
    assert validate.errors(value) == []
    assert strict_errors(value) is None


def test_hostile_names_stay_data_and_the_document_valid() -> None:
    part = Component("library", "<img onerror=x>\x1b]0;x\x07", "1", ref="x y", homepage="a b://<>")
    value = compose(Dependency(part), Dependency(replace(part, ref="", purl="")))
    assert validate.errors(value) == []


@given(
    st.one_of(
        st.text(alphabet="a/:?#@[]%.0 \x07é", max_size=12),
        st.text(max_size=20).filter(lambda text: text.isprintable()),
    )
)
def test_any_text_becomes_a_valid_reference(text: str) -> None:
    part = replace(library("a"), homepage=text or "-")
    assert validate.errors(compose(Dependency(part))) == []


@pytest.mark.parametrize(
    "text",
    ["https://example.invalid:8443/a?b=c#d", "git.example.invalid/team/app", "a-1.0.tar.gz"],
)
def test_an_ordinary_reference_stays_as_it_is(text: str) -> None:
    assert url(text) == text


def test_the_same_component_found_twice_is_one_with_both_occurrences() -> None:
    one = replace(library("a"), occurrences=(Occurrence("x.lock", 1),))
    two = replace(library("a"), occurrences=(Occurrence("y.lock", 2),))
    value = compose(Dependency(one), Dependency(two, direct=True))
    assert [part["evidence"]["occurrences"] for part in value["components"]] == [
        [{"location": "x.lock", "line": 1}, {"location": "y.lock", "line": 2}]
    ]


def test_seal_parameters_are_signed_with_the_subject() -> None:
    value = compose(*FACTS, seal=(Property("bom-seal:seal", "tar.gz"),))
    assert reading.subject_property(value, "bom-seal:seal") == "tar.gz"
