"""The command line of the docker client, read as the client reads it.

What a build can't be sealed from yet is refused here, before it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

from bom.builder.docker import grammar
from bom.builder.docker.grammar import Option
from bom.builder.images.results import parse_output
from bom.builder.pflag import FALSE, TRUE, WithOptions
from bom.catalog.images.reference import with_tag
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CLIENT: Final = "docker"
BUILDX_PROGRAM: Final = "docker-buildx"  # the plugin, as a program of its own

# Other programs that build images: known, so that the user hears of it before the build.
_OTHER_CLIENTS: Final = {
    "buildctl": {"build"},
    "docker-compose": {"build"},
    "nerdctl": {"build", "image build"},
}

Form = Literal["build", "buildx", "other", "none"]


@dataclass(frozen=True, slots=True)
class DockerCommand(WithOptions):
    """A `docker build` understood.

    `at`: the index in `argv` behind the subcommand's words, where an option can be added.
    `globals_end`: the index behind the client's own options: `argv[:globals_end]` runs any
    other subcommand against the same engine. `form`: "buildx" for `docker buildx build`. `alone`:
    buildx runs as a program of its own.
    """

    argv: tuple[str, ...]
    at: int
    globals_end: int
    form: Literal["build", "buildx"]
    client_options: tuple[Option, ...]
    options: tuple[Option, ...]
    context: str
    alone: bool = False

    @property
    def buildx(self) -> tuple[str, ...]:
        """What runs any other subcommand of buildx, against the same engine."""
        return (*self.argv[: self.globals_end], *(() if self.alone else ("buildx",)))

    def builder(self, environment: Mapping[str, str]) -> str:
        """The buildx builder that is named, "" for the default one."""
        return self.value("builder") or environment.get("BUILDX_BUILDER", "")

    @property
    def tags(self) -> tuple[str, ...]:
        """The names that the image gets, with their tag, in order, each once."""
        outputs = map(parse_output, self.values("output"))
        return self._named(item for item in outputs if item.get("push-by-digest", "") not in TRUE)

    @property
    def pushed(self) -> tuple[str, ...]:
        """The names, with a tag, of the repositories that a build which pushes pushes to: also
        where it gives no tag there (`push-by-digest`)."""
        return self._named(map(parse_output, self.values("output")))

    def _named(self, outputs: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
        names = list(self.values("tag"))
        if not names:  # they go before the names that an output gives
            for output in outputs:
                names.extend(filter(None, output.get("name", "").split(",")))
        return tuple(dict.fromkeys(with_tag(name) for name in names))

    def platforms(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The platforms that are asked for, in order; empty for the builder's own."""
        stated = self.values("platform") or (environment.get("DOCKER_DEFAULT_PLATFORM", ""),)
        parts = (part.strip() for value in stated for part in value.split(","))
        return tuple(dict.fromkeys(filter(None, parts)))

    @property
    def wants_attestations(self) -> bool:
        return any(self.values(name) for name in ("attest", "provenance", "sbom"))

    @property
    def makes_attestations(self) -> bool:
        """Whether one of them is asked for, and not only refused (`--provenance=false`)."""
        asked = {
            option.value
            for option in self.options
            if option.name in ("attest", "provenance", "sbom")
        }
        return any(value not in FALSE and "disabled=true" not in value for value in asked)

    def with_build_arg(self, argument: str) -> DockerCommand:
        """The same with one more build argument, `KEY=VALUE`."""
        return replace(
            self,
            argv=(*self.argv[: self.at], "--build-arg", argument, *self.argv[self.at :]),
            options=(*self.options, Option("build-arg", argument)),
        )

    def build_args(self, environment: Mapping[str, str]) -> tuple[Option, ...]:
        """The build arguments that have a value; `KEY` alone takes the environment's."""
        found = {}
        for text in self.values("build-arg"):
            name, equals, value = text.partition("=")
            if equals:
                found[name] = value
            elif name in environment:
                found[name] = environment[name]
        return tuple(Option(name, value) for name, value in sorted(found.items()))


