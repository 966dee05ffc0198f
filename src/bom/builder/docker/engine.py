"""The Docker engine: what is asked of it, and what it answers.

The API: docs.docker.com/reference/api/engine. Where an engine is found, says `endpoint`;
how it is reached, `connection`.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlencode

from bom.builder.docker.connection import FAILURES, Line
from bom.builder.docker.endpoint import find
from bom.builder.images.store import StoredImage, StoredManifest
from bom.catalog.images.reference import familiar, split_tag
from bom.errors import BomError, EnvironmentLacks
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from http.client import HTTPResponse
    from pathlib import Path

    from bom.builder.docker.connection import Connection
    from bom.builder.docker.endpoint import ClientOptions, Endpoint

_TIMEOUT: Final = 60  # seconds for an answer
_EXPORT_TIMEOUT: Final = 3600  # the classic store packs all layers before the first byte
_CHUNK: Final = 1024 * 1024
_ANSWER_LIMIT: Final = 64 * 1024 * 1024  # bytes of an answer that is read whole
_LINE_LIMIT: Final = 1024 * 1024  # bytes of an event
_CONTAINERD_STORE: Final = "io.containerd.snapshotter.v1"
_PLATFORM_API: Final = (1, 48)  # an export can name its platform, an inspection list manifests


@dataclass(frozen=True, slots=True)
class StatedComponent:
    """A part of the engine, by name and version as it states them."""

    name: str
    version: str


def reach(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> Engine:
    """The engine of this command. Raises EnvironmentLacks where nobody answers."""
    return Engine(find(command, environment, cwd))


class Engine:
    """One engine. Raises EnvironmentLacks where nobody answers, BomError for what it refuses."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._line = Line(endpoint)
        self._prefix = ""
        try:
            self._stated = self._json("/version")
        except _Silent as error:
            self._line.close()
            cause = error.__cause__
            why = cause.strerror if isinstance(cause, OSError) else None
            raise _nobody(endpoint, why or str(cause or error.reason)) from error
        except BaseException:
            self._line.close()
            raise
        spoken = _text(self._stated, "ApiVersion")
        major, _, minor = spoken.partition(".")
        if not (major.isdecimal() and minor.isdecimal()):
            self._line.close()
            raise _nobody(endpoint, "what answers there states no version of Docker's API")
        self.api = (int(major), int(minor))
        self._prefix = f"/v{spoken}"

    def close(self) -> None:
        self._line.close()

    @property
    def architecture(self) -> str:
        """As Go names it (amd64), "" where the engine doesn't say."""
        return _text(self._stated, "Arch")

    def version(self) -> tuple[StatedComponent, ...]:
        """The engine and the parts that it states: containerd, runc, docker-init."""
        parts = [item for item in _items(self._stated, "Components") if _text(item, "Name")]
        if not parts:
            return (StatedComponent("Engine", _text(self._stated, "Version")),)
        return tuple(StatedComponent(_text(i, "Name"), _text(i, "Version")) for i in parts)

    def inspect(self, name: str) -> StoredImage | None:
        """The image of this name, tag, ID or digest; None where the engine has none."""
        params = {"manifests": "1"} if self.api >= _PLATFORM_API else {}
        found = self._json(f"/images/{quote(name, safe='/:@')}/json", params, missing=None)
        if found is None:
            return None
        root = found.get("RootFS")
        layers = root.get("Layers") if isinstance(root, dict) else None
        descriptor = found.get("Descriptor")
        media = _text(descriptor, "mediaType") if isinstance(descriptor, dict) else ""
        size = found.get("Size")
        return StoredImage(
            id=_text(found, "Id"),
            size=size if isinstance(size, int) and size > 0 else 0,
            layers=tuple(str(layer) for layer in layers) if isinstance(layers, list) else (),
            manifests=tuple(
                StoredManifest(_text(item, "ID"), _platform(item))
                for item in _items(found, "Manifests")
                if item.get("Kind") == "image" and item.get("Available") is True
            ),
            is_index="index" in media or "list" in media,
            served=_served(found.get("RepoDigests"), name),
            tags=_tags(found.get("RepoTags")),
        )

    def has_containerd_store(self) -> bool:
        """Whether it keeps images in containerd, as registries have them; else unpacked layers."""
        status = self._json("/info").get("DriverStatus")
        return ["driver-type", _CONTAINERD_STORE] in (status if isinstance(status, list) else [])

    def time(self) -> str:
        """The engine's own clock: seconds since 1970, with a fraction."""
        stated = _text(self._json("/info"), "SystemTime")
        try:
            return f"{datetime.fromisoformat(stated).timestamp():.6f}"
        except ValueError as error:
            raise BomError("the engine does not say what time it has") from error

    def events(self, since: str, until: str = "") -> Stream:
        """What happened and happens to images, a line of JSON each (GET /events). `since`,
        `until`: by the engine's clock; without `until` it goes on until it is closed."""
        params = {"since": since, "filters": json.dumps({"type": ["image"]})}
        path = self._path("/events", {**params, "until": until} if until else params)
        try:
            connection, response = self._line.get(path, _TIMEOUT if until else None)
        except FAILURES as error:
            raise BomError(
                "the engine gives no events of its images", hint="see the engine's log"
            ) from error
        stream = Stream(connection, response)
        if response.status != 200:
            with stream:
                raise _refusal(response)
        return stream

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        """The archive of these names of one image, in pieces of at most 1 MiB.

        `platform` (os/arch[/variant]) leaves out everything else of an index, attestations too;
        it needs API 1.48. The order of `names` is the order in the archive.
        """
        params: dict[str, str | list[str]] = {"names": list(names)}
        if platform:
            parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
            params["platform"] = json.dumps(parts)
        return self._pieces(self._path("/images/get", params), names[0])

    def container(self, name: str) -> dict[str, Any] | None:
        """What the engine says of a container, by name or ID; None where there is none."""
        found: dict[str, Any] | None = self._json(
            f"/containers/{quote(name, safe='')}/json", missing=None
        )
        return found

    def container_changes(self, name: str) -> frozenset[str]:
        """The paths in a container that were touched since it was made, from the root."""
        found = self._answer(f"/containers/{quote(name, safe='')}/changes")
        rows = found if isinstance(found, list) else []
        return frozenset(_text(row, "Path") for row in rows if isinstance(row, dict))

    def export_container(self, name: str) -> Generator[bytes, None, None]:
        """A tar of a container's file system as it is, in pieces of at most 1 MiB."""
        return self._pieces(self._path(f"/containers/{quote(name, safe='')}/export"), name)

    def _pieces(self, path: str, what: str) -> Generator[bytes, None, None]:
        try:
            connection, response = self._line.get(path, _EXPORT_TIMEOUT)
            try:
                if response.status != 200:
                    raise _refusal(response)
                while piece := response.read(_CHUNK):
                    yield piece
            finally:
                self._line.done(connection, response)
        except FAILURES as error:
            raise BomError(
                f"the engine broke off the export of {what}",
                hint="see the engine's log, and whether its disk is full",
            ) from error

    def load(self, path: Path) -> None:
        """Take in the archive at `path` (POST /images/load)."""
        with path.open("rb", buffering=0) as file:
            self.take(iter(lambda: file.read(_CHUNK), b""), path.stat().st_size)

    def take(self, pieces: Iterable[bytes], size: int) -> tuple[str, ...]:
        """Take in an archive of `size` bytes as it comes; the engine's words about what it loaded,
        a line each."""
        said = self._post("/images/load", {"quiet": "1"}, pieces, size)
        words = []
        for line in said.splitlines():  # what goes wrong later is told after the status
            try:
                found = json.loads(line)
                error, told = found.get("error"), found.get("stream")
            except (ValueError, AttributeError, RecursionError):
                continue
            if error:
                raise BomError(f"the engine refuses: {printable_name(str(error)):.400}")
            if isinstance(told, str):
                words.append(told.strip())
        return tuple(words)

    def images(self) -> frozenset[str]:
        """The IDs of all images that it has (GET /images/json): slow where there are many."""
        found = self._answer("/images/json", {"all": "1"})
        rows = found if isinstance(found, list) else []
        return frozenset(_text(row, "Id") for row in rows if isinstance(row, dict))

    def remove(self, name: str) -> None:
        """Take away a tag, and the image with its last one; or, by its ID, an image without any
        (DELETE /images/NAME). One that isn't there is no error."""
        try:
            connection, response = self._line.delete(
                self._path(f"/images/{quote(name, safe='/:@')}"), _TIMEOUT
            )
            try:
                if response.status not in (200, 404):
                    raise _refusal(response)
                _whole(response)
            finally:
                self._line.done(connection, response)
        except (*FAILURES, ValueError) as error:
            raise BomError(
                "the engine gives no answer that can be read", hint="see the engine's log"
            ) from error

    def tag(self, image: str, name: str) -> None:
        """Let `name` mean the image of this ID."""
        repository, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:
            repository, tag = name, "latest"
        params = {"repo": repository, "tag": tag}
        self._post(f"/images/{quote(image, safe='/:@')}/tag", params, (), 0)

    def _post(
        self, path: str, params: Mapping[str, str], body: Iterable[bytes], size: int
    ) -> bytes:
        try:
            connection, response = self._line.post(
                self._path(path, dict(params)), body, size, _EXPORT_TIMEOUT
            )
            try:
                if response.status not in (200, 201):
                    raise _refusal(response)
                return _whole(response)
            finally:
                self._line.done(connection, response)
        except (*FAILURES, ValueError) as error:
            raise BomError(
                f"the engine gives no answer that can be read to {path}",
                hint="see the engine's log, and whether its disk is full",
            ) from error

    def _path(self, path: str, params: Mapping[str, str | list[str]] | None = None) -> str:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        return f"{self._prefix}{path}{query}"

    def _json(
        self, path: str, params: Mapping[str, str] | None = None, missing: object = ()
    ) -> Any:
        """A JSON object; for a 404 None where `missing` is None."""
        answer = self._answer(path, params, missing)
        if answer is None and missing is None:
            return None
        if not isinstance(answer, dict):
            raise _Silent(
                f"the engine's answer to {path} is no object", hint="see the engine's log"
            )
        return answer

    def _answer(
        self, path: str, params: Mapping[str, str] | None = None, missing: object = ()
    ) -> Any:
        """What JSON says; for a 404 None where `missing` is None."""
        try:
            connection, response = self._line.get(self._path(path, params), _TIMEOUT)
            try:
                if response.status == 404 and missing is None:
                    response.read(_ANSWER_LIMIT)
                    return None
                if response.status != 200:
                    raise _refusal(response)
                return json.loads(_whole(response))
            finally:
                self._line.done(connection, response)
        except (*FAILURES, ValueError, RecursionError) as error:
            raise _Silent(
                f"the engine gives no answer that can be read to {path.partition('?')[0]}",
                hint="see the engine's log",
            ) from error


