"""`bom show`: options and printing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from bom.cli.document import write_json


@click.command("show", short_help="What an artifact says of itself.")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Exactly the embedded bytes.")
def command(artifact: Path, as_json: bool) -> None:
    """Show the BOM that ARTIFACT carries. Nothing is checked: `bom verify` does that."""
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
