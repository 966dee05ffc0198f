"""Ctrl-C, from the first moment to the last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import bom.cli
from bom.__main__ import call
from bom.cli import stopping

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def same_handlers_afterwards() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_ctrl_c_ends_the_process_at_once_while_it_loads_and_when_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    real = bom.cli.main

    def main() -> None:
        seen.append(signal.getsignal(signal.SIGINT))
        real(["--version"])

    def run(given: list[str]) -> int:
        seen.append(signal.getsignal(signal.SIGINT))
        return 0

    monkeypatch.setattr(bom.cli, "main", main)
    monkeypatch.setattr(bom.cli, "_run", run)
    with pytest.raises(SystemExit):
        call()
    seen.append(signal.getsignal(signal.SIGINT))
    assert callable(seen.pop(1))
    assert seen == [signal.SIG_DFL, signal.SIG_DFL]


def test_a_process_that_was_told_to_ignore_ctrl_c_goes_on_ignoring_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(bom.cli, "_run", lambda given: 0)
    with pytest.raises(SystemExit):
        call()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_ctrl_c_in_the_middle_is_told_in_one_sentence() -> None:
    reading, writing = os.pipe()  # what comes out of it never ends
    with subprocess.Popen(
        [sys.executable, "-m", "bom", "verify", "-"],
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        os.close(reading)
        os.write(writing, b"PK\3\4" + bytes(65532))  # fills the pipe
        os.write(writing, bytes(65536))  # goes when bom reads: for a wheel it wants all there is
        time.sleep(0.5)  # a signal just before a system call doesn't interrupt it
        os.kill(child.pid, signal.SIGINT)
        try:
            out, error = child.communicate(timeout=30)
        finally:
            os.close(writing)  # ends it in any case
    # an empty line first: a terminal shows ^C where the cursor stands
    assert (child.returncode, out, error) == (130, b"", b"\nerror: interrupted\n")


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_in_the_import_machinery_waits_until_it_is_left(
    number: signal.Signals, raised: type[BaseException]
) -> None:
    stopping.install()
    code = compile("os.kill(os.getpid(), number)\nseen.append(1)", "<frozen importlib.x>", "exec")
    seen: list[int] = []
    with pytest.raises(raised):
        exec(code, {"os": os, "number": number, "seen": seen})
        time.sleep(5)
    assert seen == [1]


STOPPED = """
import signal, sys, time
from bom.cli import stopping
stopping.install()
try:
    print("working", flush=True)
    time.sleep(30)
finally:
    print("tidying", flush=True)
    time.sleep(float(sys.argv[1]))
    print("tidy", flush=True)
"""


@pytest.mark.parametrize(("seconds", "times", "tidy"), [("1", 2, True), ("30", 3, False)])
def test_a_second_ctrl_c_lets_bom_tidy_up_and_a_third_ends_it(
    seconds: str, times: int, tidy: bool
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED, seconds],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "working\n"
    child.send_signal(signal.SIGTERM)
    assert child.stdout.readline() == "tidying\n"
    for _ in range(times - 1):
        time.sleep(0.2)
        child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=20)
    assert out == ("tidy\n" if tidy else "")
    assert child.returncode == 128 + signal.SIGTERM
