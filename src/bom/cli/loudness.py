"""`--quiet` and `--verbose`: how much a call says on standard error besides what it was asked for.

Both may stand before the verb (`bom -q verify ...`) and after it (`bom verify ... -q`). Quiet:
errors, warnings and findings only; data that was asked for (`--json`, a BOM, a report) is still
printed.
Verbose: which programs are run, which connections are opened, which steps begin, and when.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEY: Final = "bom.cli.loudness"
_QUIET: Final = "quiet"
_VERBOSE: Final = "verbose"
# What `bom check NAME COMMAND -q` means is the command's, though its `--` is missing.
_NOT_AFTER: Final = frozenset(("check",))


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Both options of the group itself; they stand in its help, and no parameter is passed."""
    for option in reversed(_options(hidden=False)):
        command = click.option(*option.opts, **_shape(option))(command)
    return command


def add_to(command: click.Command) -> None:
    """Let both stand after the verb as well, and after the verbs below it.

    They are not in the verbs' own help: `bom --help` explains them once for all.
    """
    if command.name in _NOT_AFTER:
        return
    taken = {name for parameter in command.params for name in parameter.opts}
    for option in _options(hidden=True):
        if not taken.intersection(option.opts):
            command.params.append(option)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            add_to(below)


def quiet() -> bool:
    """Whether the call that is being run is to say nothing but errors, warnings and findings."""
    return _chosen() == _QUIET


def verbose() -> bool:
    return _chosen() == _VERBOSE


def note(text: str, *, nl: bool = True) -> None:
    """What is good to know but nobody's data, on standard error; nothing under --quiet.

    `text` is printed as it is: whoever calls has made strangers' words inert.
    """
    if not quiet():
        click.echo(text, nl=nl, err=True)


def step(label: str) -> None:
    """A step that begins; said under --verbose alone."""
    if verbose():
        _TELLER.say(label)


def _chosen() -> str:
    context = click.get_current_context(silent=True)
    return "" if context is None else str(context.meta.get(_KEY, ""))


def _options(*, hidden: bool) -> list[click.Option]:
    return [
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            hidden=hidden,
            callback=_choose(_QUIET),
            help="Say nothing but errors, warnings and findings.",
        ),
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            hidden=hidden,
            callback=_choose(_VERBOSE),
            help="Say what is run, and when.",
        ),
    ]


def _shape(option: click.Option) -> dict[str, Any]:
    return {
        "is_flag": True,
        "expose_value": False,
        "is_eager": True,
        "callback": option.callback,
        "help": option.help,
    }


def _choose(what: str) -> Callable[[click.Context, click.Parameter, bool], bool]:
    def chosen(ctx: click.Context, _parameter: click.Parameter, given: bool) -> bool:
        if given and not ctx.resilient_parsing:
            before = ctx.meta.setdefault(_KEY, what)
            if before != what:
                raise click.UsageError("--quiet and --verbose exclude each other", ctx)
            if what == _VERBOSE:
                _TELLER.begin(ctx.find_root())
        return given

    return chosen


class _Teller:
    """Prints what Python's audit events say of programs and connections (PEP 578).

    One hook sees every process, whichever module or library starts it. A hook can't be taken
    away again, so it asks whether it is still wanted.
    """

    def __init__(self) -> None:
        self._hooked = self._wanted = False
        self._started = 0.0

    def begin(self, root: click.Context) -> None:
        if self._wanted:
            return
        # all that a line needs is loaded before: an import inside of a hook would wait for its own
        import bom.redact
        import bom.report.text

        assert bom.redact and bom.report.text
        self._started = time.monotonic()
        self._wanted = True
        root.call_on_close(self._end)
        if not self._hooked:
            self._hooked = True
            sys.addaudithook(self._heard)

    def say(self, text: str) -> None:
        from bom.report.text import inert

        line = f"[{time.monotonic() - self._started:8.3f} s] {inert(text)}\n"
        with suppress(OSError, ValueError):  # of a standard error that has gone
            sys.stderr.write(line)
            sys.stderr.flush()

    def _end(self) -> None:
        self.say("end")
        self._wanted = False

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._wanted:
            return
        if event == "subprocess.Popen":
            self.say(f"run {_line(arguments[1])}")
        elif event == "socket.connect":
            self.say(f"connect {_address(arguments[1])}")


_TELLER: Final = _Teller()


def _line(argv: object) -> str:
    """A command line with its secrets left out; absolute paths by their last name."""
    from bom import redact

    words = [argv] if isinstance(argv, str | bytes | os.PathLike) else _words(argv)
    texts = [os.fsdecode(word) for word in words]
    try:
        here = Path.cwd()
    except OSError:
        here = Path("/")
    known = redact.secrets_of(os.environ)
    return redact.command(texts, root=here, cwd=here, known=known)


def _words(argv: object) -> Sequence[Any]:
    return argv if isinstance(argv, list | tuple) else []


def _address(address: object) -> str:
    if isinstance(address, tuple):
        return ":".join(str(part) for part in address[:2])
    return shlex.quote(os.fsdecode(address)) if isinstance(address, str | bytes) else "a socket"
