"""`bom capsule`: options and printing."""

from __future__ import annotations

from pathlib import Path

import click

from bom.cli import loudness
from bom.cli.source import source_option
from bom.cli.trusted import trust_options, trusted
from bom.errors import FINDING, GOOD


@click.command(
    "capsule",
    short_help="All that a rebuild needs, in one file.",
    epilog="""\b
Examples:
  bom capsule dist/app-1.0-py3-none-any.whl -o app.capsule.tar --key release.pub --source .
  bom rebuild app.capsule.tar --offline --key release.pub
""",
)
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the capsule goes.",
)
@trust_options
@source_option
@click.option(
    "--from",
    "places",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Where package files lie; may be repeated. Else they come from the user's own index.",
)
@click.option(
    "--environment",
    "snapshot",
    default="",
    metavar="machine|container:NAME",
    help="A snapshot of the build environment: lists of what is installed here, or a container.",
)
@click.option(
    "--without-tools",
    is_flag=True,
    help="Leave out the tools: their Debian packages (--from, apt-get), the builder's image.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Write it although something is missing, or not known by a recorded digest.",
)
@click.option("--json", "as_json", is_flag=True, help="capsule.json (schemas/capsule.schema.json).")
@click.pass_context
def command(
    ctx: click.Context,
    artifact: Path,
    output: Path,
    keys: tuple[Path, ...],
    config_file: Path | None,
    source: str,
    places: tuple[Path, ...],
    snapshot: str,
    without_tools: bool,
    allow_missing: bool,
    as_json: bool,
) -> None:
    """Collect what building ARTIFACT again with the network off takes: source, packages, images,
    tools.

    Exit 1, and nothing is written, where a source, package or image can't be had or isn't known by
    a digest that the BOM or a lock of the source states.
    """
    from bom.capsule.collecting import CapsuleOptions, collected
    from bom.cli.environment import given
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.output import publish, temporary_file
    from bom.rebuild import Source
    from bom.report.text import inert

    target = file_target(output)
    options = CapsuleOptions(
        artifact=artifact,
        keys=trusted(keys, config_file),
        environment=given(),
        source=Source(source),
        places=tuple(path.absolute() for path in places),
        snapshot=snapshot,
        allow_missing=allow_missing,
        tools=not without_tools,
    )
    reporter = StderrReporter()
    with temporary_file(target) as part:
        with reporter.waiting(f"collect what {artifact.name} is built from"):
            record = collected(options, part, reporter)
        written = not record.missing or allow_missing
        if written:
            publish(part, target)
    if as_json:
        from bom.report.text import json_lines

        click.echo(json_lines(record.model_dump()))
    for item in record.missing:
        click.echo(f"missing: {inert(f'{item.what} {item.where}: {item.why}')}", err=True)
    for item in record.tools_missing:
        click.echo(f"note: without {inert(f'{item.where}: {item.why}')}", err=True)
    if written:
        count = len({item.sha256 for item in record.items})
        loudness.note(f"{inert(str(output))}: {count} files, {target.stat().st_size} bytes")
    else:
        click.echo("nothing is written; --allow-missing writes it all the same", err=True)
    ctx.exit(GOOD if written else FINDING)
