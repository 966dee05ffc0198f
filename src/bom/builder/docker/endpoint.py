"""Where a docker client's engine is, found as the client itself finds it.

The order is the client's: `--context` or `-H`, DOCKER_HOST, DOCKER_CONTEXT, the configuration's
current context, the default socket
(docs.docker.com/engine/manage-resources/contexts, docs.docker.com/engine/security/protect-access).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from bom import redact
from bom.builder.pflag import TRUE
from bom.errors import BomError
from bom.input import read_bounded

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
DEFAULT_CONTEXT: Final = "default"  # the engine at DOCKER_HOST, else at DEFAULT_HOST
_DEFAULT_TLS_HOST: Final = "tcp://localhost:2376"
_DEFAULT_PORT: Final = 2375
_LIMIT: Final = 16 * 1024 * 1024  # bytes of a configuration


class ClientOptions(Protocol):
    """The options of a docker client's call that lead to an engine."""

    def client_value(self, name: str) -> str:
        """The last value of one of the client's own options, "" where it isn't given."""


class NoOptions:
    """A docker client that is called without options of its own."""

    def client_value(self, name: str) -> str:
        return ""


class ClientRefuses(BomError):
    """The client itself ends with an error for this: the command is left to say so."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How a TLS connection is made. `verify`: whether the server has to prove itself, to
    `authority` where there is one, else to the system's. The client's certificate and its key
    count together."""

    authority: Path | None
    certificate: Path | None
    key: Path | None
    verify: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An engine's address: `unix://PATH`, `tcp://HOST:PORT[/PATH]`, `ssh://[USER@]HOST[:PORT]`.

    `tls`: for tcp alone. `headers`: what the client's configuration adds to each request.
    `environment`: what `ssh` runs in, and where proxies are named.
    """

    address: str
    environment: Mapping[str, str]
    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        return redact.text(self.address)


def find(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> Endpoint:
    """The engine of this command. Raises BomError where it can't be known or reached, and
    ClientRefuses where the client itself will."""
    context = context_name(command, environment, cwd)
    folder = configuration(command, environment, cwd)
    if context == DEFAULT_CONTEXT:
        tls = _tls(command, environment, cwd)
        named = command.client_value("host") or environment.get("DOCKER_HOST", "")
        address = _address(named.strip(), with_tls=tls is not None)
    else:
        address, tls = _context(folder, context)
    scheme = address.partition("://")[0]
    if scheme not in ("unix", "tcp", "ssh"):
        raise BomError(
            f"engines at {redact.text(scheme):.40}:// can't be reached",
            hint="give the engine's address as unix://, tcp:// or ssh://",
        )
    if scheme != "tcp":
        tls = None
    headers = _headers(folder) if scheme == "tcp" else ()
    return Endpoint(address, environment, _readable(tls), headers)


def context_name(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> str:
    """The docker context that this command uses. Raises ClientRefuses for two answers at once."""
    named = command.client_value("context")
    if command.client_value("host"):
        if named:
            raise ClientRefuses("the docker client refuses --host and --context together")
        return DEFAULT_CONTEXT
    if named:
        return named
    if environment.get("DOCKER_HOST", ""):
        return DEFAULT_CONTEXT
    current = environment.get("DOCKER_CONTEXT", "")
    return current or _current_context(configuration(command, environment, cwd))


# --- the default context ------------------------------------------------------------------------


def _address(named: str, *, with_tls: bool) -> str:
    """The client's own defaults for what an address leaves out."""
    if not named:
        return _DEFAULT_TLS_HOST if with_tls else DEFAULT_HOST
    scheme, separator, rest = named.partition("://")
    if not separator:
        scheme, rest = "tcp", named
    if scheme == "unix" and not rest:
        return DEFAULT_HOST
    if scheme != "tcp":
        return f"{scheme}://{rest}"
    try:
        parts = urlsplit(f"tcp://{rest}")
        host, port = parts.hostname or "localhost", parts.port or _DEFAULT_PORT
    except ValueError as error:
        raise _no_address(named) from error
    shown = f"[{host}]" if ":" in host else host
    return f"tcp://{shown}:{port}{parts.path}"


