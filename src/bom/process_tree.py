"""Whom a signal has reached already, and who of a command has to be told of it.

A signal to a whole process group (Ctrl-C, `timeout`, a CI runner's stop) reaches the command
without us, and must not come twice: a program that tidies up would be cut short. One to us
alone (`kill PID`) would leave the command running. A process can't see the difference, so a
bystander is asked: a child of ours in the same group that the signals never end.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROCESSES: Final = Path("/proc")
_IDLER: Final = "/bin/cat"  # waits on a pipe that closes when we are gone, even by SIGKILL
_GRACE: Final = 0.2  # seconds in which whoever signals one process after the other is done
_LOOK: Final = 0.005  # seconds
_ROUNDS: Final = 3


class Bystander:
    """Waits in our process group with `numbers` blocked, so that they stay to be seen."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)
        self._pid, self._pipe = 0, -1

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def saw(self, number: int) -> bool | None:
        """Whether this signal, which we just got, came to the others of our group or of our
        children as well; None where that can't be told (no /proc, no `cat`)."""
        end = time.monotonic() + _GRACE
        while (pending := _pending(self._pid)) is not None:
            if pending & (1 << (number - 1)):
                self._end()
                self._begin()  # the next signal is a new one
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK)
        return None

    def _begin(self) -> None:
        with suppress(OSError):
            reading, self._pipe = os.pipe()
            try:
                self._pid = os.posix_spawn(
                    _IDLER,
                    [_IDLER],
                    {},
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, reading, 0),
                        # the user's pipes end with the command, not with us
                        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                    ],
                    setsigmask=self._numbers,
                )
            finally:
                os.close(reading)

    def _end(self) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        if self._pipe >= 0:
            os.close(self._pipe)
        self._pid, self._pipe = 0, -1


def tell(root: int, number: int) -> None:
    """Send a signal to a child of ours and to all below it, parents first.

    Whoever made a session of its own (a daemon) wanted to outlive the command and is left alone.
    """
    told: set[int] = set()
    for _ in range(_ROUNDS):  # one that is told late may have started another meanwhile
        fresh = [pid for pid in _family(root) if pid not in told]
        for pid in fresh:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if not fresh:
            return
        told.update(fresh)


class _Process(NamedTuple):
    parent: int
    session: int


def _family(root: int) -> list[int]:
    """`root` and what descends from it in its session or ours; `root` alone without /proc."""
    found = dict(_processes())
    if not found:
        return [root]
    if root not in found or found[root].parent != os.getpid():
        return []  # it has ended meanwhile: its number may be another's by now
    sessions = {os.getsid(0), found[root].session}
    below: dict[int, list[int]] = {}
    for pid, process in found.items():
        if process.session in sessions:
            below.setdefault(process.parent, []).append(pid)
    family = [root]
    for pid in family:
        family += below.get(pid, ())
    return family


def _processes() -> Iterator[tuple[int, _Process]]:
    """All processes by their ID, from proc_pid_stat(5)."""
    try:
        names = [path.name for path in _PROCESSES.iterdir()]
    except OSError:
        return
    for name in filter(str.isdecimal, names):
        with suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
            # the name in parentheses may hold anything, parentheses too
            fields = (_PROCESSES / name / "stat").read_bytes().rpartition(b")")[2].split()
            yield int(name), _Process(int(fields[1]), int(fields[3]))


def _pending(pid: int) -> int | None:
    """The signals that wait for a process, as a mask (`ShdPnd` of proc_pid_status(5))."""
    if not pid:
        return None
    try:
        for line in (_PROCESSES / str(pid) / "status").read_bytes().splitlines():
            if line.startswith(b"ShdPnd:"):
                return int(line.split()[1], 16)
    except (OSError, ValueError, IndexError):
        pass
    return None
