"""`bom checksums`: options and printing."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bom.cli import loudness
from bom.errors import FINDING, GOOD, BomError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from bom.checksums.model import Lacking
    from bom.checksums.places import Places
    from bom.model import Finding

_NAME: Final = "checksums.json"
_LISTED: Final = 50  # findings and packages that text shows; --json has all


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both verbs take."""
    options = (
        click.option(
            "--project",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            default=".",
            show_default=True,
            help="Whose locks are read; the file is there.",
        ),
        click.option(
            "--file",
            "name",
            type=click.Path(path_type=Path),
            help=f"The file, else {_NAME} in the project.",
        ),
        click.option(
            "--from",
            "folders",
            multiple=True,
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            metavar="DIR",
            help="A folder or cache with what this project downloads; else the user's caches.",
        ),
        click.option(
            "--allow-lacking", is_flag=True, help="Packages without checksums don't count."
        ),
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="What came of it as JSON (schemas/checksums-result.schema.json).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    "checksums",
    short_help="Checksums of all external packages, in one file.",
    epilog="""\b
Examples:
  bom checksums record
  bom checksums record --from wheels/ --download
  bom checksums verify --from wheels/
""",
)
def command() -> None:
    """Keep the checksums of everything that a project downloads in checksums.json."""


@command.command("record", short_help="Write checksums.json from locks, caches and folders.")
@_options
@click.option("--download", is_flag=True, help="Download what no lock or folder gives a digest of.")
@click.option("--sha1", is_flag=True, help="SHA-1 beside SHA-256, where a policy asks for it.")
@click.option(
    "--registry",
    "registries",
    multiple=True,
    metavar="ECOSYSTEM=URL",
    help="Where an ecosystem's packages are (npm=https://npm.example.org); may be repeated.",
)
@click.pass_context
def record(
    ctx: click.Context,
    project: Path,
    name: Path | None,
    folders: tuple[Path, ...],
    allow_lacking: bool,
    as_json: bool,
    download: bool,
    sha1: bool,
    registries: tuple[str, ...],
) -> None:
    """Write checksums.json: every file that the locks ask for, by SHA-256 and the ecosystem's own
    digest. Exit 1 where one has none, or is another than its lock states (nothing is written)."""
    from bom.checksums.places import defaults, read
    from bom.checksums.recording import Options, recorded
    from bom.checksums.wanted import wanted
    from bom.cli.progress import StderrReporter
    from bom.cli.target import file_target
    from bom.output import write_whole
    from bom.private_folder import private_folder
    from bom.report.checksums_record import text

    target = file_target(name or project / _NAME)
    bases = _bases(registries)
    places = read(folders or defaults(os.environ))
    with private_folder() if download else nullcontext() as scratch:
        options = Options(bases, bool(folders), sha1, scratch)
        found = recorded(wanted(project.resolve()), places, options, StderrReporter())
    if not found.findings:
        write_whole(target, text(found.checksums).encode("ascii"))
    good = not found.findings and (allow_lacking or not found.lacking)
    count = len(found.checksums.packages)
    _say(good, count, found.read, found.findings, found.lacking, as_json, "read")
    if not as_json:
        pinned = len(found.checksums.images) + len(found.checksums.commits)
        wrote = (
            "nothing written"
            if found.findings
            else (f"{target.name}: {_plural(count, 'file')}, {_plural(pinned, 'image or commit')}")
        )
        loudness.note(wrote)
    ctx.exit(GOOD if good else FINDING)


@command.command("verify", short_help="Hold locks, caches and folders against it.")
@_options
@click.pass_context
def verify(
    ctx: click.Context,
    project: Path,
    name: Path | None,
    folders: tuple[Path, ...],
    allow_lacking: bool,
    as_json: bool,
) -> None:
    """Hold locks, caches and download folders against checksums.json: exit 0, or 1 where a file is
    another one, new, or gone."""
    from bom.checksums.maven import settled
    from bom.checksums.places import Places, defaults, read
    from bom.checksums.verifying import verified
    from bom.checksums.wanted import wanted
    from bom.cli.progress import StderrReporter
    from bom.input import read_bounded
    from bom.report.checksums_record import parsed

    path = name or project / _NAME
    try:
        data = read_bounded(path, 256 << 20)
    except FileNotFoundError as error:
        raise BomError(f"there is no {path}", hint="`bom checksums record` makes it") from error
    except OSError as error:
        raise BomError(f"{path} can't be read: {error.strerror}") from error
    stated = parsed(data, path.name)
    asked = wanted(project.resolve())
    if any(item.ecosystem == "maven" for item in stated.packages):
        asked = settled(asked)
    caches: Places = Places() if folders else read(defaults(os.environ))
    findings, checked = verified(stated, asked, caches, read(folders), StderrReporter())
    good = not findings and (allow_lacking or not asked.lacking)
    _say(good, len(stated.packages), checked, findings, asked.lacking, as_json, "as recorded")
    ctx.exit(GOOD if good else FINDING)


def _bases(given: Sequence[str]) -> dict[str, str]:
    from bom.checksums.registries import PUBLIC

    bases = dict(PUBLIC)
    for text in given:
        ecosystem, equals, url = text.partition("=")
        if not equals or ecosystem not in PUBLIC or not url.startswith(("http://", "https://")):
            raise BomError(
                f"--registry {text} is no ECOSYSTEM=URL",
                hint=f"one of {', '.join(PUBLIC)}, and https://…",
            )
        bases[ecosystem] = url
    return bases


def _say(
    good: bool,
    count: int,
    checked: int,
    findings: Sequence[Finding],
    lacking: Sequence[Lacking],
    as_json: bool,
    counted: str,
) -> None:
    """`counted`: what is true of the `checked` files."""
    from bom.report.text import inert, json_lines

    if as_json:
        from bom.report.checksums_record import ChecksumsResult, LackingRecord
        from bom.report.records import finding_records

        result = ChecksumsResult(
            verdict="good" if good else "bad",
            packages=count,
            checked=checked,
            findings=finding_records(findings),
            lacking=[LackingRecord(what=item.what, reason=item.reason) for item in lacking],
        )
        click.echo(json_lines(result.model_dump()))
        return
    if good and loudness.quiet():
        return
    told = [_plural(len(findings), "finding"), f"{len(lacking)} without a checksum"]
    here = f"{_plural(count, 'recorded file')}, {checked} {counted} here"
    click.echo(f"{'good' if good else 'BAD'}: {', '.join((here, *told))}")
    for item in findings[:_LISTED]:
        where = f" ({inert(item.where)})" if item.where else ""
        click.echo(f"{inert(item.code)}: {inert(item.message)}{where}")
        if item.expected:
            click.echo(f"  expected {inert(item.expected)}")
        if item.found:
            click.echo(f"  found    {inert(item.found)}")
    for row in lacking[:_LISTED]:
        click.echo(f"no checksum: {inert(row.what)}: {inert(row.reason)}")
    left = max(0, len(findings) - _LISTED) + max(0, len(lacking) - _LISTED)
    if left:
        click.echo(f"and {left} more (--json lists all)")


def _plural(number: int, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    head, space, tail = what.partition(" or ")
    return f"{number} {head}s{space}{tail}{'s' if tail else ''}"
