"""The names of images in the user's engine, which a second build moves for as long as it takes.

The names stand inside an image's archive, so a build under others would give other bytes.
What a name stands for now is held under a name of our own meanwhile, so that no engine takes it
for something that nobody wants any more, and gets its name back on every way out.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.builder import builder_for
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

HELD: Final = "bom-rebuild-held"
_WORDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "docker": {
        "find": ("image", "inspect", "--format", "{{.Id}}"),
        "names": ("image", "inspect", "--format", "{{range .RepoTags}}{{println .}}{{end}}"),
        "tag": ("image", "tag"),
        "remove": ("image", "rm"),
    },
    "podman": {
        "find": ("image", "inspect", "--format", "{{.Id}}"),
        "names": ("image", "inspect", "--format", "{{range .RepoTags}}{{println .}}{{end}}"),
        "tag": ("image", "tag"),
        "remove": ("image", "rm"),
    },
    "buildah": {
        "find": ("inspect", "--type", "image", "--format", "{{.FromImageID}}"),
        # buildah tells the names of all images only; one ID a line
        "names": ("images", "--noheading", "--no-trunc", "--format", "{{.ID}} {{.Name}}", "--all"),
        "tag": ("tag",),
        "remove": ("rmi",),
    },
}


@dataclass(frozen=True, slots=True)
class Images:
    """The store of a command's images, asked by the command's own program. `prefix`: the program
    and its options that lead to the store. `names`: what the command gives there."""

    prefix: tuple[str, ...]
    program: str
    names: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path

    def find(self, name: str) -> str:
        """The ID of the image of this name, "" where there is none."""
        done = self._run("find", name)
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""

    def tag(self, image: str, name: str) -> None:
        """Raises BomError where the store refuses."""
        done = self._run("tag", image, name)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise BomError(f"{image} can't be named {name}: {said}", hint="see the engine's log")

    def remove(self, name: str) -> None:
        """A name; with its last one the image goes, unless it is in use."""
        self._run("remove", name)

    def drop(self, image: str) -> None:
        """An image by its ID, if nothing names it any more: else it may be anybody's."""
        if not self._is_named(image):
            self._run("remove", image)

    def _is_named(self, image: str) -> bool:
        done = self._run("names", *(() if self.program == "buildah" else (image,)))
        lines = done.stdout.decode("utf-8", "replace").split("\n")
        if self.program == "buildah":
            bare = image.removeprefix("sha256:")
            mine = (line for line in lines if line.removeprefix("sha256:").startswith(bare))
            lines = ["" if line.endswith("<none>") else line for line in mine]
        return done.returncode != 0 or any(line.strip() for line in lines)

    def _run(self, what: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.prefix, *_WORDS[self.program][what], *words],
            env=dict(self.environment),
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def images_of(
    command: Sequence[str],
    recorded: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
) -> Images | None:
    """The names that this command gives images; None for a command that gives none. `recorded`:
    further names, which its definition files or the artifact's BOM state. Raises BomError for a
    command that isn't understood."""
    kind = builder_for(command).name
    if kind == "docker":
        from bom.builder.docker.command import parse

        build = parse(command)
        names = tuple(dict.fromkeys((*build.tags, *recorded)))
        return Images(build.argv[: build.globals_end], "docker", names, environment, cwd)
    if kind in ("bake", "compose"):
        from bom.builder.docker.plugin import parse as parse_plugin

        call = parse_plugin(command)
        prefix = ("docker",) if call.alone else call.argv[: call.globals_end]
        return Images(prefix, "docker", tuple(recorded), environment, cwd)
    if kind == "podman":
        from bom.builder.podman.command import parse as parse_podman

        plain = parse_podman(command)
        names = tuple(dict.fromkeys((*plain.tags, *recorded)))
        prefix = plain.argv[: plain.globals_end]
        return Images(prefix, plain.program, names, environment, cwd)
    return None


@contextmanager
def kept(images: Images | None) -> Iterator[None]:
    """While this is open the names may be given to other images; then all is as it was before."""
    if images is None:
        yield
        return
    run = os.urandom(6).hex()
    held: dict[str, str] = {}  # name -> what the image is called meanwhile, "" where there is none
    try:
        for number, name in enumerate(images.names):
            place = f"{HELD}:{run}-{number}" if images.find(name) else ""
            if place:
                images.tag(name, place)
            held[name] = place
        yield
    finally:
        for name, place in held.items():
            _restore(images, name, place)


def _restore(images: Images, name: str, place: str) -> None:
    now = images.find(name)
    if not place:
        if now:
            images.remove(name)
        return
    before = images.find(place)
    images.tag(place, name)
    images.remove(place)
    if now and now != before:
        images.drop(now)
