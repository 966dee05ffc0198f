r"""Names that may be no UTF-8, as text that JSON can hold: other bytes stand as `\xNN`.

Python holds such bytes as lone surrogates (PEP 383), which no document takes. What is unsafe on a
terminal is another question: `bom.report.text`.
"""

from __future__ import annotations

import os


def printable_bytes(raw: bytes) -> str:
    """A name as it is stored."""
    return raw.decode("utf-8", "backslashreplace")


def printable_name(name: str) -> str:
    """A name that was decoded as UTF-8 with surrogate escapes: out of an archive, a database."""
    return printable_bytes(name.encode("utf-8", "surrogateescape"))


def printable_os(name: str) -> str:
    """A name as this process got it from the system, whatever its locale: paths, variables."""
    return printable_bytes(os.fsencode(name))
