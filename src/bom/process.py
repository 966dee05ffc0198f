"""Run the user's command as a shell would: same terminal, same signals, same exit code.

The child keeps `bom`'s standard streams and its process group, so colours, progress bars and
Ctrl-C reach it as if `bom` weren't there.
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

# From a terminal the kernel sends these to the whole group: the child has them already.
_FROM_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
# These come to `bom` alone and have to be passed on.
_FORWARDED: Final = (signal.SIGTERM, signal.SIGHUP)


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    stdout: int = STDOUT,
    stdin: Path | None = None,
) -> int:
    """The exit code of the command as a shell has it.

    127: not found, 126: found but not executable, 128 + N: ended by signal N, or `bom` itself
    got signal N meanwhile (then the child is waited for first). `stdout`: the descriptor that
    the child's standard output goes to, STDERR where `bom`'s own data has standard output.
    `stdin`: a file that the child reads instead of `bom`'s own standard input.
    Raises BomError where `cwd` can't be entered or `argv` is empty.
    """
    if not argv:
        raise BomError("there is no command to run", hint="put it after `--`")
    if not cwd.is_dir():
        raise BomError(f"the working directory {cwd} is not there")
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack:
        caught, attach = stack.enter_context(_signals())
        given = None if stdin is None else stack.enter_context(stdin.open("rb"))
        try:
            child = _start(argv, environment, cwd, (given, stdout))
        except OSError as error:
            return _failed_to_start(argv[0], error)
        attach(child)
        code = child.wait()
    if caught:
        return SIGNALLED + caught[0]
    return SIGNALLED - code if code < 0 else code


def _start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    streams: tuple[BinaryIO | None, int],
) -> subprocess.Popen[bytes]:
    stdin, stdout = streams
    try:
        return subprocess.Popen(
            list(argv), env=dict(environment), cwd=cwd, stdin=stdin, stdout=stdout
        )
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without `#!`: execvp(3) and every shell hand it to sh.
        script = _on_path(argv[0], environment)
        return subprocess.Popen(
            ["/bin/sh", script, *argv[1:]],
            env=dict(environment),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
        )


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


@contextmanager
def _signals() -> Iterator[tuple[list[int], Callable[[subprocess.Popen[bytes]], None]]]:
    """While the child runs: outlive Ctrl-C, pass SIGTERM and SIGHUP on, note what came first.

    Handlers belong to the main thread alone; elsewhere nothing is changed. A signal that was
    ignored before (nohup) stays ignored.
    """
    caught: list[int] = []
    children: list[subprocess.Popen[bytes]] = []
    late: list[int] = []  # came before the child was there

    def attach(child: subprocess.Popen[bytes]) -> None:
        children.append(child)
        for number in late:
            child.send_signal(number)

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    def forward(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        for child in children:
            child.send_signal(number)
        if not children:
            late.append(number)

    before: dict[signal.Signals, _Handler] = {}
    if threading.current_thread() is threading.main_thread():
        for numbers, handler in ((_FROM_TERMINAL, note), (_FORWARDED, forward)):
            for number in numbers:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, handler)
    try:
        yield caught, attach
    finally:
        for number, old in before.items():
            signal.signal(number, old)
