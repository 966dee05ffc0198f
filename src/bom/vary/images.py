"""Building images a second time: the engine runs the steps, so what is changed for its client
doesn't reach them. What does, a small build of our own says, in the same engine and from the same
base."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom.builder import builder_for
from bom.builder.kept import Images, images_of, kept
from bom.builder.uncached import uncached as without_cache
from bom.model import Material, RunDetail
from bom.vary.sight import Sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.builder.protocol import Artifact, BuildRequest
    from bom.vary.protocol import Place

# What is changed for a build of images: what may come with its context.
IN_CONTEXT: Final = frozenset(("path", "file-order", "file-modes", "environment"))
# What the probe asks for: the factors, and that time has passed and nothing came from the cache.
TIME: Final = "time"
NAMES: Final = (
    *("clock", "environment", "file-modes", "file-order", "hash-seed", "hostname", "locale"),
    *("path", "processors", TIME, "timezone", "umask", "user"),
)
_SCRIPT: Final = """\
say() { printf 'bom-probe:%s=%s\\n' "$1" "$2"; }
say clock "$(date -u +%Y-%m)"
say environment "${BUILD_NOISE-none}"
say file-modes "$(ls -ld /bom-probe/a | cut -c1-10)"
say file-order "$(ls -U /bom-probe | tr '\\n' ' ')"
say hash-seed "$(python3 -c 'print(hash("seed"))' 2>/dev/null)"
say hostname "$(uname -n)"
say locale "${LC_ALL-none} ${LANG-none}"
say path "$(pwd)"
say processors "$(nproc)"
read -r up rest < /proc/uptime  # two probes may fall into one second
say time "$(date +%s) $up"
say timezone "$(date +%z)"
say umask "$(umask)"
say user "$(id -u) ${USER-none} ${HOME-none}"
"""
_LINE: Final = re.compile(rb"bom-probe:([a-z-]+)=([^\r\n]*)")
_FILES: Final = ("a", "b", "c", "d", "e", "f", "g", "h")
_PUSHES: Final = re.compile(
    r"--push(?:=(?:1|t|true))?|.*\btype=registry\b.*|.*\bpush=true\b.*", re.I
)
_BASES: Final = ("base-image", "build-image")
_SCRATCH: Final = "scratch"
_PLAIN: Final = {"BUILDKIT_PROGRESS": "plain", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
_PATIENCE: Final = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Engine:
    """The store of a build's images; None: the command makes them in some way of its own."""

    images: Images | None

    def remove_unnamed(self, made: Iterable[Artifact], before: Iterable[Artifact]) -> None:
        """Take away the images of a second build that nothing names."""
        if self.images is None:
            return
        old = {_id(item) for item in before}
        for item in made:
            identity = item.subject.image
            if identity is not None and not identity.tags and _id(item) not in {*old, ""}:
                self.images.remove(_id(item))


def is_image_build(request: BuildRequest) -> bool:
    """Whether an engine makes what the command makes."""
    return builder_for(request.command, request.images).name != "files"


def pushes(command: Sequence[str]) -> bool:
    """Whether the command line asks for a push."""
    return any(_PUSHES.fullmatch(word) for word in command)


def uncached(request: BuildRequest) -> BuildRequest:
    """The request without the build cache. The image stays as it is built: what is normalised is
    a file, and nothing of it goes back into the engine."""
    command = without_cache(request.command, request.images)
    return replace(request, command=command, normalise=None)


@contextmanager
def engine(request: BuildRequest, artifacts: Sequence[Artifact]) -> Iterator[Engine]:
    """The images' store. While this is open names may move; then they are as they were."""
    names = tuple(
        dict.fromkeys(
            (*request.images, *(tag for item in artifacts for tag in _tags(item))),
        )
    )
    if request.images:
        found: Images | None = Images(
            ("docker",), "docker", names, request.environment, request.cwd
        )
    else:
        found = images_of(request.command, names, request.environment, request.cwd)
    with kept(found):
        yield Engine(found)


