"""Progress on stderr: a bar on a terminal, plain lines where there is none."""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import click

from bom.report.text import inert

_BAR: Final = 30
_REDRAW: Final = 0.1  # seconds
_PATIENCE: Final = 1.0  # seconds: nothing is drawn for what takes less
_COLUMNS: Final = 80
_PLAIN: Final = 10.0  # seconds between plain lines


class StderrReporter:
    """Draws at most ten times a second, and nothing at all for what is done within a second."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._label = ""
        self._total = self._count = 0
        self._started = self._drawn = 0.0
        self._shown = False

    def start(self, label: str, total: int) -> None:
        self._label, self._total, self._count = inert(label), total, 0
        self._started = self._drawn = time.monotonic()
        self._shown = False

    def advance(self, amount: int) -> None:
        self._count += amount
        now = time.monotonic()
        if now - self._started < _PATIENCE:
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
