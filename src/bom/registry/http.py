"""HTTP to one registry: where a request may go, who learns the credentials, when it is given up.

Answers come from strangers. Redirects are followed a few times, never from https to http, and the
Authorization header stays with the registry. Everything has an end: connections, retries, bodies,
and bodies that trickle.
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from bom.errors import BomError, EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ATTEMPTS: Final = 4  # of one request
_REDIRECTS: Final = 5
_TIMEOUT: Final = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
_PAUSE: Final = 0.5  # seconds before the second attempt, doubled before each other
_LONGEST_PAUSE: Final = 10.0  # seconds, whatever Retry-After asks for
_PIECE: Final = 1024 * 1024  # bytes
_PATIENCE: Final = 60.0  # seconds in which an answer may be slow
_SLOWEST: Final = 4096  # bytes a second on average, after that
_MOVED: Final = (301, 302, 303, 307, 308)
_PASSING: Final = (408, 429, 500, 502, 503, 504)
_FAILURES: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class Broken(Exception):
    """An answer that broke off: the request can be made again."""


def is_loopback(host: str) -> bool:
    """Whether a host (with its port) is this machine, so that http will do, as docker has it."""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Http:
    """GET requests on behalf of one registry. `where` names it in messages."""

    def __init__(self, host: str, where: str) -> None:
        self.where = where
        self._local = is_loopback(host)
        self.base = f"{'http' if self._local else 'https'}://{host}"
        self._session = requests.Session()
        # A proxy that the environment names doesn't reach this machine's own loopback.
        self._session.trust_env = not self._local

    def close(self) -> None:
        self._session.close()

    def get(self, url: str, headers: Mapping[str, str], authorization: str) -> requests.Response:
        """The answer to a GET, redirects followed, its body not read yet.

        `authorization` goes to the registry alone. Raises EnvironmentLacks where nobody answers,
        BomError for a redirect that may not be followed.
        """
        for left in reversed(range(ATTEMPTS)):
            try:
                response = self._follow(url, headers, authorization)
            except _FAILURES as error:
                if left:
                    time.sleep(_pause(left))
                    continue
                raise EnvironmentLacks(
                    f"{self.where} can't be reached: {_cause(error)}", hint=_hint(error)
                ) from error
            if response.status_code not in _PASSING or not left:
                return response
            asked = response.headers.get("Retry-After", "")
            response.close()
            seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
            time.sleep(min(_LONGEST_PAUSE, max(seconds, _pause(left))))
        raise AssertionError("unreachable")

    def post(self, url: str, form: Mapping[str, str]) -> requests.Response:
        """The answer to a form. Raises as `get`."""
        self.check(url)
        try:
            return self._session.post(
                url,
                data=dict(form),
                auth=_no_netrc,
                allow_redirects=False,
                stream=True,
                timeout=_TIMEOUT,
                headers={"Accept-Encoding": "identity"},
            )
        except _FAILURES as error:
            raise EnvironmentLacks(f"{self.where} can't be reached: {_cause(error)}") from error

    def body(self, response: requests.Response, limit: int) -> Iterator[bytes]:
        """The answer's body in pieces of at most 1 MiB, as it was sent.

        Raises BomError for more than `limit` bytes or a body that trickles, Broken where the
        connection breaks off.
        """
        started, total = time.monotonic(), 0
        try:
            # read1: a piece is what has come, so that a trickle doesn't hide behind a large read
            while piece := response.raw.read1(_PIECE, decode_content=False):
                total += len(piece)
                if total > limit:
                    raise BomError(f"{self.where} sends more than the {limit} bytes that it may")
                late = time.monotonic() - started - _PATIENCE
                if late > 0 and total < late * _SLOWEST:
                    raise BomError(f"{self.where} sends too slowly to wait for the end")
                yield piece
        except _FAILURES as error:
            raise Broken(_cause(error)) from error
        finally:
            response.close()

    def whole(self, response: requests.Response, limit: int) -> bytes:
        """All of a small body. Raises BomError."""
        try:
            return b"".join(self.body(response, limit))
        except Broken as error:
            raise BomError(f"{self.where} broke off its answer: {error}") from error

    def check(self, url: str) -> None:
        """Raise BomError unless a request may go to `url`: https, or http from this machine to
        itself."""
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return
        if parts.scheme == "http" and self._local and is_loopback(parts.netloc.rpartition("@")[2]):
            return
        raise BomError(f"{self.where} leads away from https: nothing was sent there")

    def _follow(
        self, url: str, headers: Mapping[str, str], authorization: str
    ) -> requests.Response:
        first = _origin(url)
        for _ in range(_REDIRECTS + 1):
            self.check(url)
            sent = {"Accept-Encoding": "identity", **headers}
            if authorization and _origin(url) == first:
                sent["Authorization"] = authorization
            response = self._session.get(
                url,
                headers=sent,
                auth=_no_netrc,
                allow_redirects=False,
                stream=True,
                timeout=_TIMEOUT,
            )
            target = response.headers.get("Location", "")
            if response.status_code not in _MOVED or not target:
                return response
            response.close()
            url = urljoin(url, target)
        raise BomError(f"{self.where} redirects again and again")


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """requests would send what ~/.netrc holds for a host, also after a redirect."""
    return request


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _pause(left: int) -> float:
    return _PAUSE * 2.0 ** (ATTEMPTS - 1 - left)


def _hint(error: BaseException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "the CA of a registry of your own: REQUESTS_CA_BUNDLE=FILE, with all others in it"
    return "is the host right, and does a proxy stand between?"


def _cause(error: BaseException) -> str:
    """Why it failed, without addresses of objects and without the URL, which may hold secrets."""
    match error:
        case requests.exceptions.SSLError():
            return "its certificate is not trusted"
        case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
            return "it doesn't answer in time"
        case requests.exceptions.ProxyError():
            return "the proxy refuses"
        case requests.exceptions.ConnectionError() | urllib3.exceptions.HTTPError() | OSError():
            return "the connection fails"
        case _:
            return "the request fails"
