"""action.yml and verify/action.yml, every step run for real by a runner that is played."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.action import events
from tests.action.conftest import lock

from bom import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.action.github_api import GitHub
    from tests.action.runner import Runner

    from bom.sign.keys import PrivateKey

ACTION = "action.yml"
BUILD = {"command": "sh build.sh", "artifact": "out/app.tar"}


def test_a_push_is_built_signed_uploaded_and_verified(
    runner: Runner,
    github: GitHub,
    secret: str,
    key: PrivateKey,
    left: Callable[[], list[Path]],
) -> None:
    inputs = BUILD | {"key": secret, "checks": "unit: sh unit.sh", "upload": "app"}
    job = runner.run(ACTION, inputs, "push", events.push())
    assert not job.failed, job.log
    artifact = Path(job.outputs["artifact"])
    assert artifact == runner.workspace / "out" / "app.tar"
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    assert job.outputs["digest"] == f"sha256:{digest}"
    assert job.outputs["digests"] == f"{digest}  app.tar"
    assert job.outputs["verdict"] == "good"
    document = canonical.loads_canonical(Path(job.outputs["bom"]).read_bytes())
    assert document["bomFormat"] == "CycloneDX"
    (record,) = json.loads(job.outputs["artifacts"])
    assert record["run-record"] == f"{artifact}.sigstore.jsonl" == job.outputs["run-record"]
    assert Path(job.outputs["bundle"]).is_file()
    assert {path.name for path in job.uploaded["app"].iterdir()} == {
        "app.tar",
        "app.tar.sigstore.jsonl",
        "app.tar.bom.cdx.json",
        "app.tar.bom.cdx.json.sigstore.json",
    }
    boms = {path.name for path in job.uploaded["app.bom"].iterdir()}
    assert boms == {"app.tar.bom.cdx.json", "app.tar.bom.cdx.json.sigstore.json"}
    assert "### bom: sealed, signed and verified\n\n| `app.tar` |  |" in job.summary
    assert f"| verdict | ✅ good, signed by `{key.key_id}` |" in job.summary
    assert "| `unit` | ✅ `passed` | – | – | – | – |" in job.summary
    assert "no run for the base branch has uploaded one that is still kept" in job.summary
    assert job.outputs["comment-url"] == ""
    assert not left()
    verified(runner, artifact, key)


def verified(runner: Runner, artifact: Path, key: PrivateKey) -> None:
    """A deployment job takes it; one flipped byte, and it ends."""
    public = runner.workspace.parent / "release.pub"
    public.write_bytes(key.public.pem())
    content = key.public.pem().decode()
    job = runner.run("verify/action.yml", {"artifact": "out/*", "key": content})
    assert not job.failed, job.log
    assert job.outputs["verdict"] == "good"
    assert json.loads(job.outputs["artifacts"]) == ["out/app.tar"]
    (verdict,) = json.loads(Path(job.outputs["verdicts"]).read_bytes())
    assert verdict["verdict"] == "good"
    assert job.summary.startswith("### bom: verified\n")
    data = bytearray(artifact.read_bytes())
    data[-600] ^= 1
    artifact.write_bytes(data)
    job = runner.run("verify/action.yml", {"artifact": "out/app.tar", "key": str(public)})
    assert job.steps["Verify"] == 1
    assert job.outputs["verdict"] == "bad"
    assert "### bom: NOT verified" in job.summary
    titles = [item.properties["title"] for item in job.annotations("error")]
    assert "bom: subject-digest" in titles


def test_a_pull_request_has_one_comment_that_is_kept_up_to_date(
    runner: Runner, github: GitHub, secret: str
) -> None:
    before = runner.workspace / "package-lock.json"
    inputs = BUILD | {"key": secret, "upload": "app"}
    pushed = runner.run(ACTION, inputs, "push", events.push())
    boms = {path.name: path.read_bytes() for path in pushed.uploaded["app.bom"].iterdir()}
    github.service.upload("app.bom", boms)
    # a stranger's branch has the base branch's name, and a person copied the mark
    github.service.upload("app.bom", {"x.bom.cdx.json": b"{}"}, head_repository_id=815)
    before.write_text(lock("2.0.0", "B"), encoding="utf-8")
    hostile = "$(touch owned) ${{ github.token }} @org/team <img onerror=x>\n::error::owned"
    payload = events.pull_request(title=hostile, head={"ref": "`touch owned`;$(touch owned)"})
    first = runner.run(ACTION, inputs, "pull_request", payload)
    assert not first.failed, first.log
    (comment,) = github.service.comments.values()
    mark = comment["body"].partition("\n")[0]
    assert re.fullmatch(r"<!-- bom-seal [0-9a-f]{32} -->", mark)
    assert "### What changed from `the base branch's last BOM, " in comment["body"]
    assert "| `left` | `1.0.0` | `2.0.0` | upgrade |" in comment["body"]
    assert "[the run](https://github.invalid/octo/app/actions/runs/123456)" in comment["body"]
    assert first.outputs["comment-url"] == comment["html_url"]
    for text in (first.log, first.summary, comment["body"], str(first.outputs)):
        assert "owned" not in text
        assert "@org" not in text
    assert not list(runner.workspace.rglob("owned"))
    github.service.comment(mark, "someone", "User")
    github.service.comments = dict(reversed(github.service.comments.items()))
    before.write_text(lock("1.0.0", "C"), encoding="utf-8")
    second = runner.run(ACTION, inputs, "pull_request", payload)
    assert not second.failed, second.log
    assert len(github.service.comments) == 2
    assert github.service.comments[2]["body"] == mark
    assert "Same version, other bytes" in github.service.comments[1]["body"]
    token = f"Bearer {runner.token}"
    for asked in github.service.asked:
        to_api = asked.path.startswith("/repos/")
        assert asked.headers.get("Authorization", "") == (token if to_api else "")


ADVISORY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "modified": "2024-02-01T00:00:00Z",
    "summary": "left is not right",
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "left"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}],
        }
    ],
}


def test_a_known_vulnerability_fails_the_job_at_the_line_that_asks_for_the_package(
    runner: Runner, github: GitHub, secret: str
) -> None:
    export = runner.workspace.parent / "osv" / "npm"
    export.mkdir(parents=True)
    (export / "GHSA-aaaa-bbbb-cccc.json").write_text(json.dumps(ADVISORY), encoding="utf-8")
    inputs = BUILD | {"key": secret, "advisories": str(export.parent), "upload": "app"}
    job = runner.run(ACTION, inputs, "pull_request", events.pull_request())
    assert job.steps["Audit"] == 0
    assert job.steps["Report"] == 1
    assert not job.uploaded
    assert job.outputs["verdict"] == "good"
    (comment,) = github.service.comments.values()
    for page in (job.summary, comment["body"]):
        assert "| `GHSA-aaaa-bbbb-cccc` | `left` | `1.0.0` |" in page
        assert "| `1.0.1` | `left is not right` |" in page
        assert "1 advisories, the newest of `2024-02-01T00:00:00Z`" in page
    remarks = {item.properties["title"]: item for item in job.annotations("error")}
    assert remarks["bom"].value == (
        "app.tar: 1 known vulnerability counts, 0 packages were not audited"
    )
    found = remarks["bom: GHSA-aaaa-bbbb-cccc"]
    assert found.properties["file"] == "package-lock.json"
    assert found.properties["line"] == "5"
    empty = runner.workspace.parent / "none"
    empty.mkdir()
    job = runner.run(ACTION, inputs | {"advisories": str(empty)}, "push", events.push())
    assert job.steps["Audit"] != 0
    assert "❌ **Not audited**: the steps' log says why." in job.summary


def test_a_fork_is_built_unsigned_without_a_comment_and_never_beside_a_key(
    runner: Runner, github: GitHub, secret: str
) -> None:
    github.service.readonly = True
    github.service.upload("app.bom", {"app.tar.bom.cdx.json": b"{}"}, head_repository_id=815)
    command = "sh -c 'find \"$RUNNER_TEMP\" -name key -type f | grep . && exit 9; sh build.sh'"
    inputs = BUILD | {"upload": "app", "key": secret, "command": command}
    job = runner.run(ACTION, inputs, "pull_request", events.fork())
    assert not job.failed, job.log
    assert job.outputs["verdict"] == "unsigned"
    assert job.outputs["bundle"] == job.outputs["run-record"] == ""
    reason = "this pull request comes from a fork, whose runs get no secrets"
    assert job.summary.startswith(
        f"### bom: sealed, UNSIGNED\n\n**Not signed:** {reason}.\n"
        "There is no comment on the pull request either: the token may only read.\n"
    )
    (notice,) = job.annotations("notice")
    assert notice.value == f"not signed: {reason}"
    assert {asked.method for asked in github.service.asked} == {"GET"}
    assert "no run for the base branch has uploaded one" in job.summary


@pytest.mark.parametrize(
    ("event", "payload"),
    [("release", events.release()), ("workflow_dispatch", events.workflow_dispatch())],
)
def test_a_release_and_a_call_by_hand_are_signed_by_an_encrypted_key(
    runner: Runner, github: GitHub, key: PrivateKey, event: str, payload: dict[str, Any]
) -> None:
    inputs = BUILD | {
        "key": key.pem(b"a long passphrase").decode(),
        "passphrase": "a long passphrase",
    }
    job = runner.run(ACTION, inputs, event, payload)
    assert not job.failed, job.log
    assert job.outputs["verdict"] == "good"
    assert "Dependency changes" not in job.summary
    masked = [item.value for item in job.annotations("add-mask")]
    assert "a long passphrase" in masked
    assert not any(text.startswith("-----") for text in masked)
    assert not github.service.asked


def test_the_key_is_private_while_it_is_there_and_gone_after_a_build_that_fails(
    runner: Runner, github: GitHub, secret: str, left: Callable[[], list[Path]]
) -> None:
    command = "sh -c 'stat -c %a \"$RUNNER_TEMP\"/bom-????????/key; env | sort > env.txt; exit 7'"
    job = runner.run(
        ACTION, BUILD | {"key": secret, "command": command}, "pull_request", events.pull_request()
    )
    assert job.steps == {
        "Install bom": 0,
        "Prepare the key": 0,
        "Build and seal": 7,
        "Remove the key": 0,
        "Audit": None,
        "Report": 0,
        "Upload artifact, run record and BOM": None,
        "Upload the BOM": None,
    }
    assert "\n600\n" in job.log
    assert not left()
    told = (runner.workspace / "env.txt").read_text(encoding="utf-8")
    assert "PRIVATE" not in told
    assert runner.token not in told
    assert "BOM_INPUT" not in told
    assert "BOM_ACTION" not in told
    assert job.outputs["verdict"] == "failed"
    assert "### bom: the build failed" in job.summary
    assert "The command ended with exit code 7." in github.service.comments[1]["body"]


HOSTILE = """sh build.sh $(touch owned) `touch owned` ; touch owned && touch owned | tee owned
> owned
touch owned "'" 'a"b; touch owned' "$(touch owned)" ${{ github.token }} ${HOME}

