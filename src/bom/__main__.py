"""`bom` and `python -m bom`."""

import gc
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

    main()


if __name__ == "__main__":
    start()
