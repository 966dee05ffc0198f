"""How signals stop `bom`: as an exception, so that temporary files go on the way out.

Never inside of Python's import machinery, though. An exception between its locks leaves one held
for ever, and every thread that imports anything afterwards waits for it (seen in one of 35 builds
interrupted while they loaded). Those few microseconds are waited for.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

_LATER: Final = 0.01  # seconds
_PATIENCE: Final = 2  # signals; one more ends the process, whatever it is at
_IMPORTING: Final = "<frozen importlib"


def install() -> None:
    """Let Ctrl-C, SIGTERM and a terminal that is closed stop `bom`; what is ignored stays so."""
    stopper = _Stopper()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stopper.caught)
    signal.signal(signal.SIGALRM, stopper.caught)


def end_at_once() -> None:
    """From here on Ctrl-C just ends the process: there is nothing left to clean up."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


class _Stopper:
    def __init__(self) -> None:
        self._number = 0
        self._came = 0
        self._raised = False

    def caught(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGALRM:
            self._number = number
            self._came += 1
        if self._came > _PATIENCE:
            os._exit(128 + self._number)
        if self._raised or not self._number:
            return  # on the way out: a key pressed twice must not leave temporary files behind
        if frame is not None and frame.f_code.co_filename.startswith(_IMPORTING):
            signal.setitimer(signal.ITIMER_REAL, _LATER)
            return
        self._raised = True
        if self._number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._number)
