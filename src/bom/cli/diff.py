"""`bom diff`: options and printing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bom.cli.comparing import (
    accept_option,
    diffoscope_option,
    exit_code,
    html_option,
    require_diffoscope,
    show_diffoscope,
)

if TYPE_CHECKING:
    from bom.diff import Diff


@click.command(
    "diff",
    short_help="What changed between two artifacts.",
    epilog="""\b
Examples:
  bom diff app.tar again/app.tar
  bom diff old.whl new.whl --json
  bom diff app.tar again/app.tar --html report.html
""",
)
@click.argument("one", metavar="A", type=click.Path(path_type=Path))
@click.argument("two", metavar="B", type=click.Path(path_type=Path))
@accept_option
@html_option
@diffoscope_option
@click.option(
    "--json", "as_json", is_flag=True, help="The result as JSON (schemas/diff.schema.json)."
)
@click.pass_context
def command(
    ctx: click.Context,
    one: Path,
    two: Path,
    accept: str | None,
    html: Path | None,
    diffoscope: bool,
    as_json: bool,
) -> None:
    """Compare A and B as they were built, seals taken off, and say what differs and why.

    Exit 0: the same bytes. 1: not the same. Nothing is checked: `bom verify` does that.
    """
    from bom.cli.target import file_target
    from bom.diff import diff

    page = file_target(html) if html is not None else None
    if diffoscope:
        require_diffoscope(os.environ)
    name = one.name if one.name == two.name else f"{one.name} and {two.name}"
    with diff(one, two) as found:
        _print(found, name, as_json=as_json)
        if page is not None:
            from bom.output import write_whole
            from bom.report.comparison import changes_html, html_page

            text = html_page(found.comparison, name, changes_html(_changes(found)))
            write_whole(page, text.encode())
        verdict = found.comparison.verdict
        if diffoscope and verdict != "same":
            show_diffoscope(found.one, found.two, to_stderr=as_json)
    ctx.exit(exit_code(verdict, accept))


def _changes(found: Diff) -> list[tuple[str, str, str | None, str | None]]:
    return [(item.kind, item.name, item.one, item.two) for item in found.changed]


def _print(found: Diff, name: str, *, as_json: bool) -> None:
    if not as_json:
        from bom.report.comparison import changes_text, comparison_text

        before = changes_text(_changes(found))
        click.echo(comparison_text(found.comparison, name, before), nl=False)
        return
    from bom.report.records import ChangeRecord, DiffRecord, comparison_record
    from bom.report.text import json_lines

    changes = {
        kind: [
            ChangeRecord(name=item.name, one=item.one, two=item.two)
            for item in found.changed
            if item.kind == kind
        ]
        for kind in ("tool", "dependency", "setting")
    }
    record = DiffRecord(
        **dict(comparison_record(found.comparison)),
        tools=changes["tool"],
        dependencies=changes["dependency"],
        settings=changes["setting"],
    )
    click.echo(json_lines(record.model_dump()))
