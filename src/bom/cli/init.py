"""`bom init`: options, questions and printing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bom.cli import loudness
from bom.errors import BomError

if TYPE_CHECKING:
    from bom.initialise import Done, Kind, Piece, Project

_QUESTIONS: Final[dict[Piece, str]] = {
    "settings": "write bom.toml",
    "key": "make a signing key in your configuration folder",
    "workflow": "write a GitHub workflow",
    "hook": "write a pre-commit hook that checks bom.lock",
}


@click.command(
    "init",
    short_help="Set a project up: bom.toml, a key, a workflow, a hook.",
    epilog="""\b
Examples:
  bom init
  bom init --yes --no-hook
  bom init --yes -- make release
  bom init --settings --workflow --action OWNER/REPOSITORY@COMMIT
""",
)
@click.option(
    "--kind",
    type=click.Choice(["python", "npm", "go", "rust", "java", "image"]),
    help="What is built here, where several things could be.",
)
@click.option("--settings/--no-settings", default=None, help="bom.toml.")
@click.option(
    "--key/--no-key", default=None, help="A key pair in your configuration, never in the project."
)
@click.option("--workflow/--no-workflow", default=None, help=".github/workflows/bom.yml.")
@click.option("--hook/--no-hook", default=None, help="bom.lock's check in .pre-commit-config.yaml.")
@click.option(
    "--action",
    metavar="OWNER/REPOSITORY@COMMIT",
    default="OWNER/REPOSITORY@COMMIT",
    help="Where bom's GitHub action is had from; for the workflow.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; write all but what --no-... names.")
@click.option("--no-input", is_flag=True, help="Ask nothing; write only what is named.")
@click.option("--force", is_flag=True, help="Write anew what is there already; never a key.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written.")
@click.option(
    "--json", "as_json", is_flag=True, help="What was done as JSON (schemas/init.schema.json)."
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def command(
    kind: Kind | None,
    settings: bool | None,
    key: bool | None,
    workflow: bool | None,
    hook: bool | None,
    action: str,
    yes: bool,
    no_input: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Set up what building this project with bom takes, and say what to do next.

    On a terminal it asks. What is there already is kept. How the project is built, its manifests
    say, or COMMAND.
    """
    from bom.initialise import at, initialised, needs_key, next_steps

    if yes and no_input:
        raise BomError("--yes and --no-input exclude each other", hint="leave one out")
    environment = dict(os.environ)
    project, kinds = at(Path.cwd(), environment, kind, action, command)
    given: dict[Piece, bool | None] = {
        "settings": settings,
        "key": key,
        "workflow": workflow,
        "hook": hook,
    }
    asking = sys.stdin.isatty() and not (yes or no_input)
    if asking and not any(given.values()):
        pieces = _asked(project, given)
    else:
        pieces = [name for name, value in given.items() if value or (yes and value is None)]
    if not pieces:
        raise BomError(
            "nothing was chosen, and nothing is written",
            hint="say --yes, or name what to write: --settings, --key, --workflow, --hook",
        )
    passphrase = None
    if "key" in pieces and not dry_run and needs_key(environment):
        passphrase = _passphrase(ask=asking)
    done = initialised(project, pieces, passphrase=passphrase, force=force, dry=dry_run)
    _print(project, kinds, done, next_steps(project, done), dry=dry_run, as_json=as_json)


def _asked(project: Project, given: dict[Piece, bool | None]) -> list[Piece]:
    """What the user says yes to; what an option excludes is not asked for."""
    from bom.report.text import inert

    words = inert(" ".join(project.found.command))
    click.echo(f"this is built by `{words}` ({project.found.kind})", err=True)
    return [
        name
        for name, question in _QUESTIONS.items()
        if given[name] is None and click.confirm(f"{question}?", default=True, err=True)
    ]


def _passphrase(*, ask: bool) -> bytes | None:
    from bom.cli.passphrase import VARIABLE

    if stated := os.environ.get(VARIABLE):
        return os.fsencode(stated)
    if not ask:
        return None
    answer: str = click.prompt(
        "passphrase of the new key (empty: none)",
        default="",
        show_default=False,
        hide_input=True,
        confirmation_prompt=True,
        err=True,
    )
    return os.fsencode(answer) or None


def _print(
    project: Project,
    kinds: tuple[Kind, ...],
    done: tuple[Done, ...],
    steps: tuple[str, ...],
    *,
    dry: bool,
    as_json: bool,
) -> None:
    from bom.report.initialised import InitRecord, PieceRecord, init_text
    from bom.report.text import json_lines

    def shown(path: Path) -> str:
        inside = path.is_relative_to(project.root)
        return path.relative_to(project.root).as_posix() if inside else str(path)

    record = InitRecord(
        dry_run=dry,
        kind=project.found.kind,
        kinds=list(kinds),
        pieces=[
            PieceRecord(piece=item.piece, path=shown(item.path), state=item.state, why=item.why)
            for item in done
        ],
        next=list(steps),
    )
    if as_json:
        click.echo(json_lines(record.model_dump()))
    elif not loudness.quiet():
        click.echo(init_text(record), nl=False)
