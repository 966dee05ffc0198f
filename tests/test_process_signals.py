"""Signals reach the wrapped command and all that it started, each once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom import process_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
PROGRAM = """
import os, sys
from pathlib import Path
from bom import process
code = process.run(sys.argv[1:], environment=os.environ, cwd=Path.cwd())
print("after", code, flush=True)
"""
# Counts what it gets, and takes its time to end.
COUNTING = """
import signal, sys, time
got = []
for number in (1, 2, 3, 15):
    signal.signal(number, lambda number, frame: got.append(number))
print("ready", flush=True)
while not got:
    time.sleep(0.01)
time.sleep(float(sys.argv[1]))
print(*got, flush=True)
"""


@contextmanager
def wrapped(*command: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`bom`'s runner with a command that has said `ready`; a group of its own, as from a shell."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command],
        stdout=subprocess.PIPE,
        cwd=cwd,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"ready\n"
        yield child
    finally:
        child.stdout.close()
        child.kill()
        child.wait()


def rest(child: subprocess.Popen[bytes]) -> list[str]:
    assert child.stdout is not None
    return child.stdout.read().decode().splitlines()


def running(marker: str) -> list[str]:
    """The command lines with this word in them that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes() if folder.name.isdecimal() else b""
        except OSError:
            continue
        if marker.encode() in words.split(b"\0"):
            found.append(words.decode())
    return found


def gone(marker: str) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end and running(marker):
        time.sleep(0.02)
    return not running(marker)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_to_bom_alone_ends_all_that_the_command_started(
    number: signal.Signals, tmp_path: Path
) -> None:
    length = f"30{int(number):02}.{os.getpid()}"  # the sleeps of this test alone
    # a shell without job control makes what it starts by `&` deaf to Ctrl-C
    aside = f"sleep {length} &\n" if number in (signal.SIGTERM, signal.SIGHUP) else ""
    (tmp_path / "inner.sh").write_text(f"{aside}echo ready\nsleep {length}\necho never\n")
    # `timeout` puts itself into a process group of its own
    (tmp_path / "outer.sh").write_text("timeout 60 sh ./inner.sh\necho never\n")
    with wrapped("sh", "outer.sh", cwd=tmp_path) as child:
        child.send_signal(number)
        assert rest(child) == [f"after {128 + number}"]
    assert gone(length)


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("whom", ["bom", "group", "one after the other"])
def test_a_signal_comes_once_however_it_was_sent(
    number: signal.Signals, whom: str, tmp_path: Path
) -> None:
    with wrapped(sys.executable, "-c", COUNTING, "0.4", cwd=tmp_path) as child:
        if whom == "group":
            os.killpg(child.pid, number)
        elif whom == "bom":
            child.send_signal(number)
        else:  # as runners do that stop a tree of processes
            below = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
            for pid in (child.pid, *map(int, below)):
                os.kill(pid, number)
        assert rest(child) == [str(int(number)), f"after {128 + number}"]


def test_a_second_signal_is_passed_on_as_well(tmp_path: Path) -> None:
    with wrapped(sys.executable, "-c", COUNTING, "1.5", cwd=tmp_path) as child:
        os.killpg(child.pid, signal.SIGINT)
        time.sleep(0.2)
        child.send_signal(signal.SIGTERM)
        assert rest(child) == ["2 15", "after 130"]


def test_a_command_with_a_session_of_its_own_is_told_and_a_daemon_is_left_alone(
    tmp_path: Path,
) -> None:
    length = f"31.{os.getpid()}"
    with wrapped("setsid", "sh", "-c", f"echo ready; sleep {length}", cwd=tmp_path) as child:
        child.send_signal(signal.SIGTERM)
        assert rest(child) == ["after 143"]
    assert gone(length)
    script = f"setsid sleep {length} >/dev/null & sleep 0.2; echo ready; sleep 30"
    with wrapped("sh", "-c", script, cwd=tmp_path) as child:
        child.send_signal(signal.SIGTERM)
        assert rest(child) == ["after 143"]
    assert len(running(length)) == 1
    subprocess.run(["pkill", "-f", f"^sleep {length}$"], check=True)
    assert gone(length)


