"""What a build by podman or buildah is given: which context, which Containerfiles, which ignore
file (podman-build(1), buildah-build(1), containerignore(5); where those are silent, as the
programs were seen to do it)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder.images import context, stdin
from bom.builder.images.context import Dialect, Given
from bom.builder.podman.command import STDIN
from bom.errors import BomError
from bom.model import Gap, Material

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.builder.images.context import BuildInputs
    from bom.builder.podman.command import PodmanCommand

NAMES: Final = ("Containerfile", "Dockerfile")
_OWN_IGNORE: Final = (".dockerignore", ".containerignore")  # beside a Containerfile, first counts
_FIRST_FROM: Final = re.compile(r"^(\s*FROM\s+(?:--\S+\s+)*)\S+", re.IGNORECASE | re.MULTILINE)
_PREPROCESSED: Final = ".in"  # goes through the C preprocessor before it is read
DIALECT: Final = Dialect(
    walk="classic",
    matcher="20.10",
    reader="imagebuilder",
    dockerfiles=NAMES,
    ignore_files=(".containerignore", ".dockerignore"),
    own_ignore_file=False,
    named_ignore=False,
    frontend="buildah",
)


def read(
    command: PodmanCommand,
    *,
    cwd: Path,
    root: Path,
    outputs: Sequence[Path],
    spool: Path,
    state: Path | None = None,
) -> BuildInputs:
    """The inputs of this build with their digests. Standard input is kept in the folder `spool`
    where the build reads it, and the Containerfile is put together there where several make one,
    in order, or `--from` changes what it says. `state`: as for context.read. Raises BomError for
    what is not there."""
    place, files = _places(command, cwd)
    named = (text.partition("=") for text in command.values("build-context"))
    # a Containerfile from here, where the context is a tar that may hold one of its own
    beside = Path(files[0]) if place == STDIN and files and Path(files[0]).is_absolute() else None
    given = Given(
        context=place,
        dockerfile=files[0] if files and beside is None else "",
        named=tuple((label, _named(where)) for label, _, where in named),
        ignore_file=_ignore_file(command, place, cwd),
        stdin=stdin.spool(spool) if command.reads_stdin else None,
    )
    inputs = context.read(given, DIALECT, cwd=cwd, root=root, outputs=outputs, state=state)
    if beside is not None:
        inputs = _with_file(inputs, beside, root)
    return _as_built(_joined(inputs, files[1:], cwd, root, spool), command, spool)


def without_context_digest(inputs: BuildInputs) -> BuildInputs:
    """The same, where a remote podman packs the context by rules of its own."""
    kept = [
        fact
        for fact in inputs.observations
        if not (isinstance(fact, Material) and fact.kind == "context")
    ]
    why = "podman sends it to another machine, and packs it by rules that are not known here"
    return replace(inputs, observations=(*kept, Gap("context.digest", "the build context", why)))


def _places(command: PodmanCommand, cwd: Path) -> tuple[str, tuple[str, ...]]:
    """The context, as a path from the working directory or a URL, and where the Containerfiles
    are; none where they are looked for in the context."""
    if command.words:
        place = command.words[0]
        if command.program == "buildah" and not command.files and (cwd / place).is_file():
            return str(Path(place).parent), (str(cwd / place),)
    elif command.program == "buildah":
        place = "."
    elif command.reads_stdin:
        return STDIN, ()
    else:
        local = next((name for name in command.files if not context.is_remote(name)), "")
        if not local:
            raise BomError(
                "podman is given neither a context nor a Containerfile",
                hint="usually the last word is the folder to build: `.`",
            )
        place = str(Path(local).parent)
    return place, tuple(_file(name, place, cwd) for name in command.files)


def _named(place: str) -> str:
    """A named context as docker says it; the schemes for images are other ones here."""
    for scheme in ("docker://", "container-image://"):
        if place.startswith(scheme):
            return "docker-image://" + place.removeprefix(scheme)
    return place


def _file(name: str, place: str, cwd: Path) -> str:
    """Where a Containerfile that is named with -f is: counted from the working directory, else
    from the context; a folder means the Containerfile in it."""
    if name == "/dev/stdin":
        return STDIN
    if name == STDIN or context.is_remote(name):
        return name
    if place == STDIN or context.is_remote(place):
        return str(cwd / name) if (cwd / name).is_file() else name
    found = cwd / name
    if not found.exists() and (cwd / place / name).exists():
        found = cwd / place / name
    if found.is_dir():
        inside = (found / file for file in NAMES)
        found = next((path for path in inside if path.is_file()), found / NAMES[0])
    return str(found)


def _ignore_file(command: PodmanCommand, place: str, cwd: Path) -> str:
    """The ignore file that goes before those of the context: the one that is named, else the one
    beside the Containerfile, whose path counts from the context even where it was found from the
    working directory."""
    if named := command.value("ignorefile"):
        if not (cwd / named).is_file():
            raise BomError(f"there is no ignore file {named}", hint="see --ignorefile")
        return str(cwd / named)
    if place == STDIN or context.is_remote(place):
        return ""
    folder = cwd / place
    names = command.files or tuple(name for name in NAMES if (folder / name).is_file())[:1]
    for name in names:
        if name == STDIN or context.is_remote(name):
            continue
        beside = folder / name
        if not command.words and command.program == "podman":
            beside = cwd / name  # podman makes the path absolute where it gives the context
        for ending in _OWN_IGNORE:
            path = beside.with_name(beside.name + ending)
            if path.is_file():
                return str(path)
    return ""


def _with_file(inputs: BuildInputs, path: Path, root: Path) -> BuildInputs:
    """The inputs with this Containerfile in place of the one in the context."""
    others = (
        fact
        for fact in inputs.observations
        if not (isinstance(fact, Material) and fact.kind == "dockerfile")
    )
    facts = (*others, context.file_material("dockerfile", path, root))
    return replace(inputs, dockerfile=path, builders_dockerfile="", observations=facts)


def _joined(
    inputs: BuildInputs, more: Sequence[str], cwd: Path, root: Path, spool: Path
) -> BuildInputs:
    """The inputs with further Containerfiles, which go on where the one before ends."""
    if not more:
        return inputs
    remote = any(context.is_remote(name) for name in more)
    facts = [*inputs.observations]
    texts = [context.text(inputs.dockerfile)] if inputs.dockerfile is not None else []
    for name in more:
        if context.is_remote(name):
            facts.append(Gap("dockerfile.digest", "the Dockerfile", "the builder fetches it"))
            continue
        path = cwd / name
        facts.append(context.file_material("dockerfile", path, root))
        texts.append(context.text(path))
    if remote or inputs.dockerfile is None:
        return replace(inputs, dockerfile=None, observations=tuple(facts))
    whole = spool / "Containerfile"
    whole.write_text("\n".join(texts), encoding="utf-8", errors="surrogateescape")
    return replace(inputs, dockerfile=whole, observations=tuple(facts))


def _as_built(inputs: BuildInputs, command: PodmanCommand, spool: Path) -> BuildInputs:
    """The inputs with the Containerfile as the builder takes it, so far as it is known."""
    if inputs.dockerfile is None:
        return inputs
    if any(name.endswith(_PREPROCESSED) for name in command.files):
        why = "it goes through the C preprocessor: the images that it names are not known"
        gap = Gap("base-image.role", "the Dockerfile", why)
        return replace(inputs, dockerfile=None, observations=(*inputs.observations, gap))
    if base := command.value("from"):
        text = context.text(inputs.dockerfile)
        changed = spool / "Containerfile.from"
        changed.write_text(
            _FIRST_FROM.sub(lambda found: found[1] + base, text, count=1),
            encoding="utf-8",
            errors="surrogateescape",
        )
        return replace(inputs, dockerfile=changed)
    return inputs
