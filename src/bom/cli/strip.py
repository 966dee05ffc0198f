"""`bom strip`: options and printing."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("strip", short_help="The artifact as it was built.")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where it goes."
)
def command(artifact: Path, output: Path) -> None:
    """Take the seal off ARTIFACT: what comes out is bit for bit what the build made."""
    from bom.cli.target import file_target
    from bom.report.text import inert
    from bom.strip import strip

    digest = strip(artifact, file_target(output))
    click.echo(f"{digest}  {inert(str(output))}")