def test_what_was_ignored_stays_ignored(tmp_path: Path) -> None:
    program = "import signal; print('ready', signal.getsignal(1).name); input()"
    child = subprocess.Popen(
        ["nohup", sys.executable, "-c", PROGRAM, sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready SIG_IGN\n"
    child.send_signal(signal.SIGHUP)
    out, _ = child.communicate(b"\n")
    assert out == b"after 0\n"


def test_bom_killed_leaves_the_command_to_itself_and_nothing_else(tmp_path: Path) -> None:
    with wrapped("sh", "-c", "echo ready; sleep 0.5; echo done >late", cwd=tmp_path) as child:
        group = child.pid
        child.kill()
        child.wait()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.02)
            try:
                os.killpg(group, 0)  # until the last of the group has ended
            except ProcessLookupError:
                break
        else:
            pytest.fail("a process was left behind")
    assert (tmp_path / "late").read_text() == "done\n"


def test_without_a_bystander_a_terminals_signals_are_taken_as_the_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "_IDLER", "/nowhere/cat")
    with process_tree.Bystander(ENDING) as bystander:
        assert bystander.saw(signal.SIGTERM) is None


def test_without_proc_the_command_itself_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "_PROCESSES", tmp_path / "none")
    child = subprocess.Popen(["sleep", "30"])
    process_tree.tell(child.pid, signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM


def test_a_number_that_is_no_child_any_more_is_left_alone() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    process_tree.tell(child.pid, signal.SIGTERM)
    process_tree.tell(os.getppid(), 0)


# --- streams and descriptors ---------------------------------------------------------------------


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A line of sh with `$BOM` the runner, as a process of its own."""
    runner = cwd / "runner.py"
    runner.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom bom import process\n"
        "from bom.cli import streams\nstreams.fill()\nkept = open('opened', 'w')\n"
        "sys.exit(process.run(sys.argv[1:], environment=os.environ, cwd=Path.cwd()))\n"
    )
    return subprocess.run(
        ["bash", "-c", line],
        cwd=cwd,
        env={**os.environ, "BOM": f"{sys.executable} {runner}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


LINES = [
    "echo piped | $BOM cat",
    "$BOM cat <given",
    "$BOM cat </dev/null",
    "$BOM cat <&-",
    "$BOM sh -c 'echo out; echo err >&2' >&-",
    "$BOM sh -c 'echo out; echo err >&2' 2>&-",
    "$BOM sh -c 'echo out; echo err >&2' <&- >&- 2>&-",
    "$BOM sh -c 'yes | head -c 1000000' | head -n 1",
    "$BOM yes | head -n 1; echo ${PIPESTATUS[0]}",
    "$BOM cat <(echo substituted)",
    "$BOM sh -c 'echo three >&3' 3>third; cat third",
    "$BOM sh -c 'read a; echo $a' <given",
]


@pytest.mark.parametrize("line", LINES)
def test_streams_and_open_files_are_as_without_bom(line: str, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("a file\nof two lines\n")
    with_bom = shell(line, tmp_path)
    without = shell(line.replace("$BOM ", ""), tmp_path)
    assert with_bom.returncode == without.returncode
    assert with_bom.stdout == without.stdout
    # `sh` says its own name in its messages
    assert with_bom.stderr.splitlines()[:1] == without.stderr.splitlines()[:1]
    assert (tmp_path / "opened").read_text() == ""


def test_the_job_server_of_make_is_there_for_a_make_inside(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n\t+$(BOM) $(MAKE) -f inner\n")
    (tmp_path / "inner").write_text("all: a b\na b:\n\t@echo $@\n")
    done = shell('make -s -j2 BOM="$BOM"', tmp_path)
    assert "jobserver" not in done.stderr
    assert sorted(done.stdout.split()) == ["a", "b"]
