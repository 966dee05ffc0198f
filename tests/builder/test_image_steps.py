"""The steps of a build, out of BuildKit's provenance: what stands of them, and what must not."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.builder.images import provenance
from bom.builder.images.steps import Definition, observations
from bom.compose.bom import Evidence, document
from bom.compose.validate import errors
from bom.model import BuildStep, BuildSteps, Gap, Observation, Property, Subject

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LAYER = "sha256:" + "e" * 64


def run(*args: str, env: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    meta = {"args": list(args), "env": list(env), "cwd": "/w", "user": "nobody"}
    return {"exec": {"meta": meta, "mounts": [{"dest": "/"}], **more}}


MOUNTS = [
    {"dest": "/"},
    {"input": 1, "dest": "/src", "output": -1, "readonly": True},
    {"input": -1, "dest": "/t", "mountType": 4, "TmpfsOpt": {}},
    {"input": -1, "dest": "/cc", "mountType": 3, "cacheOpt": {"ID": "//cc"}},
    {"input": -1, "dest": "/run/secrets/t", "mountType": 1, "secretOpt": {"ID": "tok"}},
    {"input": -1, "dest": "/run/ssh", "mountType": 2, "SSHOpt": {"mode": 384}},
]
STEPS: list[dict[str, Any]] = [
    {"id": "step0", "op": {"Op": {"source": {"identifier": "docker-image://a@sha256:1"}}}},
    {
        "id": "step1",
        "op": {
            "Op": {
                "source": {
                    "identifier": "local://context",
                    "attrs": {"local.sharedkeyhint": "context", "local.sessionid": "abc"},
                }
            }
        },
    },
    {
        "id": "step2",
        "op": {"Op": run("/bin/sh", "-c", "make all", mounts=MOUNTS, network=1)},
        "inputs": ["step0:0", "step1:0"],
    },
    {
        "id": "step3",
        "op": {
            "Op": {
                "file": {
                    "actions": [
                        {"Action": {"copy": {"src": "/out file", "dest": "/"}}},
                        {"Action": {"mkdir": {"path": "/w"}}},
                    ]
                }
            }
        },
        "inputs": ["step2:0"],
    },
    {"id": "step4", "op": {"Op": {}}, "inputs": ["step3:0"]},
]
LOCATIONS: dict[str, Any] = {
    "step0": {"locations": [{"ranges": [{"start": {"line": 2}, "end": {"line": 2}}]}]},
    "step2": {
        "locations": [
            {"ranges": [{"start": {"line": n}, "end": {"line": n}} for n in (4, 5, 6)]},
        ]
    },
    "step1": {},
}
LAYERS: dict[str, Any] = {"step3:0": [[{"digest": "sha256:0"}, {"digest": LAYER}]]}


def told(
    steps: Any = None,
    secrets: Collection[str] = (),
    layers: Collection[str] = (LAYER,),
    locations: dict[str, Any] = LOCATIONS,
) -> list[Observation]:
    definition = Definition(STEPS if steps is None else steps, locations, LAYERS)
    return list(observations(definition, {layer: layer for layer in layers}, secrets))


def steps_of(found: list[Observation]) -> tuple[BuildStep, ...]:
    (made,) = (item for item in found if isinstance(item, BuildSteps))
    return made.steps


def values(step: BuildStep, name: str) -> list[str]:
    return [item.value for item in step.properties if item.name == f"bom-seal:step:{name}"]


def test_each_step_says_what_it_did_from_which_lines_and_inputs() -> None:
    source, context, made, files = steps_of(told())
    assert [step.name for step in (source, context, made, files)] == [
        "source 2",
        "source",
        "run 4-6",
        "files",
    ]
    assert source.commands == ("docker-image://a@sha256:1",)
    assert context.commands == ("local://context",)
    assert made.commands == ("make all",)
    assert files.commands == ("copy '/out file' /", "mkdir /w")
    assert values(made, "input") == ["0", "1"]
    assert values(made, "mount") == [
        "bind /src",
        "tmpfs /t",
        "cache /cc",
        "secret tok",
        "ssh default",
    ]
    assert values(made, "network") == ["host"]
    assert values(made, "user") == ["nobody"]
    assert values(made, "workdir") == ["/w"]
    assert values(files, "layer") == [LAYER]
    assert values(steps_of(told(layers=()))[3], "layer") == []


def test_a_digest_depends_on_what_a_step_does_and_on_all_before_it() -> None:
    before = [values(step, "digest")[0] for step in steps_of(told())]
    other = copy.deepcopy(STEPS)
    other[0]["op"]["Op"]["source"]["identifier"] = "docker-image://b"
    after = [values(step, "digest")[0] for step in steps_of(told(other))]
    assert [one == two for one, two in zip(before, after, strict=True)] == [
        False,
        True,
        False,
        False,
    ]


def test_what_is_one_machines_or_one_sessions_is_in_no_digest() -> None:
    other = copy.deepcopy(STEPS)
    other[1]["op"]["Op"]["source"]["attrs"]["local.sessionid"] = "xyz"
    other[1]["op"]["constraints"] = {"x": 1}
    other[2]["op"]["Op"]["exec"]["meta"]["proxyEnv"] = {"httpProxy": "http://u:p@proxy"}
    assert told(other) == told()
    tar = [{"id": "s", "op": {"Op": {"source": {"identifier": "http://buildkit-session/abc"}}}}]
    again = [{"id": "s", "op": {"Op": {"source": {"identifier": "http://buildkit-session/xyz"}}}}]
    assert told(tar) == told(again)


def test_secrets_are_in_no_command_and_in_no_digest() -> None:
    def build(secret: str) -> list[Observation]:
        data = base64.b64encode(f"key={secret}\n".encode()).decode()
        file = {"Action": {"mkfile": {"data": data}}}
        steps = [
            {
                "id": "a",
                "op": {"Op": run("curl", f"-Hx: {secret}", env=(f"API_TOKEN={secret}", "A=b"))},
            },
            {"id": "b", "op": {"Op": {"file": {"actions": [file]}}}},
        ]
        return told(steps, secrets=[secret])

    one, two = build("hunter2-hunter2"), build("correct-horse")
    assert one == two
    assert "hunter2" not in repr(one)
    # a variable that is named like a secret, whatever its value
    named = [{"id": "a", "op": {"Op": run("true", env=("API_TOKEN=one",))}}]
    again = [{"id": "a", "op": {"Op": run("true", env=("API_TOKEN=two",))}}]
    assert told(named) == told(again)


def test_what_is_no_step_of_buildkits_is_counted_in_a_gap() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    found = told([*STEPS, "x", {"id": 1, "op": {}}, {"id": "q", "op": {"Op": deep, "x": 1}}])
    assert len(steps_of(found)) == 4
    assert Gap("build.steps", "3 steps", "they are not as BuildKit describes steps") in found
    assert told([]) == [Gap("build.steps", "the builder", "its provenance states no steps")]
    forward = [{"id": "a", "op": {"Op": run("x")}, "inputs": ["b:0"]}]
    assert steps_of(told(forward)) == ()


def test_steps_and_their_texts_are_bounded() -> None:
    many = [
        {"id": f"s{n}", "op": {"Op": run("x" * (9_000 if n == 5 else 9))}} for n in range(2_003)
    ]
    found = told(many)
    assert len(steps_of(found)) == 2_000
    assert all(len(step.commands[0]) < 8_300 for step in steps_of(found))
    assert Gap("build.steps", "3 steps", "only the first 2000 stand in the BOM") in found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    st.sampled_from(["exec", "file", "source", "merge", "x"]),
    JSON,
    st.sampled_from(["meta", "mounts", "actions", "identifier", "attrs"]),
    JSON,
)
def test_any_definition_is_read_without_an_error(kind: str, one: Any, key: str, two: Any) -> None:
    found = told([{"id": "a", "op": {"Op": {kind: {key: one}}}}, {"id": "b", "op": two}, two])
    json.dumps([repr(item) for item in found])
    told(STEPS, locations={"step0": one, "step2": {"locations": [two]}})


@pytest.mark.parametrize("version", ["v0.2", "v1", "v1 as it was"])
def test_the_steps_stand_in_either_version_of_slsa(tmp_path: Path, version: str) -> None:
    config = {"llbDefinition": STEPS}
    metadata = {"source": {"locations": LOCATIONS}, "layers": LAYERS}
    complete = {"parameters": True, "environment": False, "materials": True}
    long = "https://mobyproject.org/buildkit@v1#"
    stated: dict[str, Any] = {
        "v0.2": {
            "buildConfig": config,
            "metadata": {f"{long}metadata": metadata, "completeness": complete},
        },
        "v1": {
            "buildDefinition": {"externalParameters": {"buildConfig": config}},
            "runDetails": {
                "metadata": {f"{long}metadata": metadata, f"{long}completeness": complete}
            },
        },
        "v1 as it was": {
            "buildDefinition": {"internalParameters": {"buildConfig": config}},
            "runDetails": {
                "metadata": {"buildkit_metadata": metadata, "buildkit_completeness": complete}
            },
        },
    }
    (tmp_path / "id").write_text("sha256:" + "a" * 64)
    (tmp_path / "metadata").write_text(json.dumps({"buildx.build.provenance": stated[version]}))
    found = provenance.read(tmp_path / "id", tmp_path / "metadata").definition
    assert found is not None
    assert steps_of(list(observations(found, {LAYER: LAYER}, ()))) == steps_of(told())
    assert found.statements == (
        Property("bom-seal:provenance:complete", "materials"),
        Property("bom-seal:provenance:complete", "parameters"),
        Property("bom-seal:provenance:reproducible", "false"),
    )


def test_the_steps_are_a_task_of_the_workflow() -> None:
    subject = Subject("app.tar", "image", "ab" * 32, 1)
    for version in ("1.5", "1.6", "1.7"):
        made = document(Evidence(subject, tuple(told()), spec_version=version))
        assert not errors(made)
        (task,) = made["formulation"][0]["workflows"][0]["tasks"]
        assert (task["bom-ref"], task["taskTypes"]) == ("steps", ["build"])
        assert [step["name"] for step in task["steps"]] == [
            "0: source 2",
            "1: source",
            "2: run 4-6",
            "3: files",
        ]
        assert task["steps"][2]["commands"] == [{"executed": "make all"}]
