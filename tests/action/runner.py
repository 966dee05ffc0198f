"""Plays GitHub's runner: the steps of a composite action run for real, one after the other.

What the runner's source and documentation say of environment files, workflow commands, conditions
and shells is done; what they say and no action of ours uses is refused. `actions/upload-artifact`
is the one action that is played instead of run: it needs GitHub's own service.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from tests.action.expressions import condition, filled

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY: Final = "octo/app"
REPOSITORY_ID: Final = 4711
_UPLOAD: Final = re.compile(r"actions/upload-artifact@[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Command:
    """A workflow command, as the runner understands it."""

    name: str
    value: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Job:
    """What a job's action left. `steps`: name -> exit code, None for one that was skipped."""

    outputs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, int | None] = field(default_factory=dict)
    log: str = ""
    summaries: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    uploaded: dict[str, Path] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(self.steps.values())

    @property
    def summary(self) -> str:
        return "".join(self.summaries)

    def annotations(self, level: str) -> list[Command]:
        return [item for item in self.commands if item.name == level]


class Runner:
    """A machine with a workspace. `machine` may be shared by several: it has the action's sources
    in `action`, and RUNNER_TEMP in `temp`, so that what one installed stays."""

    def __init__(
        self, workspace: Path, machine: Path, store: Path, environment: Mapping[str, str]
    ) -> None:
        self.sources = machine / "action"
        self.temp = machine / "temp"
        self.workspace = workspace
        self.store = store
        self.environment = dict(environment)
        self.api = "https://api.github.invalid"
        self.token = "t0ken-of-the-job-0123456789"

    def run(
        self,
        action: str,
        inputs: Mapping[str, str],
        event: str = "push",
        payload: Mapping[str, Any] | None = None,
        job_environment: Mapping[str, str] | None = None,
    ) -> Job:
        """Run `action` (a path from the root) with inputs as a workflow gives them."""
        source = self.sources / action
        described = yaml.safe_load(source.read_text(encoding="utf-8"))
        folder = self.store / uuid.uuid4().hex
        folder.mkdir(parents=True)
        payload_file = folder / "event.json"
        payload_file.write_text(json.dumps(payload or {}), encoding="utf-8")
        github = {"token": self.token, "action_path": str(source.parent)}
        given = self._inputs(described, inputs, github)
        base = self._variables(event, payload or {}, payload_file, source.parent)
        base |= job_environment or {}
        job = Job()
        context: dict[str, object] = {
            "inputs": given,
            "github": github,
            "steps": {},
            "env": dict(job_environment or {}),
        }
        for number, step in enumerate(described["runs"]["steps"]):
            self._step(step, number, folder, base, context, job)
        for name, output in described.get("outputs", {}).items():
            job.outputs[name] = filled(output["value"], context)
        return job

    def _inputs(
        self, described: Mapping[str, Any], given: Mapping[str, str], github: Mapping[str, str]
    ) -> dict[str, str]:
        unknown = set(given) - set(described["inputs"])
        assert not unknown, f"{unknown} are no inputs"
        found = {}
        for name, stated in described["inputs"].items():
            assert not stated.get("required") or name in given, f"{name} is required"
            default = filled(stated.get("default", ""), {"github": github})
            found[name] = given.get(name, default)
        return found

    def _variables(
        self, event: str, payload: Mapping[str, Any], payload_file: Path, action_path: Path
    ) -> dict[str, str]:
        pull = payload.get("pull_request")
        ref = f"{pull['number']}/merge" if pull else "main"
        return self.environment | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(action_path),
            "GITHUB_ACTOR": payload.get("sender", {}).get("login", "someone"),
            "GITHUB_API_URL": self.api,
            "GITHUB_BASE_REF": pull["base"]["ref"] if pull else "",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(payload_file),
            "GITHUB_JOB": "build",
            "GITHUB_REF_NAME": ref,
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "123456",
            "GITHUB_SERVER_URL": "https://github.invalid",
            "GITHUB_WORKFLOW": "build",
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/build.yml@refs/heads/main",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_OS": "Linux",
        }

    def _step(
        self,
        step: Mapping[str, Any],
        number: int,
        folder: Path,
        base: Mapping[str, str],
        context: dict[str, Any],
        job: Job,
    ) -> None:
        known = {"name", "id", "if", "shell", "env", "run", "working-directory", "uses", "with"}
        assert set(step) <= known, f"{set(step) - known} are not known here"
        name = step["name"]
        if not condition(step.get("if", ""), context, failed=job.failed):
            job.steps[name] = None
            return
        if "uses" in step:
            assert _UPLOAD.fullmatch(step["uses"]), f"{step['uses']} can't be played here"
            self._upload(step["with"], context, job)
            job.steps[name] = 0
            return
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input would become part of the script"
        written = {
            kind: folder / f"{kind.lower()}-{number}"
            for kind in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH", "GITHUB_ENV")
        }
        for path in written.values():
            path.touch()
        environment = {**base, **{kind: str(path) for kind, path in written.items()}}
        environment |= {key: filled(text, context) for key, text in step.get("env", {}).items()}
        environment["PATH"] = os.pathsep.join([*reversed(job.path), environment["PATH"]])
        script = folder / f"{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace / filled(step.get("working-directory", ""), context),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = ran.stdout.decode("utf-8", "backslashreplace")
        job.steps[name] = ran.returncode
        job.log += text
        job.commands += commands(text)
        job.summaries.append(written["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))
        job.path += written["GITHUB_PATH"].read_text(encoding="utf-8").splitlines()
        assert not written["GITHUB_ENV"].read_text(encoding="utf-8"), "no step sets variables"
        outputs = key_values(written["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
        if "id" in step:
            context["steps"][step["id"]] = {"outputs": outputs}

    def _upload(self, given: Mapping[str, str], context: dict[str, Any], job: Job) -> None:
        source = Path(filled(given["path"], context))
        target = self.store / "uploaded" / uuid.uuid4().hex
        shutil.copytree(source, target)
        job.uploaded[filled(given["name"], context)] = target


def commands(log: str) -> list[Command]:
    """The commands that the runner finds in a log: `::name key=value,…::value` at a line's start,
    blanks before it or not."""
    found = []
    for line in re.split(r"\r\n|\r|\n", log):
        head, several, value = line.strip().removeprefix("::").partition("::")
        if not line.strip().startswith("::") or not several:
            continue
        name, _, properties = head.partition(" ")
        pairs = (pair.partition("=") for pair in properties.split(",") if pair)
        found.append(
            Command(
                name,
                _unescaped(value),
                {
                    key.strip(): _unescaped(text.replace("%3A", ":").replace("%2C", ","))
                    for key, _, text in pairs
                },
            )
        )
    return found


def key_values(text: str) -> dict[str, str]:
    """An environment file: `NAME=VALUE`, or `NAME<<MARK`, lines, and MARK alone in a line."""
    found = {}
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        name, equals, value = line.rstrip("\n").partition("=")
        before, several, mark = line.rstrip("\n").partition("<<")
        if several and (not equals or len(before) < len(name)):
            kept = []
            for inner in lines:
                if inner.rstrip("\n") == mark:
                    break
                kept.append(inner)
            else:
                raise AssertionError(f"{before} has no end")
            found[before] = "".join(kept).removesuffix("\n")
        elif equals:
            found[name] = value
        else:
            raise AssertionError(f"not understood: {line!r}")
    return found


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