def _tags(stated: object) -> tuple[str, ...]:
    names = (str(item) for item in (stated if isinstance(stated, list) else ()))
    return tuple(sorted(name for name in names if "<none>" not in name))


def _served(stated: object, name: str) -> tuple[str, ...]:
    """The digests among `NAME@DIGEST` that belong to the repository of `name`, sorted."""
    repository = split_tag(familiar(name))[0]
    pairs = (str(item).split("@", 1) for item in (stated if isinstance(stated, list) else ()))
    return tuple(sorted({pair[1] for pair in pairs if len(pair) == 2 and pair[0] == repository}))


class Stream:
    """Lines that come when they come. Iterating raises one of connection.FAILURES where they
    break off. `end` is for another thread: who waits for a line then finds the end; only when
    nobody reads any more, `close` may be called."""

    def __init__(self, connection: Connection, response: HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        # the connection forgets its own where the answer ends with it (HTTP/1.0, a proxy's)
        self._socket = None
        if not response.isclosed():
            self._socket = socket.socket(fileno=os.dup(response.fileno()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        while line := self._response.readline(_LINE_LIMIT):
            yield line

    def end(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._response.close()
        self._connection.close()
        if self._socket is not None:
            self._socket.close()


class _Silent(BomError):
    """No answer, or none that can be read."""


def _whole(response: HTTPResponse) -> bytes:
    data = response.read(_ANSWER_LIMIT + 1)
    if len(data) > _ANSWER_LIMIT:
        raise ValueError("the answer is too long")
    response.read()  # the end, so that the connection can be used again
    return data


def _refusal(response: HTTPResponse) -> BomError:
    try:
        message = json.loads(_whole(response))["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message = f"HTTP {response.status}"
    return BomError(f"the engine refuses: {message!s:.400}", hint="see the engine's log")


def _nobody(endpoint: Endpoint, why: str) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"no Docker engine answers at {endpoint.shown}: {printable_name(why):.300}",
        hint="start it, or set DOCKER_HOST or --context as for the docker client",
    )


def _text(item: Any, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _items(item: Any, key: str) -> list[Any]:
    value = item.get(key)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _platform(item: Any) -> str:
    descriptor = item.get("Descriptor")
    platform = descriptor.get("platform") if isinstance(descriptor, dict) else None
    if not isinstance(platform, dict):
        return ""
    parts = [_text(platform, key) for key in ("os", "architecture", "variant")]
    return "/".join(filter(None, parts))
