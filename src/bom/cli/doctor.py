"""`bom doctor`: options and printing."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from bom.cli import loudness
from bom.errors import FINDING, GOOD


@click.command(
    "doctor",
    short_help="What this machine can observe, sign and build.",
    epilog="""\b
Examples:
  bom doctor
  bom doctor --json
  bom -q doctor        only what is missing or wrong
""",
)
@click.option(
    "--json", "as_json", is_flag=True, help="All answers as JSON (schemas/doctor.schema.json)."
)
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Look at programs, engines, keys, rights and disks, and say what is missing and how to get it.

    Nothing is changed. Exit 0: usable. 1: something that this project's bom.toml needs is missing.
    """
    from bom.cli.progress import StderrReporter
    from bom.doctor import examine, machine_at, usable
    from bom.report.machine import AnswerRecord, DoctorRecord, doctor_text
    from bom.report.text import json_lines

    machine = machine_at(Path.cwd(), dict(os.environ))
    with StderrReporter().waiting("look at this machine"):
        answers = examine(machine)
    good = usable(answers)
    record = DoctorRecord(
        usable=good, answers=[AnswerRecord(**asdict(answer)) for answer in answers]
    )
    if as_json:
        click.echo(json_lines(record.model_dump()))
    elif loudness.quiet():
        wanted = [item for item in record.answers if item.status in ("missing", "bad")]
        if wanted:
            click.echo(doctor_text(record.model_copy(update={"answers": wanted})), nl=False)
    else:
        click.echo(doctor_text(record), nl=False)
    ctx.exit(GOOD if good else FINDING)
