"""What `bom diff` and `bom rebuild` have in common: options, diffoscope, the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bom.errors import FINDING, GOOD

if TYPE_CHECKING:
    from collections.abc import Mapping


accept_option: Final = click.option(
    "--accept",
    type=click.Choice(["normalised"]),
    help="Exit 0 for the same after normalising, too.",
)
html_option: Final = click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as one self-contained page.",
)
diffoscope_option: Final = click.option(
    "--diffoscope", is_flag=True, help="Show the differences by diffoscope, too."
)


def exit_code(verdict: str, accept: str | None) -> int:
    """Good for the same bytes, and for the verdict that `--accept` names."""
    return GOOD if verdict in ("same", accept) else FINDING


def require_diffoscope(environment: Mapping[str, str]) -> None:
    """Raises EnvironmentLacks where it is not installed: before any work is done."""
    from bom.rebuild.diffoscope import find

    find(environment)


def show_diffoscope(one: Path, two: Path, *, to_stderr: bool = False) -> None:
    """What it says of the two, on standard output; on standard error where that holds JSON."""
    from bom.rebuild.diffoscope import find, run

    stream = sys.stderr if to_stderr else sys.stdout
    click.echo("\ndiffoscope:", file=stream)
    stream.flush()
    run(find(os.environ), one, two, os.environ, stream.fileno())
