"""`bom` and `python -m bom`."""

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
    from bom.cli import main

    main()


if __name__ == "__main__":
    start()