'::add-mask::x' "
::set-output name=verdict::bad" --unsigned --key=/dev/null -- --help"""


def test_a_hostile_command_is_words_and_no_module_beside_it_is_imported(
    runner: Runner, github: GitHub, secret: str
) -> None:
    for name in ("bom", "json", "requests"):
        (runner.workspace / f"{name}.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    inputs = BUILD | {"key": secret, "command": HOSTILE, "upload": "$(touch owned)"}
    job = runner.run(ACTION, inputs, "push", events.push(), {"PYTHONPATH": "."})
    assert not job.failed, job.log
    assert not list(runner.workspace.rglob("owned"))
    assert job.outputs["verdict"] == "good"
    assert {item.name for item in job.commands} <= {"add-mask", "warning"}
    assert "add-mask::x" not in [item.value for item in job.annotations("add-mask")]


def test_without_a_command_bom_is_on_the_path_and_nothing_else(runner: Runner) -> None:
    job = runner.run(ACTION, {}, "push", events.push())
    assert not job.failed, job.log
    (folder,) = job.path
    (program,) = Path(folder).iterdir()
    assert program.name == "bom"
    assert stat.S_IMODE(program.stat().st_mode) == 0o700
    assert [name for name, code in job.steps.items() if code is not None] == [
        "Install bom",
        "Remove the key",
    ]


def test_pull_request_target_is_refused_before_anything_runs(
    runner: Runner, github: GitHub, secret: str, left: Callable[[], list[Path]]
) -> None:
    for event, payload in (
        ("pull_request_target", events.fork()),
        ("workflow_run", events.workflow_run()),
    ):
        job = runner.run(ACTION, BUILD | {"key": secret}, event, payload)
        assert job.steps["Prepare the key"] == 2
        assert job.steps["Build and seal"] is None
        assert "a stranger's code" in job.log or "a fork's code" in job.log
        assert not left()
        assert not (runner.workspace / "out").exists()
