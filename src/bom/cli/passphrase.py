"""A key's passphrase: from the environment, or asked for on a terminal; never an option, for a
command line is there for everyone to read."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE: Final = "BOM_KEY_PASSPHRASE"


def passphrase(path: Path) -> bytes | None:
    """None where the key needs none, or where nobody is there to ask."""
    given = os.environ.get(VARIABLE)
    if given:
        return os.fsencode(given)
    try:
        encrypted = b"ENCRYPTED PRIVATE KEY" in path.read_bytes()[:200]
    except OSError:
        return None  # loading the key says what is wrong with the file
    if not encrypted or not sys.stdin.isatty():
        return None
    answer: str = click.prompt(f"passphrase of {path.name}", hide_input=True, err=True)
    return os.fsencode(answer)
