"""The wrapped command runs as under a shell."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bom import process
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def run(*argv: str, cwd: Path) -> int:
    return process.run(argv, environment=ENVIRONMENT, cwd=cwd)


def test_the_exit_code_is_the_commands_own(tmp_path: Path) -> None:
    assert run("true", cwd=tmp_path) == 0
    assert run("sh", "-c", "exit 7", cwd=tmp_path) == 7
    assert run("sh", "-c", "exit 125", cwd=tmp_path) == 125


def test_a_command_ended_by_a_signal_gives_128_and_its_number(tmp_path: Path) -> None:
    assert run("sh", "-c", "kill -KILL $$", cwd=tmp_path) == 137


def test_a_missing_command_is_127_and_one_that_is_no_program_126(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain"
    plain.write_text("hello")
    assert run("no-such-\x1b[31mcommand", cwd=tmp_path) == 127
    assert run("./absent", cwd=tmp_path) == 127
    assert run("./plain", cwd=tmp_path) == 126
    assert run(str(tmp_path), cwd=tmp_path) == 126
    assert capfd.readouterr().err.splitlines() == [
        "bom: no-such-?[31mcommand: command not found",
        "bom: ./absent: no such file",
        "bom: ./plain: permission denied",
        f"bom: {tmp_path}: permission denied",
    ]


@pytest.mark.parametrize("first", ["#!/bin/sh\n", ""])
def test_the_command_has_the_umask_that_it_is_given_and_bom_keeps_its_own(
    tmp_path: Path, first: str
) -> None:
    (tmp_path / "run").write_text(f"{first}umask >seen\n")
    (tmp_path / "run").chmod(0o755)
    mine = os.umask(0o027)
    try:
        for given, seen in ((0o022, "0022\n"), (None, "0027\n")):
            process.run(["./run"], environment=ENVIRONMENT, cwd=tmp_path, umask=given)
            assert (tmp_path / "seen").read_text() == seen
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mine)


def test_a_script_without_a_first_line_runs_as_under_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("exit $1\n")
    script.chmod(0o755)
    assert run("./script", "5", cwd=tmp_path) == 5


def test_standard_output_goes_where_it_is_sent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process.run(["echo", "a"], environment=ENVIRONMENT, cwd=tmp_path, stdout=process.STDERR)
    process.run(["echo", "b"], environment=ENVIRONMENT, cwd=tmp_path)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("b\n", "a\n")


def test_a_file_can_stand_in_for_standard_input(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "given").write_text("spooled\n")
    code = process.run(["cat"], environment=ENVIRONMENT, cwd=tmp_path, stdin=tmp_path / "given")
    assert (code, capfd.readouterr().out) == (0, "spooled\n")


def test_the_environment_is_exactly_the_one_given(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process.run(["env"], environment={"PATH": "/usr/bin:/bin", "A": "1"}, cwd=tmp_path)
    assert sorted(capfd.readouterr().out.split()) == ["A=1", "PATH=/usr/bin:/bin"]


def test_no_command_or_no_folder_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BomError):
        run(cwd=tmp_path)
    with pytest.raises(BomError):
        run("true", cwd=tmp_path / "absent")


PROGRAM = """
import sys
from pathlib import Path
from bom import process
code = process.run(["sh", "-c", sys.argv[1]], environment={"PATH": "/usr/bin:/bin"}, cwd=Path("/"))
print("after", code, flush=True)
"""


def _signalled(number: int, script: str, group: str) -> tuple[str, float]:
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, script], stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    start = time.monotonic()
    if group == "group":
        os.killpg(child.pid, number)
    else:
        os.kill(child.pid, number)
    out = child.stdout.read().decode()
    child.wait()
    child.stdout.close()
    return out, time.monotonic() - start


def test_ctrl_c_ends_the_command_and_leaves_bom_to_clean_up() -> None:
    # bash may lose a Ctrl-C that comes just before it starts a program, so it starts none
    program = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "print('ready', flush=True); time.sleep(30)"
    )
    script = shlex.join(["exec", sys.executable, "-c", program])
    out, seconds = _signalled(signal.SIGINT, script, "group")
    assert out == "after 130\n"
    assert seconds < 10


def test_a_command_that_tidies_up_after_ctrl_c_is_waited_for() -> None:
    script = "trap 'sleep 0.3; echo tidy; exit 0' INT; sleep 5 >/dev/null & echo ready; wait"
    assert _signalled(signal.SIGINT, script, "group")[0] == "tidy\nafter 130\n"


def test_sigterm_to_bom_alone_is_passed_on() -> None:
    script = "trap 'echo told; exit 3' TERM; sleep 5 >/dev/null & echo ready; wait"
    assert _signalled(signal.SIGTERM, script, "bom")[0] == "told\nafter 143\n"


def test_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run("true", cwd=tmp_path)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
