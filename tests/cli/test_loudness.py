"""--quiet and --verbose: what is said besides what was asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from bom.cli import VERBS, bom, loudness
from bom.cli.progress import StderrReporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every verb, and those below it, as the group gives it."""
    context = click.Context(bom)
    for verb in VERBS:
        command = bom.get_command(context, verb)
        assert command is not None
        yield verb, command
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", below) for name, below in command.commands.items())


def test_every_verb_takes_quiet_and_verbose_or_is_named_as_one_that_does_not() -> None:
    without = [
        name
        for name, command in commands()
        if not {"--quiet", "--verbose"} <= {opt for item in command.params for opt in item.opts}
    ]
    assert without == ["check"]


def test_no_verb_has_an_option_twice() -> None:
    for name, command in commands():
        words = [opt for item in command.params for opt in (*item.opts, *item.secondary_opts)]
        assert len(words) == len(set(words)), name


def test_what_is_asked_for_is_printed_under_quiet(tmp_path: Path) -> None:
    said = CliRunner().invoke(bom, ["-q", "scan", str(tmp_path)])
    assert said.exit_code == 0
    assert said.stdout.startswith('{"$schema"')
    assert said.stderr == ""


@click.command("runs")
def runs() -> None:
    environment = {"PATH": "/usr/bin:/bin"}
    subprocess.run(["true", "--password", "hunter2hunter2", "\x1b]0;x"], env=environment)
    StderrReporter().start("seal a\x1bb", 0)


def test_verbose_names_what_is_run_and_keeps_secrets_and_terminal_commands_out() -> None:
    loudness.add_to(runs)
    said = CliRunner().invoke(runs, ["-v"])
    lines = [line.partition(" s] ")[2] for line in said.stderr.splitlines()]
    assert lines == [
        "run true --password '[redacted]' '\\x1b]0;x'",
        "seal a\\x1bb",
        "end",
    ]
    assert CliRunner().invoke(runs, []).stderr == ""  # the hook is still there, and silent


def test_verbose_changes_nothing_in_what_is_printed(tmp_path: Path) -> None:
    (tmp_path / "Cargo.lock").write_text("version = 4\n", encoding="utf-8")
    plain = CliRunner().invoke(bom, ["scan", str(tmp_path)])
    told = CliRunner().invoke(bom, ["scan", "-v", str(tmp_path)])
    assert plain.stdout == told.stdout
    assert told.stderr != plain.stderr


@pytest.mark.parametrize("loud", ["quiet", "verbose"])
def test_nothing_is_drawn_under_quiet_and_verbose(
    loud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("bom.cli.progress"), "_PATIENCE", -1.0)
    monkeypatch.setattr(sys, "stderr", _Terminal())
    with click.Context(bom) as context:
        context.meta["bom.cli.loudness"] = loud
        reporter = StderrReporter()
        reporter.start("a", 1)
        reporter.advance(1)
        reporter.done()
        with reporter.waiting("b"):
            pass
    assert isinstance(sys.stderr, _Terminal)
    assert "\r" not in sys.stderr.drawn


class _Terminal:
    def __init__(self) -> None:
        self.drawn = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.drawn += text
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""
