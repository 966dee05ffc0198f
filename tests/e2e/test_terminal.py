"""A wrapped build on a terminal and in CI: the same display, the same keys, the same end."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.terminal import INTERRUPT, SUSPEND, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Need
    from tests.e2e.builds import Bom

pytestmark = pytest.mark.e2e

TAG = "bom-test/terminal"
COMMAND = f"{shlex.quote(sys.executable)} -m bom build --unsigned -o app.tar --"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "message").write_text("hello\n")
    (folder / ".dockerignore").write_text("*.tar\n")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY message /\n")
    return folder


@pytest.fixture
def terminal(bom: Bom, project: Path, tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "temporary").mkdir()
    with Terminal(project, bom.variables(TMPDIR=str(tmp_path / "temporary"))) as made:
        yield made


@pytest.fixture
def docker_terminal(bom: Bom, need: Need, project: Path, tmp_path: Path) -> Iterator[Terminal]:
    engine = need.engine("modern")
    (tmp_path / "temporary").mkdir()
    variables = bom.on(engine).variables(TMPDIR=str(tmp_path / "temporary"))
    with Terminal(project, variables) as made:
        yield made
    subprocess.run(
        ["docker", "image", "rm", "--force", TAG], env=engine, check=False, capture_output=True
    )


def left_over(tmp_path: Path) -> list[str]:
    """Temporary files, and processes that still work in the test's folder."""
    found = [str(path) for path in tmp_path.rglob(".bom-tmp-*")]
    found += [str(path) for path in (tmp_path / "temporary").iterdir()]
    for folder in Path("/proc").iterdir():
        try:
            cwd = (folder / "cwd").readlink() if folder.name.isdecimal() else Path("/")
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if cwd.is_relative_to(tmp_path) and not words.startswith("bash --norc"):
            found.append(words)
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 15
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


def test_a_docker_build_shows_its_moving_display_and_gives_the_terminal_back(
    docker_terminal: Terminal, tmp_path: Path
) -> None:
    settings = docker_terminal.settings
    plain = docker_terminal.run(f"docker build --no-cache -t {TAG} .")
    shown = docker_terminal.run(f"{COMMAND} docker build --no-cache -t {TAG} .")
    for output in (plain, shown):
        assert "[+] Building" in output
        assert "\x1b[1A" in output  # the cursor goes up: lines are drawn over
        assert "\x1b[?25h" in output  # and is shown again
        assert "#1 [internal]" not in output
    assert "app.tar" in shown
    assert docker_terminal.settings == settings
    assert docker_terminal.foreground == docker_terminal.shell.pid
    assert "code=0" in docker_terminal.run("echo code=$?")
    assert left_over(tmp_path) == []


def test_ctrl_c_stops_a_docker_build_as_it_does_without_bom(
    docker_terminal: Terminal, need: Need, project: Path, tmp_path: Path
) -> None:
    base = need.base_image(need.engine("modern"))
    marker = f"6{int(time.time())}"
    (project / "Dockerfile").write_text(f"FROM {base}\nRUN echo begun && sleep {marker}\n")
    build = f"docker build --network=host --no-cache -t {TAG} ."
    settings = docker_terminal.settings
    codes = []
    for line in (build, f"{COMMAND} {build}"):
        docker_terminal.type(f"{line}\n")
        docker_terminal.until("# begun")
        docker_terminal.type(INTERRUPT)
        shown = docker_terminal.until(r"PROMPT> $")
        assert "ERROR" in shown or "cancel" in shown
        codes.append(docker_terminal.run("echo code=$?").splitlines()[1])
    assert codes[0] == "code=1" or codes[0] == "code=130"
    assert codes[1] == "code=130"
    assert docker_terminal.settings == settings
    assert docker_terminal.foreground == docker_terminal.shell.pid
    assert eventually(lambda: left_over(tmp_path) == []), left_over(tmp_path)
    assert not (project / "app.tar").exists()


def test_ctrl_z_stops_the_build_and_fg_goes_on_with_it(
    terminal: Terminal, project: Path, tmp_path: Path
) -> None:
    script = 'read a; echo first; sleep 0.5; read b; tar -cf app.tar message; echo "got $a $b"'
    line = f"{COMMAND.replace('-o app.tar', '--artifact app.tar')} sh -c {shlex.quote(script)}"
    terminal.type(f"{line}\n")
    terminal.type("one\n")
    terminal.until("first\r")  # the key discards what nobody has read yet
    terminal.type(SUSPEND)
    terminal.until("Stopped.*\r\n(.*\r\n)?PROMPT> $")
    assert "sh -c" in terminal.run("jobs")
    terminal.type("fg\n")
    terminal.until("sh -c")
    terminal.type("two\n")
    assert "got one two" in terminal.until(r"PROMPT> $")
    assert "code=0" in terminal.run("echo code=$?")
    assert left_over(tmp_path) == []


def test_a_closed_terminal_ends_the_build_and_all_of_it(
    terminal: Terminal, project: Path, tmp_path: Path
) -> None:
    (project / "build.sh").write_text("sleep 70 & sh -c 'echo ready; sleep 71'\necho never >x\n")
    terminal.type(f"{COMMAND} sh ./build.sh\n")
    terminal.until("ready\r")
    terminal.close()
    assert eventually(lambda: left_over(tmp_path) == []), left_over(tmp_path)
    assert not (project / "x").exists()


def test_without_a_terminal_a_docker_build_is_told_line_by_line(
    bom: Bom, need: Need, project: Path
) -> None:
    engine = need.engine("modern")
    command = ("docker", "build", "--no-cache", "-t", f"{TAG}-lines", ".")
    done = bom.on(engine)("build", "--unsigned", "-o", "app.tar", "--", *command, cwd=project)
    subprocess.run(
        ["docker", "image", "rm", f"{TAG}-lines"], env=engine, check=True, capture_output=True
    )
    assert "#1 [internal] load build definition" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
