"""`bom scan`: options and printing."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("scan", short_help="A BOM of an image, an archive or a directory.")
@click.argument("target")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the BOM goes, else stdout."
)
@click.option("--platform", default="", help="Of an image for several: os/arch[/variant].")
@click.option(
    "--spec-version",
    type=click.Choice(["1.5", "1.6", "1.7"]),
    default="1.6",
    help="Of CycloneDX.",
)
def command(target: str, output: Path | None, platform: str, spec_version: str) -> None:
    """Write the BOM of TARGET, without building anything.

    \b
    TARGET is one of
      PATH                     an image archive or OCI layout, any other tar,
                               a wheel, jar or zip, a program, a directory
      docker:NAME              an image in the engine
      oci://HOST/NAME:TAG      an image in a registry; credentials are those
      oci://HOST/NAME@sha256:… of `docker login`
    """
    from bom.cli.document import write_json
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.output import write_whole
    from bom.scan import scan

    place = file_target(output) if output is not None else None
    data = scan(target, StderrReporter(), os.environ, spec_version=spec_version, platform=platform)
    if place is None:
        write_json(data)
    else:
        write_whole(place, data)