def form_of(command: Sequence[str]) -> Form:
    """What kind of command this is: an image build of ours, another one, or none at all."""
    if not command:
        return "none"
    program = PurePath(command[0]).name
    if program in _OTHER_CLIENTS:
        words = [word for word in command[1:] if not word.startswith("-")]
        spelled = {" ".join(words[:1]), " ".join(words[:2])}
        return "other" if spelled & _OTHER_CLIENTS[program] else "none"
    if program == BUILDX_PROGRAM:
        return _form_of_buildx(command[1:])
    if program != CLIENT:
        return "none"
    try:
        _, index = grammar.leading(command, 1, grammar.GLOBAL)
    except BomError:
        return "none"
    words = list(command[index : index + 2])
    if words[:1] == ["build"] or words in (["image", "build"], ["builder", "build"]):
        return "build"
    if words[:1] == ["buildx"]:
        return _form_of_buildx(command[index + 1 :])
    if words[:1] == ["bake"] or (
        words[:1] == ["compose"] and {"build", "up", "publish"} & set(command[index:])
    ):
        return "other"
    return "none"


def _form_of_buildx(arguments: Sequence[str]) -> Form:
    words = [word for word in arguments if not word.startswith("-")]
    if {"build", "b"} & set(words[:2]):
        return "buildx"
    return "other" if {"bake", "f"} & set(words[:2]) else "none"


def parse(command: Sequence[str]) -> DockerCommand:
    """The build that `command` asks for.

    Raises BomError for what can't be sealed yet and for options that this reader doesn't know.
    """
    argv = tuple(command)
    form = form_of(argv)
    if form not in ("build", "buildx"):
        raise BomError(
            f"image builds by `{_words(argv)}` can't be wrapped yet",
            hint="use `docker build`, `docker buildx bake` or `docker compose build`",
        )
    alone = PurePath(argv[0]).name == BUILDX_PROGRAM
    client: tuple[Option, ...] = ()
    index = 1
    if not alone:
        client, index = grammar.leading(argv, 1, grammar.GLOBAL)
    globals_end = index
    options: list[Option] = []
    if form == "buildx":
        before, index = grammar.leading(argv, index if alone else index + 1, grammar.BUILDX)
        options.extend(before)
        if argv[index : index + 1] not in (("build",), ("b",)):
            raise BomError(
                f"the options between buildx and its subcommand are not understood: {argv[index]}",
                hint=f"put them behind `{'docker-buildx' if alone else 'docker buildx'} build`",
            )
        at = index + 1
    else:
        at = index + (1 if argv[index] == "build" else 2)
    found, contexts = grammar.all_of(argv, at, grammar.BUILD)
    options.extend(found)
    if len(contexts) != 1 and not _prints({o.name for o in (*client, *options)}):
        raise BomError(
            f"a build takes exactly one context, {len(contexts)} are given",
            hint="usually the last word is the folder to build: `.`",
        )
    parsed = DockerCommand(
        argv=argv,
        at=at,
        globals_end=globals_end,
        form="buildx" if form == "buildx" else "build",
        client_options=client,
        options=tuple(options),
        context=contexts[0] if contexts else "",
        alone=alone,
    )
    if not _prints({option.name for option in (*client, *options)}):
        _refuse(parsed)
    return parsed


def _prints(options: set[str]) -> bool:
    """Whether the client prints something of itself, whatever else is asked."""
    return bool(options & {"help", "version"})


def _refuse(command: DockerCommand) -> None:
    """Raise BomError for a build whose results can't be sealed."""
    if command.flag("detach"):
        raise BomError("a detached build ends before its image is there", hint="omit --detach")


def _words(argv: Sequence[str]) -> str:
    """The first words of a command that are no options: enough to say which one is meant."""
    shown = [PurePath(argv[0]).name, *(word for word in argv[1:] if not word.startswith("-"))]
    return " ".join(shown[:3])
