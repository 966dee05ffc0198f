"""The command lines of podman and buildah, read as they read them.

What a build can't be sealed from is refused here, before it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

from bom.builder import pflag
from bom.builder.pflag import TRUE, WithOptions, csv_words
from bom.builder.podman import grammar
from bom.catalog.images.reference import with_tag
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bom.builder.pflag import Option, Options

Program = Literal["podman", "buildah"]
Form = Literal["build", "other", "none"]
STDIN: Final = "-"
_STDIN: Final = (STDIN, "/dev/stdin")
_BUILDS: Final[Mapping[Program, tuple[tuple[str, ...], ...]]] = {
    "podman": (("build",), ("image", "build"), ("buildx", "build"), ("builder", "build")),
    "buildah": (("build",), ("bud",), ("build-using-dockerfile",)),
}
_REMOTE: Final = "podman-remote"  # podman without the part that builds
_OTHERS: Final = ("farm", "compose")  # of podman: builds that leave their images elsewhere
# Names that containers/image takes for a transport: the image goes there instead of the storage.
_TRANSPORTS: Final = (
    "containers-storage:",
    "dir:",
    "docker-archive:",
    "docker-daemon:",
    "docker:",
    "oci-archive:",
    "oci:",
    "ostree:",
    "sif:",
)


@dataclass(frozen=True, slots=True)
class PodmanCommand(WithOptions):
    """A build by podman or buildah, understood.

    `at`: the index in `argv` behind the subcommand's words, where an option can be added.
    `globals_end`: the index behind the program's own options. `words`: what is no option; the
    first is the context.
    """

    argv: tuple[str, ...]
    program: Program
    at: int
    globals_end: int
    client_options: tuple[Option, ...]
    options: tuple[Option, ...]
    words: tuple[str, ...]

    @property
    def prints(self) -> bool:
        """Whether it only prints a help text or a version."""
        asked = {option.name for option in (*self.client_options, *self.options)}
        return bool(asked & {"help", "version"})

    @property
    def reads_stdin(self) -> bool:
        """Whether the context or a Containerfile comes by standard input."""
        return self.words == (STDIN,) or any(name in _STDIN for name in self.files)

    @property
    def question(self) -> tuple[str, ...]:
        """What a question to the same storage begins with, behind the program's name: its own
        options, without --noout, which would swallow the answer."""
        return tuple(
            word for word in self.argv[1 : self.globals_end] if word not in ("--noout", "--out")
        )

    @property
    def tags(self) -> tuple[str, ...]:
        """The names that the image gets in the storage, in order, each once."""
        return tuple(dict.fromkeys(stored_name(name) for name in self.values("tag")))

    @property
    def files(self) -> tuple[str, ...]:
        """The Containerfiles that are named; `-f a,b` names two."""
        return tuple(
            name for value in self.values("file") for name in csv_words(value, "a --file") if name
        )

    def image_format(self, environment: Mapping[str, str]) -> str:
        """The format that is asked for ("oci" or "docker"), "" where the default is taken."""
        asked = (self.value("format") or environment.get("BUILDAH_FORMAT", "")).lower()
        return next((kind for kind in ("oci", "docker") if asked.startswith(kind)), "")

    def is_remote(self, environment: Mapping[str, str]) -> bool:
        """Whether podman only asks a service elsewhere to build."""
        if self.program != "podman":
            return False
        if self.client_value("remote") in TRUE or PurePath(self.argv[0]).name == _REMOTE:
            return True
        named = any(self.client_value(name) for name in ("connection", "url"))
        variables = ("CONTAINER_HOST", "CONTAINER_CONNECTION")
        return named or any(environment.get(name) for name in variables)

    def build_args(self, environment: Mapping[str, str], cwd: Path) -> Mapping[str, str]:
        """The build arguments that have a value, by name: of the files first; `KEY` alone takes
        the environment's. Raises BomError for a file that can't be read."""
        found: dict[str, str] = {}
        for file in self.values("build-arg-file"):
            try:
                lines = (cwd / file).read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError as error:
                raise BomError(
                    f"{file} can't be read: {error.strerror}", hint="see --build-arg-file"
                ) from error
            given = [line.strip() for line in lines]
            _put((line for line in given if line and not line.startswith("#")), environment, found)
        _put(self.values("build-arg"), environment, found)
        return dict(sorted(found.items()))


def form_of(command: Sequence[str]) -> Form:
    """What kind of command this is: an image build of podman or buildah, another one, or none."""
    program = _program(command)
    if program is None:
        return "none"
    try:
        _, index = pflag.leading(command, 1, _own_options(program))
    except BomError:
        return "none"
    if any(tuple(command[index : index + len(words)]) == words for words in _BUILDS[program]):
        return "build"
    if program == "podman" and command[index : index + 1] and command[index] in _OTHERS:
        return "other" if "build" in command[index + 1 :] else "none"
    return "none"


def parse(command: Sequence[str]) -> PodmanCommand:
    """The build that `command` asks for. Raises BomError for what can't be sealed and for options
    that this reader doesn't know."""
    argv = tuple(command)
    program = _program(argv)
    if program is None or form_of(argv) != "build":
        raise BomError(
            f"image builds by `{' '.join((PurePath(argv[0]).name, *argv[1:3]))}` can't be wrapped",
            hint="use `podman build`, one image a call",
        )
    client, index = pflag.leading(argv, 1, _own_options(program))
    words = next(w for w in _BUILDS[program] if argv[index : index + len(w)] == w)
    at = index + len(words)
    options, rest = pflag.all_of(argv, at, grammar.build_options(program))
    parsed = PodmanCommand(argv, program, at, index, client, options, rest)
    if not parsed.prints:
        _refuse(parsed)
    return parsed


