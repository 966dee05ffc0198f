"""`--diffoscope`, as `bom diff` and `bom rebuild` have it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def require(environment: Mapping[str, str]) -> None:
    """Raises EnvironmentLacks where it is not installed: before any work is done."""
    from bom.rebuild.diffoscope import find

    find(environment)


def show(one: Path, two: Path, *, to_stderr: bool = False) -> None:
    """What it says of the two, on standard output; on standard error where that holds JSON."""
    from bom.rebuild.diffoscope import find, run

    stream = sys.stderr if to_stderr else sys.stdout
    click.echo("\ndiffoscope:", file=stream)
    stream.flush()
    run(find(os.environ), one, two, os.environ, stream.fileno())