def _no_address(named: str) -> BomError:
    return BomError(
        f"the engine's address {redact.text(named):.200} can't be read", hint="tcp://HOST:PORT"
    )


def _tls(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> Tls | None:
    """TLS as options and variables ask for it; naming --tlsverify at all turns it on."""
    asked = command.client_value("tlsverify")
    verify = asked in TRUE if asked else bool(environment.get("DOCKER_TLS_VERIFY"))
    given = command.client_value("tls")
    wanted = given in TRUE if given else bool(environment.get("DOCKER_TLS"))
    if not (wanted or asked or verify):
        return None
    named = environment.get("DOCKER_CERT_PATH", "")
    # --config moves the configuration, but not where certificates are looked for
    folder = cwd / named if named else _own_folder(environment, cwd)

    def chosen(option: str, default: str) -> Path | None:
        if value := command.client_value(option):
            return cwd / value
        path = folder / default
        return path if default == "ca.pem" or path.exists() else None

    return Tls(
        authority=chosen("tlscacert", "ca.pem"),
        certificate=chosen("tlscert", "cert.pem"),
        key=chosen("tlskey", "key.pem"),
        verify=verify,
    )


def _readable(tls: Tls | None) -> Tls | None:
    for path in (tls.authority, tls.certificate, tls.key) if tls else ():
        if path is not None and not path.is_file():
            raise BomError(
                f"the TLS file {path.name} is not there",
                hint="the docker client looks for it in DOCKER_CERT_PATH, else in its own folder;"
                " --tlscacert, --tlscert and --tlskey name others",
            )
    return tls


# --- the configuration and its contexts ---------------------------------------------------------


def _own_folder(environment: Mapping[str, str], cwd: Path) -> Path:
    if named := environment.get("DOCKER_CONFIG", ""):
        return cwd / named
    return Path(environment.get("HOME") or Path.home()) / ".docker"


def configuration(command: ClientOptions, environment: Mapping[str, str], cwd: Path) -> Path:
    """The folder with the client's configuration."""
    named = command.client_value("config")
    return cwd / named if named else _own_folder(environment, cwd)


def _settings(folder: Path) -> dict[str, Any]:
    """The client's configuration; empty where it can't be read: the client goes on then too."""
    try:
        found = json.loads(read_bounded(folder / "config.json", _LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _current_context(folder: Path) -> str:
    name = _settings(folder).get("currentContext")
    return name if isinstance(name, str) and name else DEFAULT_CONTEXT


def _headers(folder: Path) -> tuple[tuple[str, str], ...]:
    found = _settings(folder).get("HttpHeaders")
    pairs = found.items() if isinstance(found, dict) else ()
    return tuple((name, value) for name, value in pairs if isinstance(value, str))


def _context(folder: Path, name: str) -> tuple[str, Tls | None]:
    """The address that a context states, and its TLS files and settings."""
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    path = folder / "contexts" / "meta" / key / "meta.json"
    try:
        endpoint = json.loads(read_bounded(path, _LIMIT))["Endpoints"]["docker"]
        address, unverified = endpoint.get("Host", ""), endpoint.get("SkipTLSVerify") is True
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unreadable(name) from error
    if not isinstance(address, str):
        raise _unreadable(name)
    files = folder / "contexts" / "tls" / key / "docker"
    tls = None
    if files.is_dir() or unverified:
        pem = {kind: files / f"{kind}.pem" for kind in ("ca", "cert", "key")}
        known = {kind: path if path.is_file() else None for kind, path in pem.items()}
        tls = Tls(known["ca"], known["cert"], known["key"], verify=not unverified)
    try:
        urlsplit(address).port  # noqa: B018  it raises where it can't be read
    except ValueError as error:
        raise _no_address(address) from error
    return address or DEFAULT_HOST, tls


def _unreadable(name: str) -> BomError:
    return BomError(
        f"the docker context {redact.text(name):.200} can't be read", hint="see `docker context ls`"
    )
