"""Where images are loaded: a Docker engine, or podman's storage, asked for the same few things."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from bom.builder.docker.endpoint import NoOptions, find
from bom.builder.docker.engine import Engine
from bom.builder.podman.program import Program
from bom.builder.podman.storage import Storage
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from bom.builder.images.store import StoredImage

_ID: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_IN_WORDS: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Store(Protocol):
    """`shown`: what a person calls it. Raises BomError for what it refuses."""

    shown: str

    def ids(self) -> frozenset[str]:
        """Of all images."""
        ...

    def calls_otherwise(self) -> bool:
        """Whether it may call an image by what is in no archive of it: a containerd store makes a
        manifest of its own for Docker's old archives."""
        ...

    def inspect(self, name: str) -> StoredImage | None: ...

    def export(self, names: Sequence[str]) -> Generator[bytes, None, None]: ...

    def take(self, pieces: Iterable[bytes], size: int) -> frozenset[str]:
        """Load an archive that names nothing; the IDs of what was loaded, if the store states
        any."""
        ...

    def tag(self, image: str, name: str) -> None: ...

    def remove(self, name: str) -> None:
        """Take away a tag and, with its last one, the image; or an image without any."""
        ...

    def close(self) -> None: ...


def opened(kind: str, environment: Mapping[str, str], room: Path) -> Store:
    """The store that the user means: "podman", or the engine that the docker client would reach.
    `room`: a private folder. Raises EnvironmentLacks where there is none."""
    return _Podman(environment, room) if kind == "podman" else _Docker(environment)


class _Docker:
    """An engine; it is given the archive as it flows."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        endpoint = find(NoOptions(), environment, Path.cwd())
        self._engine = Engine(endpoint)
        self.shown = f"the engine at {endpoint.shown}"
        self.ids = self._engine.images
        self.calls_otherwise = self._engine.has_containerd_store
        self.inspect = self._engine.inspect
        self.export = self._engine.export
        self.tag = self._engine.tag
        self.remove = self._engine.remove
        self.close = self._engine.close

    def take(self, pieces: Iterable[bytes], size: int) -> frozenset[str]:
        words = self._engine.take(pieces, size)
        return frozenset(found for line in words for found in _IN_WORDS.findall(line))


class _Podman:
    """podman's storage; it takes an archive only from a file."""

    def __init__(self, environment: Mapping[str, str], room: Path) -> None:
        found = shutil.which("podman", path=environment.get("PATH"))
        if found is None:
            raise EnvironmentLacks(
                "`podman` is not there", hint="install it, or use --engine docker"
            )
        path = Path(found).absolute()
        self._program = Program("podman", path.resolve(), (str(path),), environment, Path.cwd())
        self._storage = Storage(self._program)
        self._room = room
        self.shown = "podman's storage"
        self.inspect = self._storage.inspect
        self.export = self._storage.export
        self.tag = self._storage.tag
        self.close = self._storage.close

    def ids(self) -> frozenset[str]:
        return frozenset()  # it calls every image by its configuration

    def calls_otherwise(self) -> bool:
        return False

    def take(self, pieces: Iterable[bytes], size: int) -> frozenset[str]:
        del size
        archive = self._room / "image.tar"
        try:
            with archive.open("xb") as out:
                for piece in pieces:
                    out.write(piece)
            self._storage.load(archive)
        finally:
            archive.unlink(missing_ok=True)
        return frozenset()

    def remove(self, name: str) -> None:
        verb = ("rmi",) if _ID.match(name) else ("untag",)
        words = (name.removeprefix("sha256:"),) if verb == ("rmi",) else (name, name)
        if self.inspect(name) is None:
            return
        answer = self._program.ask(*verb, "--", *words)
        if answer.code:
            raise BomError(f"podman refuses: {answer.error}")
