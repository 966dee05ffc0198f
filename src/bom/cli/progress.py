"""Progress on stderr: a bar on a terminal, plain lines where there is none.

Where nobody says how much there is to do, or says nothing for a while, a terminal sees for how
long it has been done: a thread of the reporter's own draws that. Nothing is shown under --quiet;
under --verbose every step is a line when it begins.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

import click

from bom.cli import loudness
from bom.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

_BAR: Final = 30
_REDRAW: Final = 0.1  # seconds
_PATIENCE: Final = 1.0  # seconds: nothing is drawn for what takes less
_COLUMNS: Final = 80
_PLAIN: Final = 10.0  # seconds between plain lines
_TICK: Final = 0.2  # seconds between two looks at whether something goes on
_IDLE: Final = 1.0  # seconds after which it is said that it does


class StderrReporter:
    """Draws at most ten times a second, and nothing at all for what is done within a second."""

    def __init__(self) -> None:
        self._silent = loudness.quiet() or loudness.verbose()
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._label = self._around = ""  # "" where nothing is being done, or waited for
        self._total = self._count = 0
        self._started = self._around_started = self._drawn = 0.0
        self._shown = False
        self._drawing = threading.RLock()
        self._clock: threading.Thread | None = None

    def start(self, label: str, total: int) -> None:
        loudness.step(label)
        self._label, self._total, self._count = inert(label), total, 0
        self._started = self._drawn = time.monotonic()
        self._watch()

    def advance(self, amount: int) -> None:
        self._count += amount
        now = time.monotonic()
        if self._silent or now - self._started < _PATIENCE:
            return
        if now - self._drawn >= (_REDRAW if self._terminal else _PLAIN):
            self._draw(f"{self._label} {self._amount()}")

    def done(self) -> None:
        self._label = ""
        self._wipe()

    def warn(self, text: str) -> None:
        with self._drawing:
            self._wipe()
            click.echo(f"warning: {inert(text)}", err=True)

    @contextmanager
    def waiting(self, label: str) -> Iterator[None]:
        """While this is open, and no step of its own is shown, a terminal is told what is waited
        for and for how long. What is waited for must not write to the terminal itself."""
        loudness.step(label)
        self._around = inert(label)
        self._around_started = self._drawn = time.monotonic()
        self._watch()
        try:
            yield
        finally:
            self._around = ""
            self._wipe()

    @contextmanager
    def opening(self, label: str, manager: AbstractContextManager[T]) -> Iterator[T]:
        """What `manager` gives; until it does, `waiting`."""
        with ExitStack() as stack:
            with self.waiting(label):
                value = stack.enter_context(manager)
            yield value

    def _amount(self) -> str:
        amount = f"{self._count / 1e6:,.0f} MB"
        if not self._total:
            return amount
        share = min(1.0, self._count / self._total)
        filled = int(share * _BAR)
        bar = "#" * filled + "." * (_BAR - filled)
        return f"[{bar}] {share:4.0%}  {amount}"

    def _draw(self, line: str) -> None:
        with self._drawing:
            self._drawn = time.monotonic()
            self._shown = True
            if self._terminal:
                # a line that wraps can't be drawn over
                sys.stderr.write(f"\r\x1b[K{line[: _columns() - 1]}")
            else:
                sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def _wipe(self) -> None:
        with self._drawing:
            if self._shown and self._terminal:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
            self._shown = False

    # --- what nobody reports --------------------------------------------------------------------

    def _watch(self) -> None:
        """See to it that a clock runs, which ends by itself when there is nothing to be shown."""
        if self._silent or not self._terminal:
            return
        with self._drawing:
            if self._clock is None:
                self._clock = threading.Thread(target=self._tick, daemon=True)
                self._clock.start()
                context = click.get_current_context(silent=True)
                if context is not None:  # an error ends the call without `done`
                    context.find_root().call_on_close(self._stop)

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK)
            with self._drawing:
                label = self._label or self._around
                if not label:
                    self._clock = None
                    return
                since = self._started if self._label else self._around_started
                now = time.monotonic()
                if now - since < _PATIENCE or now - self._drawn < _IDLE:
                    continue
                told = self._amount() if self._label and self._count else f"{now - since:.0f} s"
                with suppress(OSError, ValueError):  # of a terminal that has gone
                    self._draw(f"{label} {told}")

    def _stop(self) -> None:
        with self._drawing:
            self._label = self._around = ""
            self._wipe()


def _columns() -> int:
    """The terminal's width; 80 where it doesn't say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS
