"""Wall time and peak memory of whole processes, taken in turns.

What is compared runs alternately (A B A B ...), so that a machine that gets busier or warmer does
so for all of them; the figure is the median. Files are in the page cache: the first round warms
it and is not counted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """A command to measure. `before` runs first, unmeasured (it removes an old output)."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    before: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """Median wall time in seconds, fastest and slowest round, and the peak resident bytes."""

    seconds: float
    fastest: float
    slowest: float
    peak: int


def _once(command: Command) -> tuple[float, int]:
    if command.before:
        subprocess.run(command.before, cwd=command.cwd, check=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        cwd=command.cwd,
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = errors.decode(errors="replace")
        raise RuntimeError(f"{' '.join(command.argv)} ended with {process.returncode}:\n{text}")
    return seconds, usage.ru_maxrss * 1024  # Linux counts in KiB


def in_turns(commands: Mapping[str, Command], rounds: int) -> dict[str, Figure]:
    """The figures of all commands over `rounds` rounds, after one that isn't counted.

    Raises RuntimeError where a command fails: a figure of a failure is none.
    """
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            sample = _once(command)
            if turn:
                taken[name].append(sample)
    return {
        name: Figure(
            statistics.median(seconds for seconds, _ in samples),
            min(seconds for seconds, _ in samples),
            max(seconds for seconds, _ in samples),
            max(peak for _, peak in samples),
        )
        for name, samples in taken.items()
    }
