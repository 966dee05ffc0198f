"""`bom scan`: options and printing."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("scan", short_help="A BOM of an image archive or a directory.")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the BOM goes, else stdout."
)
@click.option("--spec-version", type=click.Choice(["1.6", "1.7"]), default="1.6", help="CycloneDX.")
def command(target: Path, output: Path | None, spec_version: str) -> None:
    """Write the BOM of TARGET, an image archive or a directory, without building anything."""
    from bom.cli.document import write_json
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.output import write_whole
    from bom.scan import scan

    place = file_target(output) if output is not None else None
    data = scan(target, StderrReporter(), os.environ, spec_version=spec_version)
    if place is None:
        write_json(data)
    else:
        write_whole(place, data)
