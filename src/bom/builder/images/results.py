"""What an image build leaves, by its outputs: known before it runs.

`--output` is read as the clients read it: BuildKit's exporters are in "Exporters overview" of
docs.docker.com/build/exporters, the short forms in `docker buildx build`, "--output".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from bom.builder.pflag import FALSE, TRUE, csv_words
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ArchiveForm = Literal["docker", "oci"]

_STDOUT: Final = "-"


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image in the engine."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An image in a file of its own: a docker archive or an OCI layout in a tar."""

    path: Path
    form: ArchiveForm


@dataclass(frozen=True, slots=True)
class RootFsTar:
    """The final file system as a tar."""

    path: Path


@dataclass(frozen=True, slots=True)
class RootFsFolder:
    """The final file system, unpacked into a folder."""

    path: Path


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image in a registry, under the names that the build gives it."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing that could be sealed. `reason`: why, as a sentence's beginning and end. `is_build`:
    whether something is built all the same, which the user may have wanted sealed."""

    reason: str
    is_build: bool = False


Result = EngineImage | ArchiveFile | RootFsTar | RootFsFolder | Pushed | Nothing


def of_outputs(
    outputs: Sequence[Mapping[str, str]], cwd: Path, *, load: bool = False, push: bool = False
) -> tuple[Result, ...]:
    """What a build with these outputs leaves. `load`, `push`: the options of these names, which
    add an output unless one of that type is there."""
    found: dict[Result, None] = {}
    kinds = [fields.get("type", "") for fields in outputs]
    for fields in outputs:
        found[Pushed() if push and fields.get("type") == "image" else _result(fields, cwd)] = None
    if push:
        found[Pushed()] = None
    if load and "docker" not in kinds:  # buildx adds it beside none of that type, dest or not
        found[EngineImage()] = None
    if not found:
        return (EngineImage(),)
    sealed = [item for item in found if not isinstance(item, Nothing)]
    return tuple(sealed or found)


def _result(fields: Mapping[str, str], cwd: Path) -> Result:
    kind, destination = fields.get("type", ""), fields.get("dest", "")
    match kind:
        case "image" | "registry":
            pushes = kind == "registry" or fields.get("push", "") in TRUE
            return Pushed() if pushes else EngineImage()
        case "docker" | "oci":
            if kind == "docker" and not destination:
                return _loaded(fields)
            if fields.get("tar", "") in FALSE:
                raise BomError(
                    f"the output type={kind},tar=false leaves a folder, which can't carry a seal",
                    hint=f"let it be a file: -o type={kind},dest=app.tar",
                )
            return ArchiveFile(
                _file(kind, destination, cwd), "docker" if kind == "docker" else "oci"
            )
        case "tar":
            return RootFsTar(_file(kind, destination, cwd))
        case "local":
            return RootFsFolder(_folder(destination, cwd))
        case "cacheonly":
            return Nothing("the output type=cacheonly leaves nothing but the cache", is_build=True)
    raise BomError(
        f"what the output type={kind:.80} leaves is not known here",
        hint="types that can be sealed: docker, oci, image, tar, local",
    )


def _loaded(fields: Mapping[str, str]) -> Result:
    if context := fields.get("context", ""):
        raise BomError(
            f"the output loads the image into the engine of the context {context:.80}",
            hint="leave `context` out of it, and name the context to the client: docker --context",
        )
    return EngineImage()


def _file(kind: str, destination: str, cwd: Path) -> Path:
    path = cwd / destination
    if destination in ("", _STDOUT) or (path.exists() and not (path.is_file() or path.is_dir())):
        raise BomError(
            f"the output type={kind} goes to no file here, and a stream can't be sealed",
            hint=f"give it a file, which is sealed in place: -o type={kind},dest=app.tar",
        )
    return path.resolve() if path.is_symlink() else path  # the build writes through a link


def _folder(destination: str, cwd: Path) -> Path:
    if destination in ("", _STDOUT):
        raise BomError(
            "the output type=local names no folder", hint="name one: -o type=local,dest=out"
        )
    return cwd / destination


def parse_output(text: str) -> dict[str, str]:
    """The fields of an `--output` value; a bare path means `type=local`, `-` means `type=tar`."""
    parts = csv_words(text, "an --output")
    if parts == [text] and not text.startswith("type="):
        return {"type": "tar" if text == "-" else "local", "dest": text}
    fields = {}
    for part in parts:
        key, _, value = part.partition("=")
        fields[key.strip().lower()] = value
    return fields
