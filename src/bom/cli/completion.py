"""`bom completion`: what makes the Tab key know `bom`."""

from __future__ import annotations

from typing import Final

import click

SHELLS: Final = ("bash", "zsh", "fish")


@click.command(
    "completion",
    short_help="Completion for a shell.",
    epilog="""\b
To have it in every new shell:
  bash  bom completion bash > ~/.local/share/bash-completion/completions/bom
  zsh   bom completion zsh > DIR/_bom       a folder of $fpath
  fish  bom completion fish > ~/.config/fish/completions/bom.fish
In this one alone:
  eval "$(bom completion bash)"
""",
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print a script that completes verbs, options, their values and file names in SHELL."""
    from click.shell_completion import get_completion_class

    from bom.cli import bom

    kind = get_completion_class(shell)
    assert kind is not None
    # the script asks `bom` itself, with this variable set, for what fits
    shown = kind(bom, {}, "bom", "_BOM_COMPLETE")
    script = shown.source_template % shown.source_vars()
    # fish is to split off the kind of a completion alone: what explains it may have commas
    click.echo(script.replace('(string split ","', '(string split --max 1 ","'))
