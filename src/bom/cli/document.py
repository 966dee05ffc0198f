"""A document on standard output: its exact bytes for a program, harmless ones for a terminal."""

from __future__ import annotations

import sys


def write_json(data: bytes) -> None:
    """Write JSON to standard output.

    On a terminal, whose commands no stranger's words may be, characters that are not printable
    are escaped: the same value in other bytes.
    """
    if sys.stdout.isatty():
        from bom.report.text import inert_json

        data = inert_json(data.decode("utf-8", "backslashreplace")).encode()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
