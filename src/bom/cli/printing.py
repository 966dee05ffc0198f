"""Where a report goes, how wide and how coloured it is: what the verbs that print one share."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from bom.report.tones import Finish

output_option: Final = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, whole or not at all, instead of to standard output.",
)
color_option: Final = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="auto: on a terminal, unless NO_COLOR is set.",
)
size_option: Final = click.option(
    "--max-size",
    "max_size",
    type=click.IntRange(min=1000),
    metavar="N",
    help="Of Markdown: at most N characters (a comment on GitHub takes 65536); what is left out"
    " is counted.",
)


def width(place: Path | None) -> int:
    """The terminal's columns; 0 where the report goes elsewhere: what is piped into another
    program keeps its lines whole."""
    if place is not None or not sys.stdout.isatty():
        return 0
    return shutil.get_terminal_size().columns


def finish(color: str, place: Path | None) -> Finish:
    """What makes coloured text of a report, or plain text (https://no-color.org)."""
    from bom.report.tones import painted, plain

    if color == "auto":
        dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        color = "never" if place is not None or dull or not sys.stdout.isatty() else "always"
    return painted if color == "always" else plain


def emit(text: str, place: Path | None) -> None:
    """Print a report, or write it to `place`, which `bom.cli.target.file_target` gave."""
    if place is None:
        click.echo(text, nl=False, color=True)  # click would take colours out that were asked for
        return
    from bom.output import write_whole

    write_whole(place, text.encode("utf-8"))
