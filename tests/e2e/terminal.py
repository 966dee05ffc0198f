"""A terminal with an interactive shell in it, as a user has one."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PATIENCE = 60.0  # seconds
INTERRUPT = "\x03"
SUSPEND = "\x1a"


class Terminal:
    """`bash` on a pseudo-terminal of 100 columns. `seen`: all that was shown since the start."""

    def __init__(self, cwd: Path, environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.seen = ""
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "--noediting", "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**environment, "TERM": "xterm-256color", "PS1": "PROMPT> "},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self) -> Self:
        self.until("PROMPT> ")
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
        self.shell.kill()
        self.shell.wait()

    def close(self) -> None:
        """As if the window were closed."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, pattern: str) -> str:
        """What is shown from here on until the pattern has come, and the pattern."""
        start = len(self.seen)
        end = time.monotonic() + _PATIENCE
        while not re.search(pattern, self.seen[start:]):
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            assert ready, f"never came: {pattern}\n{self.seen[start:]}"
            self.seen += os.read(self._master, 65536).decode("utf-8", "replace")
        return self.seen[start:]

    def run(self, line: str) -> str:
        """What a line shows until the prompt is back."""
        self.type(f"{line}\n")
        return self.until(r"PROMPT> $")

    @property
    def settings(self) -> object:
        return termios.tcgetattr(self._master)

    @property
    def foreground(self) -> int:
        """The process group that has the terminal."""
        return os.tcgetpgrp(self._master)
