"""Progress on a terminal and without one."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click
import pytest

from bom.cli import progress

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_PATIENCE", "_REDRAW", "_PLAIN"):
        monkeypatch.setattr(progress, name, -1.0)


def shown() -> None:
    reporter = progress.StderrReporter()
    reporter.start("seal a-name-that-is-rather-long-for-a-terminal.tar", 100_000_000)
    for _ in range(3):
        reporter.advance(30_000_000)
    reporter.done()


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown()
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 3
    assert error.endswith(" 90%  90 MB\n")
    assert not {"\r", "\x1b"} & set(error)


def pieces(master: int) -> Iterator[str]:
    """What a terminal was sent; the kernel says EIO once its other end is closed."""
    with suppress(OSError):
        while piece := os.read(master, 65536):
            yield piece.decode()
    os.close(master)


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_on_a_terminal_one_line_is_drawn_over(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        shown()
    drawn = "".join(pieces(master))
    if kind == "dumb":
        assert "\x1b" not in drawn
        assert len(drawn.splitlines()) == 3
        return
    lines = drawn.split("\r\x1b[K")
    assert lines[0] == lines[-1] == ""
    assert [len(line) for line in lines[1:-1]] == [39, 39, 39]


def waited(label: str) -> None:
    reporter = progress.StderrReporter()
    with reporter.waiting(label):
        time.sleep(0.05)
        reporter.warn("in between")
        time.sleep(0.3)


def test_what_is_waited_for_is_drawn_over_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_IDLE", -1.0)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        waited("verify a\x1b]0;x.tar")
    drawn = "".join(pieces(master))
    assert "\x1b]" not in drawn
    assert "\r\x1b[Kverify a\\x1b]0;x.tar 0 s" in drawn
    assert "warning: in between\r\n" in drawn
    assert drawn.endswith("\r\x1b[K")


def test_without_a_terminal_waiting_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    waited("verify a.tar")
    assert capsys.readouterr().err == "warning: in between\n"


def test_a_step_that_says_nothing_is_shown_and_what_is_waited_for_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_IDLE", -1.0)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        reporter = progress.StderrReporter()
        with reporter.waiting("around"):
            reporter.start("inside", 0)
            time.sleep(0.2)
            reporter.done()
            time.sleep(0.2)
        time.sleep(0.1)
    lines = "".join(pieces(master)).split("\r\x1b[K")
    shown = [line for line in lines if line]
    assert list(dict.fromkeys(shown)) == ["inside 0 s", "around 0 s"]
    assert lines[-1] == ""


def test_an_error_leaves_no_line_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_IDLE", -1.0)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with pytest.raises(ValueError, match="x"), click.Context(click.Command("c")):
            progress.StderrReporter().start("never ended", 0)
            time.sleep(0.2)
            raise ValueError("x")
        terminal.write("error")
        time.sleep(0.1)
    assert "".join(pieces(master)).endswith("never ended 0 s\r\x1b[Kerror")
