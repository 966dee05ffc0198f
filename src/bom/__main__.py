"""`bom` and `python -m bom`."""

import gc
import os
import sys

try:
    import signal
except KeyboardInterrupt:
    sys.exit(130)  # 128 + SIGINT


def start() -> None:
    """Run the command line.

    Loading it takes most of the time of a short call. Ctrl-C meanwhile just ends the process: a
    traceback through half an import would tell nobody anything.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # One call, then the process ends: the collector would only walk the values of a hundred
    # thousand files again and again. They form no cycles.
    gc.disable()
    from bom.cli import main

    try:
        main()
    except SystemExit as end:
        _leave(end.code)
    _leave(0)


def _leave(status: object) -> None:
    """End the process at once. To take the values of a hundred thousand files apart one by one
    first would only keep the user waiting (a quarter of a second, measured)."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(status)  # type: ignore[arg-type] # what SystemExit held
    if status is None or isinstance(status, int):
        os._exit((status or 0) & 0xFF)
    sys.exit(status)  # type: ignore[arg-type]


if __name__ == "__main__":
    start()
