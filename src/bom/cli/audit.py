"""`bom audit`: options and printing."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bom.cli import loudness
from bom.cli.trusted import trust_options, trusted
from bom.errors import FINDING, GOOD, BomError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bom.audit.model import Audit, Ignore, Level
    from bom.audit.target import Target
    from bom.config import Config


@click.command(
    "audit",
    short_help="Known vulnerabilities of what ships.",
    epilog="""\b
Examples:
  bom audit app.tar --key release.pub --advisories osv/
  bom audit dist/app-1.0-py3-none-any.whl
  bom audit docker:app:1.4 --advisories osv.zip --fail-on high
  bom audit app.tar --advisories osv/ --vex app.vex.cdx.json
  bom audit app.tar --ignore CVE-2026-1 --reason 'not reachable' --until 2026-12-31
""",
)
@click.argument("artifact")
@trust_options
@click.option(
    "--advisories",
    type=click.Path(path_type=Path),
    metavar="DIR|ZIP",
    help="An OSV export; for every ecosystem. Nothing is asked of the network then.",
)
@click.option(
    "--service",
    type=click.Choice(["pypi", "osv"]),
    help="What pip-audit asks about Python packages; pypi without --advisories.",
)
@click.option("--osv-url", metavar="URL", help="OSV's query endpoint (with --service osv).")
@click.option("--pypi-url", metavar="URL", help="A mirror of PyPI's JSON API (--service pypi).")
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high", "critical"]),
    help="Less severe ones are told, and don't count; else all count.",
)
@click.option("--allow-unaudited", is_flag=True, help="What could not be audited doesn't count.")
@click.option(
    "--ignore",
    "ids",
    multiple=True,
    metavar="ID",
    help="Accept a finding; with --reason and --until, each once for every ID.",
)
@click.option("--reason", "reasons", multiple=True, metavar="TEXT", help="Why it is accepted.")
@click.option(
    "--until", "days", multiple=True, metavar="DATE", help="The last day of it: YYYY-MM-DD, UTC."
)
@click.option("--platform", default="", help="Of an image for several: os/arch[/variant].")
@click.option(
    "--vex",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the findings as a CycloneDX VEX document, too.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the report goes, else stdout."
)
@click.option(
    "--json", "as_json", is_flag=True, help="The report as JSON (schemas/audit.schema.json)."
)
@click.pass_context
def command(
    ctx: click.Context,
    artifact: str,
    keys: tuple[Path, ...],
    config_file: Path | None,
    advisories: Path | None,
    service: Literal["pypi", "osv"] | None,
    osv_url: str | None,
    pypi_url: str | None,
    fail_on: str | None,
    allow_unaudited: bool,
    ids: tuple[str, ...],
    reasons: tuple[str, ...],
    days: tuple[str, ...],
    platform: str,
    vex: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Tell which known vulnerabilities the packages in ARTIFACT have: exit 0, or 1 with findings.

    ARTIFACT is a sealed file (it is verified first where a key is trusted), a BOM, or what `bom
    scan` takes. What could not be audited is listed, and is a finding, too.
    """
    from bom.audit import Sources, audit
    from bom.audit.model import Level
    from bom.audit.target import opened
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target

    now = datetime.now(UTC)
    places = [file_target(path) if path is not None else None for path in (vex, output)]
    sources = Sources(advisories, *_service(advisories, service, osv_url, pypi_url))
    config = _config(config_file)
    ignores = _ignores(ids, reasons, days, config)
    progress = StderrReporter()
    asked_for = bool(keys) or (config_file is not None and bool(config.trusted_keys))
    target = opened(
        artifact,
        trusted(keys, config_file if asked_for else None),
        asked_for,
        progress,
        os.environ,
        platform,
    )
    if target.findings:
        _refused(target, as_json)
        ctx.exit(FINDING)
    if vex is not None:
        from bom.audit.vex import check_linkable

        check_linkable(target.document)
    found = audit(target, sources, ignores, now.date(), progress)
    least = Level[fail_on.upper()] if fail_on else Level.UNKNOWN
    good = not found.failing(least) and (allow_unaudited or not found.unaudited)
    _write(found, least, good, now, places, as_json)
    ctx.exit(GOOD if good else FINDING)


def _service(
    advisories: Path | None,
    service: Literal["pypi", "osv"] | None,
    osv_url: str | None,
    pypi_url: str | None,
) -> tuple[Literal["pypi", "osv"] | None, str]:
    """Which service is asked, and where it is."""
    if osv_url and pypi_url:
        raise BomError("--osv-url and --pypi-url exclude each other", hint="name one service")
    implied: Literal["pypi", "osv"] | None = "osv" if osv_url else "pypi" if pypi_url else None
    if service and implied and service != implied:
        raise BomError(f"--{implied}-url is about --service {implied}", hint=f"--service {implied}")
    chosen = service or implied or (None if advisories else "pypi")
    return chosen, osv_url or pypi_url or ""


def _ignores(
    ids: Sequence[str], reasons: Sequence[str], days: Sequence[str], config: Config
) -> list[Ignore]:
    """Those of the call, then those of the configuration."""
    from bom.audit.model import Ignore

    if not len(ids) == len(reasons) == len(days):
        raise BomError(
            f"{len(ids)} --ignore, {len(reasons)} --reason and {len(days)} --until were given",
            hint="--ignore CVE-2026-1 --reason 'not reachable' --until 2026-12-31",
        )
    given = []
    for id, reason, day in zip(ids, reasons, days, strict=True):
        if not reason.strip():
            raise BomError(f"--reason of {id} says nothing", hint="say why it is accepted")
        given.append(Ignore(id, reason, _day(day)))
    return given + [Ignore(item.id, item.reason, item.until) for item in config.audit.ignore]


def _config(config_file: Path | None) -> Config:
    """The named one, or the project's own."""
    from bom.config import load, nearest

    if config_file is not None:
        return load(Path.cwd(), config_file)
    from bom.observe import project_root

    cwd = Path.cwd()
    return load(nearest(cwd.resolve(), project_root(cwd)))


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise BomError(f"--until {text} is no day", hint="YYYY-MM-DD, in UTC") from error


def _write(
    found: Audit,
    least: Level,
    good: bool,
    now: datetime,
    places: Sequence[Path | None],
    as_json: bool,
) -> None:
    from bom.output import write_whole

    vex_place, output_place = places
    if vex_place is not None:
        from bom.audit.vex import vex

        write_whole(vex_place, vex(found, now))
    if as_json:
        from bom.audit.record import audit_record
        from bom.report.text import json_lines

        text = json_lines(audit_record(found, least, good).model_dump()) + "\n"
    else:
        from bom.audit.text import audit_text

        text = audit_text(found, least, good)
    if output_place is not None:
        write_whole(output_place, text.encode())
    elif as_json or not (good and loudness.quiet()):
        click.echo(text, nl=False)


def _refused(target: Target, as_json: bool) -> None:
    """An artifact that is not what its BOM says is not audited by it."""
    from bom.report.text import inert, json_lines

    if as_json:
        from bom.audit.record import refused_record

        click.echo(json_lines(refused_record(target).model_dump()))
    told = f"{inert(target.name)} is not what a trusted key's owner sealed; nothing was audited"
    click.echo(f"error: {told}", err=True)
    for item in target.findings:
        click.echo(f"finding: {inert(item.code)}: {inert(item.message)}", err=True)
    click.echo("hint: bom verify tells more", err=True)
