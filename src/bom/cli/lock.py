"""`bom lock`: options and printing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bom.cli import loudness
from bom.errors import FINDING, BomError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bom.lock.making import Surroundings
    from bom.lock.moved import Moved
    from bom.lock_record import Lock


@click.command(
    "lock",
    short_help="Pin every input of the build in bom.lock.",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    epilog="""\b
Examples:
  bom lock -- docker build -t app:1 .
  bom lock --check
  bom lock --update python:3.11-slim
  bom build --locked -o app.tar -- docker build -t app:1 .
""",
)
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; exit 1 where something moved."
)
@click.option(
    "--update",
    "updates",
    multiple=True,
    metavar="NAME",
    help="Renew this input alone: an image, a package, a tool, a lock file; may be repeated.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="What moved as JSON (schemas/moved.schema.json)."
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def command(
    ctx: click.Context,
    only_check: bool,
    updates: tuple[str, ...],
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Write bom.lock: base images by digest, apt packages by version and hash, locks of the
    ecosystems by digest, and the tools of COMMAND, which is not run.

    A manifest without a lock gets one by its own locker (uv, npm, ...).
    """
    from bom.lock.moved import moved
    from bom.lock_record import text
    from bom.output import write_whole

    if only_check and (updates or command):
        raise BomError("--check takes neither --update nor a command", hint="bom lock --check")
    if updates and command:
        raise BomError("--update takes no command", hint="bom lock -- COMMAND locks all anew")
    before, after, path = _read_and_made(command, updates, only_check=only_check)
    found = moved(before, after) if before is not None else ()
    if not only_check:
        write_whole(path, text(after).encode())
    _say(found, after, as_json=as_json, wrote=not only_check)
    ctx.exit(FINDING if only_check and found else 0)


def _read_and_made(
    command: tuple[str, ...], updates: tuple[str, ...], *, only_check: bool
) -> tuple[Lock | None, Lock, Path]:
    """What is locked, what is to be locked now, and where that stands."""
    from bom.cli.progress import StderrReporter
    from bom.lock import making
    from bom.lock_record import NAME, read

    here = _surroundings()
    path = here.root / NAME
    before = read(here.root) if only_check or updates or path.is_file() else None
    if before is None:  # the ecosystems' own lockers may run, and write to the terminal themselves
        return None, making.made(command, here), path
    with StderrReporter().waiting("lock"):
        if only_check:
            after = making.present(before, here)
        elif updates:
            after = before
            for name in updates:
                after = making.updated(after, name, here)
        else:
            after = making.made(command or tuple(before.command), here)
    return before, after, path


def _surroundings() -> Surroundings:
    from pathlib import Path

    from bom.cli.environment import given
    from bom.config import load, nearest
    from bom.lock.making import Surroundings
    from bom.observe import project_root

    cwd = Path.cwd()
    root = project_root(cwd)
    return Surroundings(root, cwd, given(), load(nearest(cwd.resolve(), root)))


def _say(found: Sequence[Moved], lock: Lock, *, as_json: bool, wrote: bool) -> None:
    from bom.lock_record import NAME
    from bom.report.text import inert, json_lines

    if as_json:
        from bom.report.records import MovedRecord, MovesRecord

        rows = [
            MovedRecord(kind=item.kind, name=item.name, locked=item.locked, found=item.found)
            for item in found
        ]
        click.echo(json_lines(MovesRecord(moved=rows).model_dump()))
        return
    for item in found:
        click.echo(f"moved: {inert(item.sentence)}")
    if wrote:
        packages = sum(len(item.packages) for item in lock.installs)
        counts = (
            (len(lock.files), "lock file"),
            (len(lock.images), "image"),
            (packages, "package"),
            (len(lock.tools), "tool"),
        )
        told = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
        loudness.note(f"{NAME}: {told}")
    elif not found:
        loudness.note(f"{NAME}: nothing moved")
