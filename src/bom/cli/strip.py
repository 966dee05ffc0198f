"""`bom strip`: options and printing."""

from __future__ import annotations

from pathlib import Path

import click

from bom.cli import loudness


@click.command("strip", short_help="The artifact as it was built.")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Where it goes."
)
def command(artifact: Path, output: Path) -> None:
    """Take the seal off ARTIFACT: what comes out is bit for bit what the build made."""
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.report.text import inert
    from bom.strip import strip

    with StderrReporter().waiting(f"strip {artifact.name}"):
        digest = strip(artifact, file_target(output))
    if not loudness.quiet():
        click.echo(f"{digest}  {inert(str(output))}")
