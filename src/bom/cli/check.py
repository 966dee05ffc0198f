"""`bom check`: options and printing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bom.cli import loudness

if TYPE_CHECKING:
    from bom.check_record import CheckRecord


@click.command(
    "check",
    short_help="Run a test or linter; keep its result for the next build.",
    epilog="""\b
Examples:
  bom check unit --junit unit.xml -- pytest -q --junitxml unit.xml
  bom check lint --sarif lint.sarif -- ruff check --output-format sarif -o lint.sarif
  bom check unit --out unit.json -- make test    # for another machine
""",
)
@click.option(
    "--junit",
    multiple=True,
    metavar="PATH",
    help="A JUnit XML report that the command writes (or a glob); may be repeated.",
)
@click.option(
    "--sarif",
    multiple=True,
    metavar="PATH",
    help="A SARIF 2.1 report that the command writes (or a glob); may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the result there too, for `bom build --checks FILE` on another machine.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON (schemas/check.schema.json)."
)
@click.argument("name")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    command: tuple[str, ...],
    junit: tuple[str, ...],
    sarif: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Run COMMAND and keep its result under NAME for the next build of this commit and tree.

    The command's exit code is passed on; a failure of bom itself is 125.
    """
    from bom.check import CheckOptions, run_check
    from bom.cli.environment import given
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.process import STDERR, STDOUT

    options = CheckOptions(
        name=name,
        command=command,
        cwd=Path.cwd(),
        environment=given(),
        junit=junit,
        sarif=sarif,
        out=file_target(out) if out is not None else None,
        stdout=STDERR if as_json else STDOUT,
    )
    done = run_check(options, StderrReporter().warn)
    if done.record is not None:
        if done.record.outcome == "failed":
            click.echo(_line(done.record), err=True)  # a finding, --quiet or not
        else:
            loudness.note(_line(done.record))
        if as_json:
            from bom.report.text import json_lines

            click.echo(json_lines(done.record.model_dump()))
    ctx.exit(done.exit_code)


def _line(record: CheckRecord) -> str:
    from bom.report.text import inert

    counts = (("tests", record.tests), ("failed", record.failures), ("skipped", record.skipped))
    told = ", ".join(f"{count} {what}" for what, count in counts if count >= 0)
    return f"bom: check {inert(record.name)}: {record.outcome}" + (f" ({told})" if told else "")
