"""Connections to an engine: a socket, TCP, TLS, or `ssh` as the docker client runs it.

Plain http.client on a socket of each kind: what is said is HTTP, whatever carries it.
"""

from __future__ import annotations

import base64
import http.client
import io
import ipaddress
import shlex
import socket
import ssl
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.builder.docker.endpoint import Endpoint, Tls

Connection = http.client.HTTPConnection
FAILURES: Final = (OSError, http.client.HTTPException)

_PATIENCE: Final = 30.0  # seconds until there is a connection
_FRESH: Final = 15.0  # seconds after which an idle connection may have been dropped on its way
_ENDED: Final = 5.0  # seconds that ssh may take to end
_SAID: Final = 2000  # bytes of what ssh says that are read


class Line:
    """The way to one engine. A connection is used again where it is fresh; several may be in use
    at once. Raises one of FAILURES where there is none to be had."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._context = _ssl_context(endpoint.tls) if endpoint.tls else None
        self._idle: list[tuple[float, Connection]] = []
        self._path = ""
        if endpoint.address.startswith("tcp://"):
            self._path = urlsplit(endpoint.address).path.rstrip("/")

    def get(self, path: str, timeout: float | None) -> tuple[Connection, http.client.HTTPResponse]:
        """The answer to a GET. The connection is for `done` once the answer was read."""
        deadline = time.monotonic() - _FRESH
        while self._idle:
            rested, connection = self._idle.pop()
            if rested > deadline:
                try:
                    return connection, self._ask(connection, path, timeout)
                except FAILURES:  # the other side may have hung up meanwhile: ask anew
                    connection.close()
            else:
                connection.close()
        connection = self._connection()
        try:
            return connection, self._ask(connection, path, timeout)
        except FAILURES:
            connection.close()
            raise

    def post(
        self, path: str, body: Iterable[bytes], size: int, timeout: float | None
    ) -> tuple[Connection, http.client.HTTPResponse]:
        """The answer to a POST of `size` bytes. A fresh connection: what was sent to one that had
        been dropped could not be sent again."""
        connection = self._connection()
        headers = {"Content-Length": str(size), "Content-Type": "application/x-tar"}
        try:
            return connection, self._ask(connection, path, timeout, body, headers)
        except FAILURES:
            connection.close()
            raise

    def delete(
        self, path: str, timeout: float | None
    ) -> tuple[Connection, http.client.HTTPResponse]:
        """The answer to a DELETE; a fresh connection, as for a POST."""
        connection = self._connection()
        try:
            return connection, self._ask(connection, path, timeout, method="DELETE")
        except FAILURES:
            connection.close()
            raise

    def done(self, connection: Connection, response: http.client.HTTPResponse) -> None:
        """Give a connection back."""
        if response.isclosed() and not response.will_close:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    def _ask(
        self,
        connection: Connection,
        path: str,
        timeout: float | None,
        body: Iterable[bytes] | None = None,
        said: Mapping[str, str] | None = None,
        method: str = "",
    ) -> http.client.HTTPResponse:
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(timeout)
        headers = {**dict(self._endpoint.headers), **(said or {})}
        prefix = self._path
        if isinstance(connection, _Proxied):
            prefix = connection.prefix + prefix
            headers |= connection.credentials
        method = method or ("GET" if body is None else "POST")
        connection.request(method, prefix + path, body, headers)
        return connection.getresponse()

    def _connection(self) -> Connection:
        address = self._endpoint.address
        scheme, _, rest = address.partition("://")
        if scheme == "unix":
            return _Socket(rest)
        if scheme == "ssh":
            return _Ssh(ssh_command(address), self._endpoint.environment)
        parts = urlsplit(address)
        host, port = parts.hostname or "localhost", parts.port
        proxy = proxy_for(host, port, self._endpoint.environment, tls=self._context is not None)
        if self._context is None:
            if proxy:
                return _Proxied(proxy, parts.netloc)
            return Connection(host, port, timeout=_PATIENCE)
        if not proxy:
            return http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=self._context)
        way = urlsplit(proxy)
        tunnel = http.client.HTTPSConnection(
            way.hostname or "", way.port or 80, timeout=_PATIENCE, context=self._context
        )
        tunnel.set_tunnel(host, port or 443, headers=_credentials(proxy))
        return tunnel


class _Socket(Connection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_PATIENCE)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


class _Proxied(Connection):
    """Plain HTTP by way of a proxy, which is told the whole address."""

    def __init__(self, proxy: str, engine: str) -> None:
        way = urlsplit(proxy)
        super().__init__(way.hostname or "", way.port or 80, timeout=_PATIENCE)
        self.prefix = f"http://{engine}"
        self.credentials = _credentials(proxy)


class _Ssh(Connection):
    """HTTP over the standard streams of an `ssh` that runs `docker system dial-stdio`."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__("docker", timeout=_PATIENCE)
        self._argv = argv
        self._environment = environment
        self._child: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._why = ""  # what ssh, or docker at its other end, said last

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the connection
        try:
            with theirs:
                # a session of its own, as the docker client does it: Ctrl-C is for the build,
                # and nobody is asked for a password in the middle of it
                self._child = subprocess.Popen(
                    self._argv,
                    env=dict(self._environment),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._said,
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            self.close()
            raise
        self.sock = ours

    def getresponse(self) -> http.client.HTTPResponse:
        try:
            return super().getresponse()
        except FAILURES as error:
            self.close()
            raise ConnectionError(self._why or str(error)) from error

    def request(self, *arguments: object, **named: object) -> None:
        try:
            super().request(*arguments, **named)  # type: ignore[arg-type]
        except FAILURES as error:
            self.close()
            raise ConnectionError(self._why or str(error)) from error

    def close(self) -> None:
        super().close()
        if self._child is not None:
            _end(self._child)
            self._child = None
        if self._said is not None:
            self._why = _last_line(self._said) or self._why
            self._said.close()
            self._said = None


def _last_line(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, io.SEEK_END) - _SAID))
    lines = said.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _end(child: subprocess.Popen[bytes]) -> None:
    """ssh ends by itself when its streams are closed; what hangs is ended."""
    try:
        child.wait(0.2)
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            child.wait(_ENDED)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def ssh_command(address: str) -> tuple[str, ...]:
    """What the docker client runs for an `ssh://[USER@]HOST[:PORT][/SOCKET]`. Raises BomError for
    an address that it refuses."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise _bad_ssh("its port is no number") from error
    if parts.password is not None:
        raise _bad_ssh("it holds a password")
    if parts.query or parts.fragment:
        raise _bad_ssh("it has a query or a fragment")
    if not parts.hostname:
        raise _bad_ssh("it names no host")
    host = parts.netloc.rpartition("@")[2]
    host = host.rpartition(":")[0] if port is not None else host
    remote = ["docker"]
    if parts.path.strip("/"):
        remote.append(f"--host=unix://{unquote(parts.path)}")
    return (
        "ssh",
        *(("-l", shlex.quote(unquote(parts.username))) if parts.username else ()),
        *(("-p", str(port)) if port is not None else ()),
        *("-o", f"ConnectTimeout={_PATIENCE:.0f}", "-T", "--"),
        shlex.quote(host.strip("[]")),
        shlex.join([*remote, "system", "dial-stdio"]),
    )


def _bad_ssh(why: str) -> BomError:
    return BomError(f"the engine's ssh address can't be used: {why}", hint="ssh://USER@HOST:PORT")


def _ssl_context(tls: Tls) -> ssl.SSLContext:
    """Raises BomError for files that are no certificates or keys."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # as Go has it: a certificate that is trusted needs none above it
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reading = tls.authority
    try:
        if tls.authority is not None:
            context.load_verify_locations(tls.authority)
        else:
            context.load_default_certs()
        if tls.certificate is not None and tls.key is not None:
            reading = tls.key
            # no password: the client takes no encrypted keys, and nobody is to be asked
            context.load_cert_chain(tls.certificate, tls.key, password=bytes)
    except (OSError, ValueError) as error:
        name = reading.name if reading else "the system's certificates"
        raise BomError(
            f"the TLS file {name} can't be used: {getattr(error, 'reason', None) or error}",
            hint="the docker client needs it too: see `docker version`",
        ) from error
    return context


def proxy_for(host: str, port: int | None, environment: Mapping[str, str], *, tls: bool) -> str:
    """The proxy's URL for an engine at this host, as Go's HTTP client picks it; "" for none."""
    name = "HTTPS_PROXY" if tls else "HTTP_PROXY"
    proxy = environment.get(name) or environment.get(name.lower(), "")
    if not proxy or host == "localhost" or _is_loopback(host):
        return ""
    excepted = environment.get("NO_PROXY") or environment.get("no_proxy", "")
    if any(_fits(host, port, entry.strip().lower()) for entry in excepted.split(",")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _fits(host: str, port: int | None, entry: str) -> bool:
    """Whether an entry of NO_PROXY means this host: `*`, an address, a network, a domain, each
    perhaps with a port (golang.org/x/net/http/httpproxy)."""
    if entry in ("", "*"):
        return entry == "*"
    try:
        address = ipaddress.ip_address(host)
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name, _, wanted = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if wanted and wanted != str(port):
            return False
        name = name.removeprefix("*")
        return host == name or host.endswith(name if name.startswith(".") else f".{name}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _credentials(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
