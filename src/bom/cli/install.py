"""`bom install`: options and printing."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from bom.cli import loudness
from bom.cli.progress import StderrReporter
from bom.cli.trusted import trust_options, trusted


@click.command(
    "install",
    short_help="Verify an artifact, then install it with every byte checked.",
    epilog="""\b
Examples:
  bom install dist/app-1.0-py3-none-any.whl --key release.pub
  bom install app-1.0-py3-none-any.whl --key release.pub --no-index --find-links wheels/
  bom install app.tar --key release.pub --tag app:1.0
  bom install site.tar.gz --key release.pub --prefix /srv/site --dry-run
""",
)
@click.argument("artifact", metavar="ARTIFACT|-")
@trust_options
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Python: the interpreter, or its environment, to install for; else the active one.",
)
@click.option(
    "--target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Python: install into this folder instead of an environment.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="NAME[:TAG]",
    help="Images: a tag to set, instead of those in the archive; may be repeated.",
)
@click.option(
    "--prefix",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Archives and npm packages: the folder to install into.",
)
@click.option(
    "--installer",
    type=click.Choice(["pip", "uv"]),
    default="pip",
    show_default=True,
    help="Python: the program that installs.",
)
@click.option(
    "--extra",
    "extras",
    multiple=True,
    metavar="NAME",
    help="Python: an extra to install, too; may be repeated.",
)
@click.option("--index-url", metavar="URL", help="Where packages come from, else as configured.")
@click.option(
    "--extra-index-url",
    "extra_index_urls",
    multiple=True,
    metavar="URL",
    help="Python: another index; may be repeated.",
)
@click.option(
    "--find-links",
    multiple=True,
    metavar="DIR|URL",
    help="Python: a folder or page with packages; may be repeated.",
)
@click.option("--no-index", is_flag=True, help="Python: ask no index, only --find-links.")
@click.option("--allow-setuid", is_flag=True, help="Archives: keep setuid and setgid bits.")
@click.option(
    "--keep-owner", is_flag=True, help="Archives: owners by number as packed, as root only."
)
@click.option("--allow-scripts", is_flag=True, help="npm: let packages run install scripts.")
@click.option(
    "--engine",
    type=click.Choice(["docker", "podman"]),
    default="docker",
    show_default=True,
    help="Images: where to load them.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, stop.")
@click.option(
    "--json", "as_json", is_flag=True, help="What was done as JSON (schemas/install.schema.json)."
)
@click.pass_context
def command(
    ctx: click.Context,
    artifact: str,
    keys: tuple[Path, ...],
    config_file: Path | None,
    python: Path | None,
    target: Path | None,
    tags: tuple[str, ...],
    prefix: Path | None,
    installer: Literal["pip", "uv"],
    extras: tuple[str, ...],
    index_url: str | None,
    extra_index_urls: tuple[str, ...],
    find_links: tuple[str, ...],
    no_index: bool,
    allow_setuid: bool,
    keep_owner: bool,
    allow_scripts: bool,
    engine: Literal["docker", "podman"],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Install ARTIFACT if it verifies, and of what it depends on only what its BOM lists.

    Whatever goes wrong, what was there before stays, or the next call restores it. - reads
    standard input. Exit 1: something is not as the BOM says; nothing was installed.
    """
    from bom.install import planned
    from bom.install.intake import NotInstalled
    from bom.install.protocol import Request
    from bom.report.installing import install_record, install_text
    from bom.report.text import inert

    keys_trusted = trusted(keys, config_file)
    request = Request(
        environment=dict(os.environ),
        given=_given(ctx),
        python=python,
        target=target,
        prefix=prefix,
        tags=tags,
        installer=installer,
        extras=extras,
        index_url=index_url or "",
        extra_index_urls=extra_index_urls,
        find_links=find_links,
        no_index=no_index,
        allow_setuid=allow_setuid,
        keep_owner=keep_owner,
        allow_scripts=allow_scripts,
        engine=engine,
    )
    source = sys.stdin.buffer if artifact == "-" else Path(artifact)
    reporter = StderrReporter()
    try:
        with ExitStack() as stack:
            with reporter.waiting(f"verify {artifact}"):
                work = stack.enter_context(planned(source, keys_trusted, request))
            with reporter.waiting(f"install {artifact}"):
                done = work.plan if dry_run else work.run()
            if as_json:
                from bom.report.text import json_lines

                record = install_record(work, done, dry_run=dry_run)
                click.echo(json_lines(record.model_dump()))
            elif not loudness.quiet():
                click.echo(install_text(work, done, dry_run=dry_run), nl=False)
            else:
                for text in done.warnings:
                    click.echo(f"warning: {inert(text)}", err=True)
    except NotInstalled as refused:
        if as_json:
            from bom.report.installing import refusal_record
            from bom.report.text import json_lines

            name = Path(artifact).name if artifact != "-" else "-"
            click.echo(json_lines(refusal_record(name, refused.findings).model_dump()))
        raise


def _given(ctx: click.Context) -> frozenset[str]:
    """The options about one kind of artifact that are on the command line, as they are spelled."""
    general = {"artifact", "keys", "config_file", "dry_run", "as_json"}
    return frozenset(
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name
        and parameter.name not in general
        and parameter.expose_value  # --quiet and --verbose are about all of them
        and ctx.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE
    )
