"""Run the user's command as a shell would: same terminal, same signals, same exit code.

The child keeps `bom`'s standard streams and its process group, so colours, progress bars and
Ctrl-C reach it as if `bom` weren't there. A signal that came to `bom` alone is passed on, to all
that the command started.
"""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.process_tree import Bystander, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType
    from typing import BinaryIO

    # What signal.signal() takes and gives; None: a handler that Python didn't set.
    _Handler = Callable[[int, FrameType | None], object] | int | None

STDOUT: Final = 1
STDERR: Final = 2
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
SIGNALLED: Final = 128

# What ends a command. Where it came to the whole group the command has it; else it is passed on.
_NOTED: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
# Sent to the group by the terminal; where nobody can tell, that is what they were.
_FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    stdout: int = STDOUT,
    stdin: Path | None = None,
    umask: int | None = None,
) -> int:
    """The exit code of the command as a shell has it.

    127: not found, 126: found but not executable, 128 + N: ended by signal N, or `bom` itself
    got signal N meanwhile (then the child is waited for first). `stdout`: the descriptor that
    the child's standard output goes to, STDERR where `bom`'s own data has standard output.
    `stdin`: a file that the child reads instead of `bom`'s own standard input. `umask`: the
    child's, None for `bom`'s own.
    Raises BomError where `cwd` can't be entered or `argv` is empty.
    """
    if not argv:
        raise BomError("there is no command to run", hint="put it after `--`")
    if not cwd.is_dir():
        raise BomError(f"the working directory {cwd} is not there")
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack:
        given = None if stdin is None else stack.enter_context(stdin.open("rb"))
        signals = stack.enter_context(_signals())
        if signals.caught:  # before there was anything to stop
            return SIGNALLED + signals.caught[0]
        try:
            child = _start(argv, environment, cwd, (given, stdout), umask)
        except OSError as error:
            return _failed_to_start(argv[0], error)
        signals.attach(child.pid)
        code = child.wait()
    if signals.caught:
        return SIGNALLED + signals.caught[0]
    return SIGNALLED - code if code < 0 else code


def printed(
    argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path, patience: float
) -> str:
    """What a program prints on its standard output; "" where it can't be run, fails or takes more
    than `patience` seconds. It reads nothing, and what it complains of is dropped."""
    try:
        done = subprocess.run(
            list(argv),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    streams: tuple[BinaryIO | None, int],
    umask: int | None,
) -> subprocess.Popen[bytes]:
    stdin, stdout = streams

    def start(words: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            env=dict(environment),
            cwd=cwd,
            stdin=stdin,
            # not named where it is our own: a standard output that is closed stays closed
            stdout=None if stdout == STDOUT else stdout,
            # what the caller opened for the command (make's job server, `<(...)`) is its own;
            # all that Python opens is closed by exec (PEP 446)
            close_fds=False,
            umask=-1 if umask is None else umask,
        )

    try:
        return start(list(argv))
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without `#!`: execvp(3) and every shell hand it to sh.
        return start(["/bin/sh", _on_path(argv[0], environment), *argv[1:]])


def _on_path(name: str, environment: Mapping[str, str]) -> str:
    import shutil

    return name if "/" in name else shutil.which(name, path=environment.get("PATH")) or name


def _failed_to_start(name: str, error: OSError) -> int:
    """Say why in a shell's words, on stderr as a shell does, and give a shell's code."""
    shown = "".join(c if c.isprintable() else "?" for c in name)
    if error.errno == errno.ENOENT:
        reason = "command not found" if "/" not in name else "no such file"
        code = NOT_FOUND
    else:
        reason = (error.strerror or "cannot be run").lower()
        code = NOT_EXECUTABLE
    sys.stderr.write(f"bom: {shown}: {reason}\n")
    return code


class _Signals:
    """What came while the command ran, the first one first."""

    def __init__(self, bystander: Bystander) -> None:
        self.caught: list[int] = []
        self._bystander = bystander
        self._child = 0
        self._new: list[int] = []
        self._busy = False

    def attach(self, child: int) -> None:
        """From now on signals are for this process; it gets those that came while it started."""
        self._child = child
        for number in self.caught:
            tell(child, number)

    def note(self, number: int, frame: FrameType | None) -> None:
        self.caught.append(number)
        if self._child:
            self._new.append(number)
        if self._busy:  # this came into the midst of another
            return
        self._busy = True
        while self._new:
            self._pass_on(self._new.pop(0))
        self._busy = False

    def _pass_on(self, number: int) -> None:
        reached = self._bystander.saw(number)
        if reached is None:
            reached = number in _FROM_TERMINAL
        if not reached:
            tell(self._child, number)


@contextmanager
def _signals() -> Iterator[_Signals]:
    """While the child runs: outlive what ends it, and see that it gets that.

    Handlers belong to the main thread alone; elsewhere nothing is changed. A signal that was
    ignored before (nohup) stays ignored.
    """
    before: dict[signal.Signals, _Handler] = {}
    with ExitStack() as stack:
        bystander = Bystander(_NOTED)
        signals = _Signals(bystander)
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(bystander)
            for number in _NOTED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, signals.note)
        try:
            yield signals
        finally:
            for number, old in before.items():
                signal.signal(number, old)
