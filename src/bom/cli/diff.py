"""`bom diff`: options and printing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from bom.cli.comparing import (
    accept_option,
    diffoscope_option,
    html_option,
    require_diffoscope,
    show_diffoscope,
)
from bom.cli.printing import color_option, emit, finish, output_option, size_option, width
from bom.errors import FINDING, GOOD, BomError

if TYPE_CHECKING:
    from pathlib import Path

    from bom.diff import Diff
    from bom.report.tones import Finish


@click.command(
    "diff",
    short_help="What changed between two artifacts, BOMs, images or git revisions.",
    epilog="""\b
Examples:
  bom diff app-1.0.tar app-1.1.tar
  bom diff old.bom.cdx.json docker:app:latest
  bom diff v1.0 v1.1 --format markdown -o notes.md
  bom diff app.tar again/app.tar --exit-code
""",
)
@click.argument("one", metavar="A")
@click.argument("two", metavar="B")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "html"]),
    help="text, unless another is named.",
)
@output_option
@click.option(
    "--json", "as_json", is_flag=True, help="The result as JSON (schemas/diff.schema.json)."
)
@click.option("--exit-code", "by_code", is_flag=True, help="Exit 1 where they differ, else 0.")
@accept_option
@click.option(
    "--no-bytes",
    "bytes_too",
    flag_value=False,
    default=True,
    help="Only what the BOMs say: the files' bytes are not compared.",
)
@click.option(
    "--no-scan",
    "scan_missing",
    flag_value=False,
    default=True,
    help="Of files without a BOM only the bytes: they are not scanned for one.",
)
@html_option
@diffoscope_option
@click.option("--platform", default="", help="Of images for several: os/arch[/variant].")
@color_option
@size_option
@click.pass_context
def command(
    ctx: click.Context,
    one: str,
    two: str,
    form: str | None,
    output: Path | None,
    as_json: bool,
    by_code: bool,
    accept: str | None,
    bytes_too: bool,
    scan_missing: bool,
    html: Path | None,
    diffoscope: bool,
    platform: str,
    color: str,
    max_size: int | None,
) -> None:
    """Say what changed from A to B. Nothing is checked: `bom verify` does that.

    \b
    A and B are each one of
      FILE                     an artifact (its seal is taken off), or a BOM
      FOLDER                   scanned, as `bom scan` does
      docker:NAME              an image in the engine; NAME:TAG alone will do
      oci://HOST/NAME:TAG      an image in a registry
      git:REVISION             the project there, without a checkout; REVISION
                               alone will do

    Of two artifacts the bytes are compared too, down to what differs and why. The exit code is 0
    whether or not they differ, unless --exit-code is given.
    """
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.diff import diff

    if as_json and form not in (None, "json"):
        raise BomError(f"--json and --format {form} are two things", hint="name one of them")
    form = "json" if as_json else form or "text"
    if max_size is not None and form != "markdown":
        raise BomError("--max-size is about --format markdown", hint="leave one of them out")
    if accept is not None and not by_code:
        raise BomError("--accept is about the exit code", hint="add --exit-code")
    if not (bytes_too or scan_missing):
        raise BomError("--no-bytes and --no-scan leave nothing to compare", hint="drop one of them")
    place = file_target(output) if output is not None else None
    page = file_target(html) if html is not None else None
    if diffoscope:
        require_diffoscope(os.environ)
    reporter = StderrReporter()
    compared = diff(
        one,
        two,
        reporter,
        os.environ,
        platform=platform,
        compare_bytes=bytes_too,
        scan_missing=scan_missing,
    )
    with reporter.opening("compare", compared) as found:
        done = finish(color, place)
        emit(_report(found, form, width(place), done, max_size), place)
        if page is not None:
            from bom.output import write_whole

            write_whole(page, _page(found).encode())
        if diffoscope and found.comparison is not None and found.comparison.verdict != "same":
            assert found.one.built is not None
            assert found.two.built is not None
            to_stderr = form != "text" and place is None
            show_diffoscope(found.one.built, found.two.built, to_stderr=to_stderr)
        different = found.different
        if accept is not None and found.comparison is not None:
            different = found.comparison.verdict not in ("same", accept)
    ctx.exit(FINDING if by_code and different else GOOD)


def _report(found: Diff, form: str, columns: int, done: Finish, max_size: int | None) -> str:
    if form == "json":
        return _json(found)
    if form == "html":
        return _page(found)
    if form == "markdown":
        from bom.report.changes_markdown import changes_markdown

        names = (found.one.name, found.two.name)
        return changes_markdown(names, found.changes, found.comparison, max_size)
    from bom.report.changes_text import changes_text

    return changes_text(_name(found), found.changes, found.comparison, columns, done)


def _name(found: Diff) -> str:
    one, two = found.one.name, found.two.name
    return one if one == two else f"{one} and {two}"


def _page(found: Diff) -> str:
    from bom.report.html.changes import page

    return page((found.one.name, found.two.name), found.changes, found.comparison)


def _json(found: Diff) -> str:
    from bom.report.changes_record import SideRecord, diff_record
    from bom.report.text import json_lines

    one, two = (
        SideRecord(name=side.name, kind=side.kind, scanned=side.scanned)
        for side in (found.one, found.two)
    )
    record = diff_record(one, two, found.changes, found.comparison, different=found.different)
    return json_lines(record.model_dump()) + "\n"
