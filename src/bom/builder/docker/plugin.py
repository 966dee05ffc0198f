"""Calls of the client's plugins that build: `docker buildx bake`, `docker compose build`.

Each is a plugin (`docker compose`) or a program of its own (`docker-compose`), and both read their
options by the same grammar.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, Literal

from bom.builder.docker import grammar
from bom.builder.docker.command import BUILDX_PROGRAM, CLIENT, DockerCommand
from bom.builder.pflag import TRUE, Option, Options, WithOptions, all_of, last, leading
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Plugin = Literal["bake", "compose"]

COMPOSE_PROGRAM: Final = "docker-compose"
_NOTHING: Final = Path("/dev/null")
_PATIENCE: Final = 120.0  # seconds; a remote bake definition is fetched meanwhile

BAKE: Final = Options(
    values=frozenset(
        [
            "allow",
            "builder",
            "call",
            "file",
            "list",
            "list-variables",
            "metadata-file",
            "progress",
            "provenance",
            "sbom",
            "set",
            "var",
        ]
    ),
    flags=frozenset(
        ["check", "debug", "help", "list-targets", "load", "no-cache", "print", "pull", "push"]
    ),
    short={"f": "file", "D": "debug", "h": "help"},
    program="docker buildx bake",
)
COMPOSE: Final = Options(
    values=frozenset(
        [
            "ansi",
            "env-file",
            "file",
            "log-level",
            "parallel",
            "profile",
            "progress",
            "project-directory",
            "project-name",
            "workdir",
        ]
    ),
    flags=frozenset(
        ["all-resources", "compatibility", "dry-run", "help", "no-ansi", "verbose", "version"]
    ),
    short={"f": "file", "p": "project-name", "h": "help", "v": "version"},
    program="docker compose",
)
# What `docker-compose` 1 has of docker's own options, and 2 beside them.
COMPOSE_ALONE: Final = Options(
    values=COMPOSE.values | {"context", "host", "tlscacert", "tlscert", "tlskey"},
    flags=COMPOSE.flags | {"skip-hostname-check", "tls", "tlsverify"},
    short={**COMPOSE.short, "H": "host", "c": "context"},
    program=COMPOSE_PROGRAM,
)
COMPOSE_BUILD: Final = Options(
    values=frozenset(["build-arg", "builder", "memory", "progress", "provenance", "sbom", "ssh"]),
    flags=frozenset(
        [
            "check",
            "compress",
            "dry-run",
            "force-rm",
            "help",
            "no-cache",
            "no-rm",
            "parallel",
            "print",
            "pull",
            "push",
            "quiet",
            "with-dependencies",
        ]
    ),
    short={"m": "memory", "q": "quiet", "h": "help"},
    program="docker compose build",
)


@dataclass(frozen=True, slots=True)
class PluginCall(WithOptions):
    """A call understood.

    `argv[:before]` runs any other subcommand of the plugin; `at` is the index behind the
    subcommand's word, where an option can be added. `globals_end`: behind the client's own
    options. `alone`: the plugin runs as a program of its own. `words`: targets or services.
    """

    argv: tuple[str, ...]
    before: int
    at: int
    globals_end: int
    alone: bool
    client_options: tuple[Option, ...]
    plugin_options: tuple[Option, ...]
    options: tuple[Option, ...]
    words: tuple[str, ...]

    def plugin_flag(self, name: str) -> bool:
        """Whether a flag stands between the plugin and its subcommand."""
        return any(o.name == name and o.value in TRUE for o in self.plugin_options)

    def plugin_value(self, name: str) -> str:
        """The last value of an option between the plugin and its subcommand, "" without."""
        return last(self.plugin_options, name)

    def with_options(self, name: str, values: Sequence[str]) -> PluginCall:
        """The same with an option of the subcommand once more for each value."""
        words = tuple(word for value in values for word in (f"--{name}", value))
        return replace(
            self,
            argv=(*self.argv[: self.at], *words, *self.argv[self.at :]),
            options=(*self.options, *(Option(name, value) for value in values)),
        )

    @property
    def wants_help(self) -> bool:
        given = (*self.client_options, *self.plugin_options, *self.options)
        return any(option.name in ("help", "version") for option in given)

    def as_build(self, form: Literal["build", "buildx"]) -> DockerCommand:
        """The same client, engine and builder, as a build names them."""
        builder = tuple(o for o in (*self.plugin_options, *self.options) if o.name == "builder")
        return DockerCommand(
            self.argv,
            self.at,
            self.globals_end,
            form,
            self.client_options,
            builder,
            ".",
            alone=self.alone,
        )


def plugin_of(command: Sequence[str]) -> Plugin | None:
    """Which of the plugins builds here; None for every other command."""
    if not command:
        return None
    try:
        place = _place(tuple(command))
    except BomError:
        return None
    return place.plugin if place is not None else None


def parse(command: Sequence[str]) -> PluginCall:
    """The call. Raises BomError for options that this reader doesn't know."""
    argv = tuple(command)
    place = _place(argv)
    if place is None:
        raise BomError("this is no call of bake or compose")
    table = BAKE if place.plugin == "bake" else COMPOSE_BUILD
    options, words = all_of(argv, place.at, table)
    # `docker-buildx` and `docker-compose` take the options that lead to an engine themselves
    client = place.client if not place.alone else place.between
    return PluginCall(
        argv=argv,
        before=place.at - 1,
        at=place.at,
        globals_end=place.globals_end,
        alone=place.alone,
        client_options=client,
        plugin_options=place.between,
        options=options,
        words=words,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    plugin: Plugin
    at: int
    globals_end: int
    alone: bool
    client: tuple[Option, ...]
    between: tuple[Option, ...]


def _place(argv: tuple[str, ...]) -> _Place | None:
    program = PurePath(argv[0]).name
    client: tuple[Option, ...] = ()
    start = 1
    alone = program in (BUILDX_PROGRAM, COMPOSE_PROGRAM)
    if program == CLIENT:
        client, start = leading(argv, 1, grammar.GLOBAL)
        name = argv[start] if start < len(argv) else ""
        if name == "bake":
            return _Place("bake", start + 1, start, False, client, ())
        begin = start + 1
    elif alone:
        name = program.removeprefix("docker-")
        begin = start
    else:
        return None
    if name == "buildx":
        between, index = leading(argv, begin, grammar.BUILDX)
        if argv[index : index + 1] in (("bake",), ("f",)):
            return _Place("bake", index + 1, start, alone, client, between)
    if name == "compose":
        between, index = leading(argv, begin, COMPOSE_ALONE if alone else COMPOSE)
        if argv[index : index + 1] == ("build",):
            return _Place("compose", index + 1, start, alone, client, between)
    return None


def ask(
    shown: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    stdin: Path | None = None,
) -> bytes:
    """What the client answers. `shown`: how the question is called. Raises BomError with the
    client's own words where it refuses, EnvironmentLacks where it isn't there."""
    try:
        with (stdin or _NOTHING).open("rb") as given:
            done = subprocess.run(
                list(argv),
                env=dict(environment),
                cwd=cwd,
                stdin=given,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
    except FileNotFoundError as error:
        raise EnvironmentLacks(
            f"the client `{argv[0]}` is not there", hint="install it, or put it on PATH"
        ) from error
    except OSError as error:
        raise EnvironmentLacks(f"`{argv[0]}` can't be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise BomError(
            f"`{shown}` does not say within {_PATIENCE:.0f} s what it would build"
        ) from error
    if done.returncode:
        raise BomError(
            f"`{shown}` can't say what it would build: {_last_line(done.stderr)}",
            hint="the build itself would end so; run it without `bom build` to see all of it",
        )
    return done.stdout


def _last_line(text: bytes) -> str:
    from bom import redact
    from bom.printable import printable_name

    lines = [line for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    return printable_name(redact.text(lines[-1].strip()[:300])) if lines else "it gives no reason"
