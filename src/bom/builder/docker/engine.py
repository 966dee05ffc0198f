"""The Docker engine, reached where the client reaches it (docker SDK).

Which engine that is follows the client's own rules: `-H`, `--context`, DOCKER_HOST,
DOCKER_CONTEXT, the configuration's current context, the default socket.
"""

from __future__ import annotations

import hashlib
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from bom.builder.images.store import StoredImage, StoredManifest
from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    import docker

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
DEFAULT_CONTEXT: Final = "default"  # the engine at DOCKER_HOST, else at DEFAULT_HOST
_TIMEOUT: Final = 60  # seconds for an answer
_EXPORT_TIMEOUT: Final = 3600  # the classic store packs all layers before the first byte
_CHUNK: Final = 1024 * 1024
_PLATFORM_API: Final = (1, 48)  # an export can name its platform, an inspection list manifests
_TLS_OPTIONS: Final = ("tls", "tlsverify", "tlscacert", "tlscert", "tlskey")


class ClientOptions(Protocol):
    """The options of a docker client's call that lead to an engine."""

    def client_value(self, name: str) -> str:
        """The last value of one of the client's own options, "" where it isn't given."""


@dataclass(frozen=True, slots=True)
class StatedComponent:
    """A part of the engine, by name and version as it states them."""

    name: str
    version: str


def host(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> str:
    """The engine's address for this command. Raises BomError for what can't be reached yet."""
    tls = any(command.client_value(name) for name in _TLS_OPTIONS)
    context = context_name(command, environment, cwd)
    if given := command.client_value("host"):
        address = given
    elif context != DEFAULT_CONTEXT:
        address, tls = _context(configuration(command, environment, cwd), context)
    else:
        address = environment.get("DOCKER_HOST", "") or DEFAULT_HOST
        tls = tls or bool(environment.get("DOCKER_TLS_VERIFY") or environment.get("DOCKER_TLS"))
    if "://" not in address:
        address = f"tcp://{address}"
    if not address.startswith(("unix://", "tcp://")):
        raise BomError(
            f"engines at {address.partition(':')[0]}:// can't be reached yet",
            hint="forward its socket: ssh -L /run/user/1000/docker.sock:/var/run/docker.sock",
        )
    if tls and not address.startswith("unix://"):
        raise BomError(
            "engines behind TLS can't be reached yet", hint="use a socket, or forward one by ssh"
        )
    return address


def context_name(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> str:
    """The docker context that this command uses."""
    if command.client_value("host"):
        return DEFAULT_CONTEXT
    if named := command.client_value("context"):
        return named
    if environment.get("DOCKER_HOST", ""):
        return DEFAULT_CONTEXT
    current = environment.get("DOCKER_CONTEXT", "")
    return current or _current_context(configuration(command, environment, cwd))


class Engine:
    """One engine. Raises EnvironmentLacks where nobody answers, BomError for what it refuses."""

    def __init__(self, address: str) -> None:
        import docker
        import docker.errors
        import requests

        _knock(address)
        self._failures = (docker.errors.DockerException, requests.RequestException, OSError)
        try:
            self._api: docker.APIClient = docker.APIClient(
                base_url=address, version="auto", timeout=_TIMEOUT
            )
        except self._failures as error:
            raise _nobody(address) from error

    def close(self) -> None:
        self._api.close()

    @property
    def api(self) -> tuple[int, int]:
        """The version of the API that is spoken."""
        major, _, minor = str(self._api.api_version).partition(".")
        return int(major), int(minor)

    def version(self) -> tuple[StatedComponent, ...]:
        """The engine and the parts that it states: containerd, runc, docker-init."""
        answer = self._json("/version")
        parts = [item for item in _items(answer, "Components") if _text(item, "Name")]
        if not parts:
            return (StatedComponent("Engine", _text(answer, "Version")),)
        return tuple(StatedComponent(_text(i, "Name"), _text(i, "Version")) for i in parts)

    def inspect(self, name: str) -> StoredImage | None:
        """The image of this name, tag, ID or digest; None where the engine has none."""
        from urllib.parse import quote

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
        )

    def export(self, names: Sequence[str], platform: str = "") -> Generator[bytes, None, None]:
        """The archive of these names of one image, in pieces of at most 1 MiB.

        `platform` (os/arch[/variant]) leaves out everything else of an index, attestations too;
        it needs API 1.48. The order of `names` is the order in the archive.
        """
        import urllib3

        params: dict[str, str | list[str]] = {"names": list(names)}
        if platform:
            parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
            params["platform"] = json.dumps(parts)
        try:
            with self._api.get(
                self._url("/images/get"), params=params, stream=True, timeout=_EXPORT_TIMEOUT
            ) as response:
                if response.status_code != 200:
                    raise self._refusal(response)
                while piece := response.raw.read(_CHUNK):
                    yield piece
        except (*self._failures, urllib3.exceptions.HTTPError) as error:
            raise BomError(
                f"the engine broke off the export of {names[0]}",
                hint="see the engine's log, and whether its disk is full",
            ) from error

    def _url(self, path: str) -> str:
        return f"{self._api.base_url}/v{self._api.api_version}{path}"

    def _json(
        self, path: str, params: Mapping[str, str] | None = None, missing: object = ()
    ) -> Any:
        """A JSON object; for a 404 None where `missing` is None."""
        try:
            response = self._api.get(self._url(path), params=params, timeout=_TIMEOUT)
            if response.status_code == 404 and missing is None:
                return None
            if response.status_code != 200:
                raise self._refusal(response)
            answer = response.json()
        except self._failures as error:
            raise BomError(
                f"the engine gives no answer that can be read to {path.partition('?')[0]}",
                hint="see the engine's log",
            ) from error
        if not isinstance(answer, dict):
            raise BomError(f"the engine's answer to {path} is no object")
        return answer

    @staticmethod
    def _refusal(response: Any) -> BomError:
        try:
            message = response.json()["message"]
        except (ValueError, TypeError, KeyError):
            message = f"HTTP {response.status_code}"
        return BomError(f"the engine refuses: {message!s:.400}")


def _nobody(address: str) -> EnvironmentLacks:
    return EnvironmentLacks(
        f"no Docker engine answers at {address}",
        hint="start it, or set DOCKER_HOST or --context as for the docker client",
    )


def _knock(address: str) -> None:
    """Raise EnvironmentLacks where nobody listens: the SDK would leave an open socket behind."""
    if not address.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT)
        try:
            probe.connect(address.removeprefix("unix://"))
        except OSError as error:
            raise _nobody(address) from error


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


# --- contexts: docs.docker.com/engine/manage-resources/contexts ---------------------------------


def configuration(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> Path:
    """The folder with the client's configuration."""
    named = command.client_value("config") or environment.get("DOCKER_CONFIG", "")
    if named:
        return cwd / named
    return Path(environment.get("HOME") or Path.home()) / ".docker"


def _current_context(folder: Path) -> str:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        name = found.get("currentContext", "")
    except (OSError, ValueError, AttributeError):
        return DEFAULT_CONTEXT  # the client itself goes on with it then
    return name if isinstance(name, str) and name else DEFAULT_CONTEXT


def _context(folder: Path, name: str) -> tuple[str, bool]:
    """The address of a docker context, and whether it has TLS files."""
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = json.loads(
            (folder / "contexts" / "meta" / key / "meta.json").read_text(encoding="utf-8")
        )
        address = str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BomError(
            f"the docker context {name} can't be read", hint="see `docker context ls`"
        ) from error
    return address or DEFAULT_HOST, (folder / "contexts" / "tls" / key / "docker").is_dir()
