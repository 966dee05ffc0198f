"""`bom check`, run as a user runs it, and what the next build makes of its result."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bom.config import CheckConfig, Config
from bom.errors import BomError, Refused
from bom.model import Check, Gap, Observation
from bom.observe import project_root
from bom.observe.checks import ChecksObserver
from bom.observe.protocol import BuildContext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

JUNIT = "<testsuite><testcase classname='t' name='a'/>{}</testsuite>"
FAILURE = "<testcase classname='t' name='b'><failure/></testcase>"
SKIPPED = "<testcase classname='t' name='b'><skipped/></testcase>"


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Someone")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "someone@example.com")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.txt").write_text("one\n")
    return root


@pytest.fixture
def root(plain: Path, need: Callable[[str], str]) -> Path:
    need("git")
    git(plain, "init", "-q", "-b", "main")
    commit(plain)
    return plain


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "-q", "--allow-empty", "-m", "change")


def bom(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bom", *arguments]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)


def observe(
    root: Path, *files: Path, expected: Sequence[str] = (), own: Sequence[Path] = ()
) -> list[Observation]:
    config = Config(checks=[CheckConfig(name=name) for name in expected])
    top = project_root(root)
    context = BuildContext(
        top, top, ("make",), dict(os.environ), config, tuple(own), check_files=files
    )
    return list(ChecksObserver().observe(context))


def checks(root: Path, *files: Path, expected: Sequence[str] = ()) -> list[Check]:
    return [f for f in observe(root, *files, expected=expected) if isinstance(f, Check)]


def writing(report: Path | str, more: str = "", code: int = 0) -> list[str]:
    content = shlex.quote(JUNIT.format(more))
    return ["sh", "-c", f"echo {content} > {report}; exit {code}"]


@pytest.mark.parametrize("code", [0, 1, 7, 125, 200])
def test_the_commands_exit_code_is_passed_on(root: Path, code: int) -> None:
    done = bom(root, "check", "unit", "--", "sh", "-c", f"echo out; exit {code}")
    assert done.returncode == code
    assert done.stdout == "out\n"
    outcome = "failed" if code else "passed"
    assert done.stderr == f"bom: check unit: {outcome}\n"
    assert [(c.name, c.outcome) for c in checks(root)] == [("unit", outcome)]


def test_a_command_that_is_not_there_is_127(root: Path) -> None:
    done = bom(root, "check", "unit", "--", "no-such-command")
    assert done.returncode == 127
    assert "command not found" in done.stderr


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a\nb", "x" * 101, "a\x1b[31m", "a:b"])
def test_a_name_that_is_no_file_name_is_bom_own_failure(root: Path, name: str) -> None:
    done = bom(root, "check", "--", name, "true")
    assert done.returncode == 125
    assert done.stderr.splitlines()[-1] == (
        "bom: this exit code 125 is bom's own, not the command's"
    )


def test_junit_counts_and_failed_names_are_kept(root: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    done = bom(root, "check", "unit", "--junit", str(report), "--", *writing(report, FAILURE, 1))
    assert done.returncode == 1
    assert done.stderr == "bom: check unit: failed (2 tests, 1 failed, 0 skipped)\n"
    (found,) = checks(root)
    assert (found.tests, found.failures, found.skipped) == (2, 1, 0)
    assert found.failed == ("t.b",)


def test_a_report_with_failures_fails_a_check_whose_command_passed(
    root: Path, tmp_path: Path
) -> None:
    report = tmp_path / "r.xml"
    done = bom(root, "check", "unit", "--junit", str(report), "--", *writing(report, FAILURE))
    assert done.returncode == 0
    assert checks(root)[0].outcome == "failed"


def test_a_check_of_which_every_test_was_skipped_is_skipped(root: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    text = f"<testsuite>{SKIPPED}</testsuite>"
    bom(root, "check", "u", "--junit", str(report), "--",
        "sh", "-c", f"echo {shlex.quote(text)} > {report}")  # fmt: skip
    assert checks(root)[0].outcome == "skipped"


def test_a_report_left_over_or_absent_or_broken_is_no_pass(root: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text(JUNIT.format(""))
    for command, why in (
        (["true"], "left over"),
        (["rm", str(report)], "not there"),
        (["sh", "-c", f"echo x > {report}"], "no JUnit XML"),
    ):
        done = bom(root, "check", "unit", "--junit", str(report), "--", *command)
        assert done.returncode == 125, done.stderr
        assert why in done.stderr
        assert checks(root) == []
    done = bom(root, "check", "unit", "--junit", str(report), "--", "false")
    assert done.returncode == 1
    assert checks(root)[0].outcome == "failed"


def test_many_reports_are_found_by_a_glob_and_old_ones_passed_over(root: Path) -> None:
    folder = root / ".git" / "reports"
    folder.mkdir()
    (folder / "old.xml").write_text(JUNIT.format(FAILURE))
    command = ["sh", "-c", "; ".join(writing(folder / f"{n}.xml")[2][:-8] for n in "ab")]
    done = bom(root, "check", "unit", "--junit", ".git/reports/*.xml", "--", *command)
    assert done.returncode == 0, done.stderr
    assert "old.xml is left over" in done.stderr
    assert checks(root)[0].tests == 2


def test_a_report_inside_the_tree_does_not_void_the_result(root: Path) -> None:
    done = bom(root, "check", "unit", "--junit", "r.xml", "--", *writing("r.xml"))
    assert "changed files" not in done.stderr
    assert [c.outcome for c in checks(root)] == ["passed"]


def test_a_result_counts_only_for_the_commit_and_tree_that_were_checked(root: Path) -> None:
    bom(root, "check", "unit", "--", "true")
    (root / "a.txt").write_text("changed\n")
    assert checks(root, expected=["unit"]) == [Check("unit", "not-run")]
    (root / "a.txt").write_text("one\n")
    assert [c.outcome for c in checks(root, expected=["unit"])] == ["passed"]
    commit(root)
    assert checks(root) == []
    gaps = [f for f in observe(root, expected=["unit"]) if isinstance(f, Gap)]
    assert [(gap.what, gap.where) for gap in gaps] == [("check.result", "unit")]


def test_a_check_that_changes_the_tree_is_warned_about(root: Path) -> None:
    done = bom(root, "check", "unit", "--", "sh", "-c", "echo new > new.txt")
    assert "changed files that git does not ignore" in done.stderr
    assert checks(root) == []


def test_results_lie_outside_the_tree_and_are_private(root: Path, plain: Path) -> None:
    bom(root, "check", "unit", "--", "true")
    (kept,) = (root / ".git/bom/checks").iterdir()
    assert kept.name == "unit.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    status = subprocess.run(
        ["git", "status", "--porcelain", "--ignored"], cwd=root, capture_output=True, check=True
    )
    assert status.stdout == b""


def test_a_linked_work_tree_keeps_its_own_results(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", str(tmp_path / "linked"))
    bom(root, "check", "unit", "--", "true")
    assert checks(tmp_path / "linked") == []
    bom(tmp_path / "linked", "check", "unit", "--", "false")
    assert [c.outcome for c in checks(tmp_path / "linked")] == ["failed"]
    assert [c.outcome for c in checks(root)] == ["passed"]


def test_outside_git_results_lie_in_the_users_state_directory(plain: Path, tmp_path: Path) -> None:
    bom(plain, "check", "unit", "--", "true")
    assert len(list((tmp_path / "state/bom").glob("*/checks/unit.json"))) == 1
    assert [c.outcome for c in checks(plain)] == ["passed"]
    (plain / "dist").mkdir()
    (plain / "dist/x.whl").write_text("x")
    assert [c.outcome for c in checks(plain)] == ["passed"]
    (plain / "a.txt").write_text("changed\n")
    assert checks(plain) == []


def test_results_of_another_machine_come_in_by_a_file(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "unit.json"
    other = tmp_path / "other clone"
    git(tmp_path, "clone", "-q", str(root), str(other))
    done = bom(other, "check", "unit", "--out", str(out), "--", "sh", "-c", "exit 1")
    assert done.returncode == 1
    assert checks(root) == []
    assert [c.outcome for c in checks(root, out)] == ["failed"]


def test_results_for_another_commit_or_tree_are_refused(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "unit.json"
    bom(root, "check", "unit", "--out", str(out), "--", "true")
    (root / "a.txt").write_text("changed\n")
    with pytest.raises(Refused, match="another tree"):
        checks(root, out)
    commit(root)
    with pytest.raises(Refused, match="another commit"):
        checks(root, out)


def test_a_results_file_that_is_none_is_refused(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "unit.json"
    bom(root, "check", "unit", "--out", str(out), "--", "true")
    good = json.loads(out.read_text())
    for broken in (
        "", "[]", "{}", "[" * 100_000, json.dumps({**good, "name": "../x"}),
        json.dumps({**good, "format": 2}), json.dumps({**good, "started": "2026-99-99T00:00:00Z"}),
        json.dumps({**good, "tests": "many"}), json.dumps({**good, "extra": 1}),
        json.dumps({**good, "outcome": "fine"}),
    ):  # fmt: skip
        out.write_text(broken)
        with pytest.raises(BomError):
            checks(root, out)
    with pytest.raises(BomError):
        checks(root, tmp_path / "absent")
    out.write_text(json.dumps(good))
    with pytest.raises(BomError, match="two results"):
        checks(root, out, out)


def test_a_kept_result_that_can_not_be_read_is_a_gap(root: Path) -> None:
    bom(root, "check", "unit", "--", "true")
    (root / ".git/bom/checks/unit.json").write_text("{")
    found = observe(root)
    assert found == [Gap("check.result", "unit", "the kept result can't be read")]


def test_secrets_in_the_command_are_not_kept(root: Path) -> None:
    bom(root, "check", "unit", "--", "sh", "-c", "true", "--token", "hunter2", "API_KEY=hunter2")
    assert "hunter2" not in (root / ".git/bom/checks/unit.json").read_text()


def test_json_goes_to_standard_output_alone(root: Path) -> None:
    done = bom(root, "check", "unit", "--json", "--", "echo", "out")
    assert json.loads(done.stdout)["outcome"] == "passed"
    assert done.stderr == "out\nbom: check unit: passed\n"


def test_ctrl_c_ends_the_check_and_keeps_no_result(root: Path) -> None:
    # no shell: bash may lose a Ctrl-C that comes just before it starts a program
    program = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "print('go', flush=True); time.sleep(30)"
    )
    argv = [sys.executable, "-m", "bom", "check", "unit", "--", sys.executable, "-c", program]
    child = subprocess.Popen(argv, cwd=root, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    assert child.stdout.readline() == b"go\n"
    start = time.monotonic()
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait() == 130
    child.stdout.close()
    assert time.monotonic() - start < 10
    assert checks(root) == []


def test_a_check_of_one_part_of_a_monorepo_says_where_it_ran(root: Path) -> None:
    part = root / "services" / "one two"
    part.mkdir(parents=True)
    bom(part, "check", "unit", "--", "sh", "-c", "exit 0")
    assert checks(root)[0].command == "cd 'services/one two' && sh -c 'exit 0'"
