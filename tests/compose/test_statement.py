"""The run record against SLSA provenance v1.0, in-toto attestation v1 and test-result v0.1."""

from __future__ import annotations

import base64
import json
from typing import Any

from bom.compose import statement
from bom.model import Check, Hash, Material, Observation, Revision, RunDetail, Setting, Tool

SUBJECTS = [statement.Named("app.tar", "ab" * 32), statement.Named("app.tar (as built)", "cd" * 32)]
RUN = statement.Run("2026-01-02T03:04:05Z", "2026-01-02T03:05:00Z", "a-b-c", 0)
FACTS: tuple[Observation, ...] = (
    Revision("e" * 40, remote="git.example.com/team/app"),
    RunDetail("source.remote.form", "scp"),
    RunDetail("source.branch", "main"),
    RunDetail("environment.name", "HOME"),
    RunDetail("environment.name", "PATH"),
    Setting("command", "command", "make"),
    Setting("environment", "CFLAGS", "-O2"),
    Tool("wrapped", "make", "4.3"),
    Tool("compiler", "cc", "12.2", "path"),
    Material("dockerfile", "Dockerfile", (Hash("SHA-256", "12" * 32),)),
    Material("base-image", "python:3.11"),
)


def provenance(*facts: Observation) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(statement.provenance(SUBJECTS, facts, RUN))
    return value


def descriptors(predicate: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        *predicate["buildDefinition"]["resolvedDependencies"],
        *predicate["runDetails"]["byproducts"],
    ]
    return found


def test_the_statement_has_the_fields_of_in_toto_v1() -> None:
    value = provenance(*FACTS)
    assert set(value) == {"_type", "subject", "predicateType", "predicate"}
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [set(item) for item in value["subject"]] == [{"name", "digest"}] * 2


def test_the_predicate_has_only_fields_that_slsa_names() -> None:
    predicate = provenance(*FACTS)["predicate"]
    assert set(predicate) == {"buildDefinition", "runDetails"}
    assert set(predicate["buildDefinition"]) == {
        "buildType",
        "externalParameters",
        "internalParameters",
        "resolvedDependencies",
    }
    details = predicate["runDetails"]
    assert set(details) == {"builder", "metadata", "byproducts"}
    assert set(details["builder"]) == {"id", "version"}
    assert all(isinstance(value, str) for value in details["builder"]["version"].values())
    assert details["metadata"] == {
        "invocationId": "a-b-c",
        "startedOn": "2026-01-02T03:04:05Z",
        "finishedOn": "2026-01-02T03:05:00Z",
    }


def test_an_option_that_was_given_several_times_is_a_list() -> None:
    facts = [Setting("option", "artifact", name) for name in ("b", "a", "c", "a")]
    value = provenance(*facts, Setting("option", "file", "x"), Setting("command", "command", "m"))
    assert value["predicate"]["buildDefinition"]["externalParameters"] == {
        "command": "m",
        "option": {"artifact": ["a", "b", "c"], "file": "x"},
    }


def test_every_resource_descriptor_has_a_uri_a_digest_or_its_content() -> None:
    for item in descriptors(provenance(*FACTS)["predicate"]):
        assert set(item) & {"uri", "digest", "content"}, item
        assert set(item) <= {
            *("name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations")
        }


def test_the_source_is_a_git_uri_with_its_commit() -> None:
    (source, *_) = provenance(*FACTS)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert source == {
        "name": "source",
        "uri": "git+ssh://git.example.com/team/app",
        "digest": {"gitCommit": "e" * 40},
    }
    without = provenance(Revision("e" * 40))["predicate"]["buildDefinition"]
    assert without["resolvedDependencies"] == [
        {"name": "source", "digest": {"gitCommit": "e" * 40}}
    ]


def test_the_exit_code_is_a_byproduct() -> None:
    (code,) = provenance()["predicate"]["runDetails"]["byproducts"]
    assert code["name"] == "exit-code"
    assert base64.b64decode(code["content"]) == b"0"


def test_a_program_that_may_not_have_taken_part_is_no_builder() -> None:
    version = provenance(*FACTS)["predicate"]["runDetails"]["builder"]["version"]
    assert version["make"] == "4.3"
    assert "cc" not in version


def test_the_test_result_says_passed_failed_and_what_did_neither() -> None:
    checks = [Check("unit", "passed"), Check("lint", "failed"), Check("e2e", "not-run")]
    value = json.loads(statement.test_result(SUBJECTS, checks))
    assert value["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert value["predicate"] == {
        "result": "FAILED",
        "configuration": [],
        "passedTests": ["unit"],
        "failedTests": ["lint"],
        "warnedTests": ["e2e"],
    }
    only = json.loads(statement.test_result(SUBJECTS, checks[2:]))
    assert only["predicate"]["result"] == "WARNED"
