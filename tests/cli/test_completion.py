"""The Tab key, in a real bash; and what the other shells ask for."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bom.cli import VERBS, bom

if TYPE_CHECKING:
    from tests.conftest import Need


def asked(words: str, number: int, shell: str = "bash") -> list[str]:
    """The values that `bom` answers when a shell asks it."""
    said = CliRunner().invoke(
        bom,
        prog_name="bom",
        env={
            "_BOM_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(number),
        },
    )
    assert said.exit_code == 0
    assert said.stderr == ""
    return [line.split(",", 1)[1] for line in said.stdout.splitlines()]


def test_verbs_options_and_their_values_are_completed() -> None:
    assert asked("bom ", 1) == list(VERBS)
    assert asked("bom ver", 1) == ["verify"]
    assert asked("bom -", 1) == ["-q", "--quiet", "-v", "--verbose", "--version", "-h", "--help"]
    assert asked("bom key gen", 2) == ["generate"]
    assert asked("bom verify --req", 2) == ["--require-rebuilds"]
    assert asked("bom key generate --type ", 4) == ["ecdsa-p256", "ed25519"]


def test_completing_verbs_loads_none_of_them() -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))\n"
        "from bom.cli import main\n"
        "main([])"
    )
    variables = {"_BOM_COMPLETE": "bash_complete", "COMP_WORDS": "bom ", "COMP_CWORD": "1"}
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules = set(said.stderr.split())
    assert {f"bom.cli.{verb}" for verb in VERBS}.isdisjoint(modules)
    assert said.stderr.count("\n") == 1  # and nothing that a prompt would be spoilt by


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_same_for_everyone_and_runs_no_program(shell: str) -> None:
    said = CliRunner().invoke(bom, ["completion", shell], env={"PATH": ""})
    assert said.exit_code == 0
    assert "_BOM_COMPLETE=" in said.stdout
    assert said.stderr == ""


def test_fish_keeps_what_stands_after_a_comma() -> None:
    assert 'string split --max 1 ","' in CliRunner().invoke(bom, ["completion", "fish"]).stdout


def typed(keys: bytes, folder: Path, script: Path, until: bytes) -> bytes:
    """What an interactive bash shows after `keys`."""
    master, slave = pty.openpty()
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        cwd=folder,
        env={"PATH": path, "TERM": "dumb", "HOME": str(folder), "PS1": "> "},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    os.write(master, f"source {shlex.quote(str(script))}; echo rea''dy\n".encode())
    sent = False
    ends = time.monotonic() + 30
    while time.monotonic() < ends and not (sent and until in shown):
        if select.select([master], [], [], 0.1)[0]:
            shown += os.read(master, 65536)
        if not sent and b"ready\r\n" in shown:
            sent, shown = True, b""
            os.write(master, keys)
    os.write(master, b"\x15exit\n")
    os.close(master)
    shell.wait()
    return shown


@pytest.mark.parametrize(
    ("keys", "until"),
    [
        (b"bom verif\t", b"verify "),
        (b"bom verify --key rel\t", b"release.pub "),
        (b"bom scan an-art\t", b"an-artifact.tar "),
        (b"bom key gen\t", b"generate "),
    ],
)
def test_the_tab_key_of_a_real_bash(keys: bytes, until: bytes, need: Need, tmp_path: Path) -> None:
    need("bash")
    (tmp_path / "an-artifact.tar").touch()
    (tmp_path / "release.pub").touch()
    script = tmp_path / ".completion"
    script.write_text(CliRunner().invoke(bom, ["completion", "bash"]).stdout, encoding="utf-8")
    assert until in typed(keys, tmp_path, script, until)