def stored_name(name: str) -> str:
    """What a name given with -t is in the storage: names without a registry are localhost's
    (containers-registries.conf(5), "Short-name aliasing")."""
    first, slash, _ = name.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return with_tag(name if has_registry else f"localhost/{name}")


def _program(command: Sequence[str]) -> Program | None:
    name = PurePath(command[0]).name if command else ""
    return "podman" if name in ("podman", _REMOTE) else "buildah" if name == "buildah" else None


def _own_options(program: Program) -> Options:
    return grammar.PODMAN if program == "podman" else grammar.BUILDAH


def _put(texts: Iterable[str], environment: Mapping[str, str], found: dict[str, str]) -> None:
    for text in texts:
        name, equals, value = text.partition("=")
        if equals:
            found[name] = value
        elif name in environment:
            found[name] = environment[name]
        else:
            found.pop(name, None)


def _refuse(command: PodmanCommand) -> None:
    """Raise BomError for a build that leaves no single image in the storage."""
    if len(command.words) > 1:
        raise BomError(
            f"a build takes one context, {len(command.words)} are given",
            hint="usually the last word is the folder to build: `.`",
        )
    platforms = [part for value in command.values("platform") for part in value.split(",")]
    if len(platforms) > 1 or command.flag("all-platforms"):
        shown = ",".join(platforms) or "--all-platforms"
        raise BomError(
            f"builds for several platforms can't be sealed by {command.program} yet: {shown}",
            hint="build one platform a call",
        )
    if command.value("manifest"):
        raise BomError(
            "a build into a manifest list leaves no image of its own to seal",
            hint=f"build with -t, then `{command.program} manifest add` the image",
        )
    if command.flag("cleanup"):
        raise BomError("--cleanup removes the image that is to be sealed", hint="leave it out")
    if command.reads_stdin and (len(command.files) > 1 or command.flag("stdin")):
        raise BomError(
            "standard input is the Containerfile here, and more is asked of it",
            hint="give the build a Containerfile in a file",
        )
    for name in command.values("tag"):
        if name.startswith(_TRANSPORTS):
            raise BomError(
                f"`-t {name}` puts the image elsewhere than into the storage",
                hint="give it a plain name: -t app:1",
            )
