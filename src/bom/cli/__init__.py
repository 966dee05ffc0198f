"""The command line: one module per verb, loaded only when it is called for.

Errors become text here and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

import click

from bom import __version__
from bom.cli import loudness, stopping, streams
from bom.errors import LACKING, OWN_FAILURE, WRONG_CALL, BomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

# verb -> one line of help, so that `bom --help` loads no verb
VERBS: Final = {
    "build": "Wrap a build; seal what it made.",
    "check": "Run a test or linter; keep its result for the next build.",
    "capsule": "All that a rebuild needs, in one file.",
    "lock": "Pin every input of the build in bom.lock.",
    "scan": "A BOM of an image, an archive or a directory.",
    "verify": "Signature, bytes and completeness of an artifact, offline.",
    "install": "Verify an artifact, then install it with every byte checked.",
    "rebuild": "Build an artifact again from what its BOM records, and compare.",
    "show": "What an artifact says of itself.",
    "diff": "What changed between two artifacts.",
    "audit": "Known vulnerabilities of what ships.",
    "checksums": "Checksums of all external packages, in one file.",
    "strip": "The artifact as it was built.",
    "key": "Make and show signing keys.",
    "init": "Set a project up: bom.toml, a key, a workflow, a hook.",
    "doctor": "What this machine can observe, sign and build.",
    "completion": "Completion for a shell.",
}
# What other programs call it -> the verb, for who types that.
_SYNONYMS: Final = {
    "sign": "build",
    "seal": "build",
    "wrap": "build",
    "sbom": "scan",
    "generate": "scan",
    "inspect": "show",
    "view": "show",
    "compare": "diff",
    "unseal": "strip",
    "keygen": "key",
    "test": "check",
    "setup": "init",
    "help": "--help",
    "version": "--version",
}
# These pass a wrapped command's exit code through, so their own failures need one of their own.
_WRAPPING: Final = {
    "build": "bom build -- python -m build",
    "check": "bom check unit -- pytest -q",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"bom.cli.{cmd_name}").command
        loudness.add_to(command)
        if ctx.resilient_parsing:
            _complete_paths(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(verb, help=line)
            for verb, line in VERBS.items()
            if verb.startswith(incomplete)
        ]
        # past click.Group, which would load every verb for its line of help
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in VERBS and not args[0].startswith("-"):
            near = _near(args[0])
            told = f" Did you mean '{near}'?" if near else ""
            raise click.UsageError(f"No such command '{args[0]}'.{told}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _near(word: str) -> str:
    """The verb that was probably meant; "" where none is near."""
    from difflib import get_close_matches

    if word.lower() in VERBS:
        return word.lower()
    return _SYNONYMS.get(word.lower()) or next(iter(get_close_matches(word, VERBS, 1)), "")


def _complete_paths(command: click.Command) -> None:
    """What may be a file is completed as one, though it may be something else, too (`-`,
    `docker:NAME`). Only while a shell asks: a call converts nothing by this."""
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and parameter.type in (
            click.STRING,
            click.UNPROCESSED,
        ):
            parameter.type = click.Path()


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`bom VERB --help` tells more of a verb.",
)
@loudness.options
@click.version_option(__version__, prog_name="bom", message="%(prog)s %(version)s")
def bom() -> None:
    """Wrap a build, and what it makes carries its own signed bill of materials."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code (docs/exit-codes.md)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    streams.fill()
    stopping.install()
    code = _run(given)
    stopping.end_at_once()
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    verb = next((word for word in arguments if not word.startswith("-")), "")
    wrapping = verb in _WRAPPING
    own = OWN_FAILURE if wrapping else WRONG_CALL
    try:
        code = bom.main(arguments, prog_name="bom", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except BomError as error:
        return _say(error.reason, error.hint, own if wrapping else error.exit_code, wrapping)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return own
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "bom"
        hint = _misplaced(error, arguments) or f"{path} --help"
        if wrapping and "--" not in arguments:
            hint = f"the command goes after `--`: {_WRAPPING[verb]}"
        return _say(error.format_message(), hint, own, wrapping)
    except click.ClickException as error:
        return _say(error.format_message(), "", own, wrapping)
    except (KeyboardInterrupt, click.Abort):
        stopping.end_at_once()
        return _say("interrupted", "", 128 + signal.SIGINT, wrapping)
    except SystemExit as stop:  # SIGTERM or SIGHUP, see stopping
        # click's answer to a shell that completes ends so, too, with 0 or 1
        if isinstance(stop.code, int) and stop.code > 128:
            with suppress(OSError):  # of a terminal that has gone
                _say("stopped by a signal", "", stop.code, wrapping)
        raise
    except BrokenPipeError:
        # the reader of our output has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except MemoryError:
        return _say("there is not enough memory", "", own if wrapping else LACKING, wrapping)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}", "", own, wrapping)


def _misplaced(error: click.UsageError, arguments: list[str]) -> str:
    """Where an option belongs that stands before the verb; "" where it is no verb's."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None or error.ctx.parent:
        return ""
    verb = next((word for word in arguments if word in VERBS), "")
    command = bom.get_command(error.ctx, verb)
    if command is None or not any(error.option_name in item.opts for item in command.params):
        return ""
    return f"an option of a verb goes after it: bom {verb} {error.option_name}"


def _say(reason: str, hint: str, code: int, wrapping: bool) -> int:
    from bom.report.text import inert

    click.echo(f"error: {inert(reason)}", err=True)
    if hint:
        click.echo(f"hint: {inert(hint)}", err=True)
    if wrapping:
        click.echo(f"bom: this exit code {code} is bom's own, not the command's", err=True)
    return code
