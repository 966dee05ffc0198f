"""`--source`: where the source of what is built again is had from."""

from __future__ import annotations

import click

# The command is given `source`, "" for the recorded remote: bom.rebuild.Source(source).
source_option = click.option(
    "--source",
    metavar="DIR|URL|BUNDLE",
    default="",
    help="Where the source is had from, instead of the recorded remote.",
)
