"""`bom show`: options and printing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from bom.cli.document import write_json


@click.command("show", short_help="What an artifact says of itself.")
@click.argument("artifact")
@click.option(
    "--files",
    "show_files",
    is_flag=True,
    help="Which files of an image belong to nothing known; takes what `bom scan` takes.",
)
@click.option("--platform", default="", help="With --files, of an image for several: os/arch.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Exactly the embedded bytes; with --files every file, an object a line.",
)
def command(artifact: str, show_files: bool, platform: str, as_json: bool) -> None:
    """Show the BOM that ARTIFACT carries. Nothing is checked: `bom verify` does that."""
    if show_files:
        _files(artifact, platform, as_json)
    else:
        _document(Path(artifact), as_json)


def _files(target: str, platform: str, as_json: bool) -> None:
    from bom.cli.progress import StderrReporter
    from bom.file_owners import file_owners

    found = file_owners(target, StderrReporter(), os.environ, platform)
    if as_json:
        import json

        from bom.catalog.attribution import json_lines
        from bom.report.text import inert_json

        for line in json_lines(found.files):
            click.echo(inert_json(json.dumps(line, ensure_ascii=False, separators=(",", ":"))))
        return
    from bom.report.file_owners import unaccounted

    click.echo(unaccounted(found.files, found.layers), nl=False)


def _document(artifact: Path, as_json: bool) -> None:
    from bom.show import embedded

    data = embedded(artifact)
    if as_json:
        write_json(data)
        return
    from bom import canonical
    from bom.report.tree import tree

    # what is piped into another program keeps its lines whole
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    click.echo(tree(canonical.loads_canonical(data), width), nl=False)