def probed(
    store: Engine,
    request: BuildRequest,
    artifacts: Sequence[Artifact],
    places: tuple[Place, Place],
    folders: tuple[Path, Path],
) -> Sight:
    """What a step sees in both builds; nothing where no base of theirs can be built from.
    `folders`: new ones for the contexts, on the file systems of both."""
    images = store.images
    if images is None or request.images:
        return Sight({}, {})
    bases = [base for base in _bases(artifacts) if images.find(base)]
    for base in (*bases, _SCRATCH):
        seen = []
        for place, folder, names in zip(places, folders, (_FILES, _FILES[::-1]), strict=True):
            _context(folder, base, place, names)
            seen.append(_seen(images, request, place, folder, base))
            shutil.rmtree(folder)
        if all(seen):
            return Sight(*seen)
    return Sight({}, {})


def _context(folder: Path, base: str, place: Place, names: Iterable[str]) -> None:
    folder.mkdir(parents=True)
    mode = 0o644
    if place.files:
        mode = (place.source / place.files[0]).stat().st_mode & 0o777
    for name in names:
        (folder / name).touch()
        (folder / name).chmod(mode)
    (folder / "see.sh").write_text(_SCRIPT)
    steps = [f"FROM {base}", "COPY . /bom-probe/"]
    if base != _SCRATCH:
        steps.append("RUN sh /bom-probe/see.sh")
    (folder / "Dockerfile").write_text("\n".join([*steps, ""]))


def _seen(
    images: Images, request: BuildRequest, place: Place, folder: Path, base: str
) -> Mapping[str, str]:
    """What one probe's build saw; empty where it failed. Nothing of it stays."""
    tag = f"bom-probe:{os.urandom(6).hex()}"
    words = ("build", "--no-cache", *_network(request), "-t", tag, str(folder))
    environment = {**place.environment, **_PLAIN}
    try:
        printed = _run((*images.prefix, *words), request, environment)
        if base != _SCRATCH or not printed:
            return {
                name.decode("ascii"): value.decode("utf-8", "replace").strip()
                for name, value in _LINE.findall(printed)
            }
        return _shipped(_run((*images.prefix, "save", tag), request, environment))
    finally:
        if images.find(tag):
            images.remove(tag)


def _network(request: BuildRequest) -> tuple[str, ...]:
    """The build's own: on the host's network a step sees the host's name, too."""
    kind = builder_for(request.command).name
    value = ""
    if kind == "docker":
        from bom.builder.docker.command import parse

        value = parse(request.command).value("network")
    elif kind == "podman":
        from bom.builder.podman.command import parse as parse_podman

        value = parse_podman(request.command).value("network")
    return (f"--network={value}",) if value else ()


def _run(argv: tuple[str, ...], request: BuildRequest, environment: Mapping[str, str]) -> bytes:
    """What it prints; empty where it fails."""
    saves = "save" in argv
    try:
        done = subprocess.run(
            argv,
            cwd=request.cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if saves else subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""


def _shipped(archive: bytes) -> Mapping[str, str]:
    """What an image that runs nothing shows: the mode of a copied file, the order in a layer."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
            for member in outer:
                if (blob := outer.extractfile(member)) is None:
                    continue
                try:
                    with tarfile.open(fileobj=io.BytesIO(blob.read())) as layer:
                        names = [part.name for part in layer if part.isfile()]
                        if names:
                            mode = layer.getmember("bom-probe/a").mode
                            return {"file-modes": f"{mode:o}", "file-order": " ".join(names)}
                except (tarfile.TarError, KeyError, EOFError, zlib.error):
                    continue  # no layer
    except (tarfile.TarError, EOFError):
        return {}
    return {}


def _bases(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """The images that steps of the builds begin with, each once."""
    return tuple(
        dict.fromkeys(
            fact.name
            for item in artifacts
            for fact in item.observations
            if isinstance(fact, Material) and fact.kind in _BASES
        )
    )


def _tags(artifact: Artifact) -> tuple[str, ...]:
    return artifact.subject.image.tags if artifact.subject.image is not None else ()


def _id(artifact: Artifact) -> str:
    """The engine's own, "" where it isn't known."""
    return next(
        (
            fact.value
            for fact in artifact.observations
            if isinstance(fact, RunDetail) and fact.name == "image.id"
        ),
        "",
    )
