"""`bom verify`: options and printing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from bom.errors import FINDING, GOOD, BomError


@click.command(
    "verify",
    short_help="Signature, bytes and completeness of an artifact, offline.",
    epilog="""\b
Examples:
  bom verify app.tar --key release.pub
  bom verify dist/app-1.0-py3-none-any.whl --json
  docker save app:1 | bom verify - --key release.pub
""",
)
@click.argument("artifact", metavar="ARTIFACT|-")
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A public key to trust (PEM); may be repeated.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="A bom.toml whose trusted_keys are trusted.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="The verdict as JSON (schemas/verdict.schema.json)."
)
@click.pass_context
def command(
    ctx: click.Context,
    artifact: str,
    keys: tuple[Path, ...],
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Say whether ARTIFACT is what a trusted key's owner sealed: exit 0, or 1 with findings.

    Offline and in one pass; - reads standard input. Without --key or --config the keys in the
    user's trust directory are trusted.
    """
    from bom.sign.trust import trusted_keys
    from bom.verify import verify

    configured: list[Path] = []
    if config_file is not None:
        from bom.config import load

        configured = [
            config_file.parent / name for name in load(Path.cwd(), config_file).trusted_keys
        ]
        if not configured and not keys:
            # the user's own keys must not step in where a configuration was asked for
            raise BomError(
                f"{config_file} names no trusted_keys",
                hint="add trusted_keys to it, or name a key with --key",
            )
    trusted = trusted_keys(keys, configured, os.environ)
    source = sys.stdin.buffer if artifact == "-" else Path(artifact)
    verdict = verify(source, trusted)
    if as_json:
        from bom.report.records import verdict_record
        from bom.report.text import json_lines

        click.echo(json_lines(verdict_record(verdict).model_dump()))
    else:
        from bom.report.verdict import verdict_text

        click.echo(verdict_text(verdict), nl=False)
    ctx.exit(GOOD if verdict.good else FINDING)
