"""Progress on stderr: a bar on a terminal, plain lines where there is none.

Where nobody knows how much there is to do, a terminal sees for how long it has been done
(`waiting`). Nothing is shown under --quiet; under --verbose every step is a line when it begins.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from bom.cli import loudness
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

_BAR: Final = 30
_REDRAW: Final = 0.1  # seconds
_PATIENCE: Final = 1.0  # seconds: nothing is drawn for what takes less
_COLUMNS: Final = 80
_PLAIN: Final = 10.0  # seconds between plain lines
_TICK: Final = 0.2  # seconds between two looks at how long it has been


class StderrReporter:
    """Draws at most ten times a second, and nothing at all for what is done within a second."""

    def __init__(self) -> None:
        self._silent = loudness.quiet() or loudness.verbose()
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._label = ""
        self._total = self._count = 0
        self._started = self._drawn = 0.0
        self._shown = False

    def start(self, label: str, total: int) -> None:
        loudness.step(label)
        self._label, self._total, self._count = inert(label), total, 0
        self._started = self._drawn = time.monotonic()
        self._shown = False

    def advance(self, amount: int) -> None:
        self._count += amount
        now = time.monotonic()
        if self._silent or now - self._started < _PATIENCE:
            return
        if now - self._drawn >= (_REDRAW if self._terminal else _PLAIN):
            self._drawn = now
            self._draw()

    def done(self) -> None:
        if self._shown and self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._shown = False

    def warn(self, text: str) -> None:
        self.done()
        click.echo(f"warning: {inert(text)}", err=True)

    @contextmanager
    def waiting(self, label: str) -> Iterator[None]:
        """While this is open a terminal is told what is being done and for how long.

        The line is drawn by a thread of its own: what is waited for knows nothing of it. It must
        not write to the terminal itself meanwhile.
        """
        loudness.step(label)
        if self._silent or not self._terminal:
            yield
            return
        over = threading.Event()
        clock = threading.Thread(target=self._tick, args=(inert(label), over), daemon=True)
        clock.start()
        try:
            yield
        finally:
            over.set()
            clock.join()
            self.done()

    def _tick(self, label: str, over: threading.Event) -> None:
        started = time.monotonic()
        wait = max(_PATIENCE, 0.0)
        while not over.wait(wait):
            wait = _TICK
            line = f"{label} {time.monotonic() - started:.0f} s"[: _columns() - 1]
            self._shown = True
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    def _draw(self) -> None:
        self._shown = True
        amount = f"{self._count / 1e6:,.0f} MB"
        if self._total:
            share = min(1.0, self._count / self._total)
            filled = int(share * _BAR)
            bar = "#" * filled + "." * (_BAR - filled)
            amount = f"[{bar}] {share:4.0%}  {amount}"
        if self._terminal:
            # a line that wraps can't be drawn over
            line = f"{self._label} {amount}"[: _columns() - 1]
            sys.stderr.write(f"\r\x1b[K{line}")
        else:
            sys.stderr.write(f"{self._label} {amount}\n")
        sys.stderr.flush()


def _columns() -> int:
    """The terminal's width; 80 where it doesn't say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS
