"""`bom` and `python -m bom`."""

import gc
import os
import sys

try:
    import signal
except KeyboardInterrupt:
    sys.exit(130)  # 128 + SIGINT


def start() -> None:
    """Run the command line, and end the process at once when it is done.

    To take the values of a hundred thousand files apart one by one first would only keep the
    user waiting: a quarter of a second, measured. The collector would walk them again and again
    while they are made; they form no cycles.
    """
    gc.disable()
    try:
        call()
    except SystemExit as end:
        status = end.code
    else:
        status = 0
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(status)
    if status is None or isinstance(status, int):
        os._exit((status or 0) & 0xFF)
    sys.exit(status)


def call() -> None:
    """Run the command line; it ends by SystemExit.

    Loading it takes most of the time of a short call. Ctrl-C meanwhile just ends the process: a
    traceback through half an import would tell nobody anything.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bom.cli import main

    main()


if __name__ == "__main__":
    start()
