"""Who asks a registry, and the tokens that it wants: docker's configuration, the distribution
project's token specification (`Bearer`), RFC 7617 (`Basic`)."""

from __future__ import annotations

import base64
import json
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.registry.http import Http

_CHALLENGE: Final = re.compile(r'([A-Za-z]{1,32})\s*=\s*"([^"]{0,2048})"')
_CHALLENGE_LIMIT: Final = 8192  # characters
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,65536}")
_ANSWER_LIMIT: Final = 1024 * 1024  # bytes
_INDEX: Final = "https://index.docker.io/v1/"  # Docker Hub's key in the configuration


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's name and password, or a token that an identity provider gave. Never printed."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header; "" without a user."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def credentials(host: str, environment: Mapping[str, str]) -> Credentials:
    """What docker's configuration has for a registry: `auths`, `credHelpers`, `credsStore`.

    Empty where it has nothing. Raises BomError where a helper that it names fails.
    """
    import docker.auth
    import docker.errors

    folder = environment.get("DOCKER_CONFIG", "")
    home = environment.get("HOME", "")
    path = Path(folder) if folder else Path(home or Path.home()) / ".docker"
    file = path / "config.json"
    if not file.is_file():
        return Credentials()
    try:
        with warnings.catch_warnings():
            # the SDK only warns of a helper that is not there, and fails later
            warnings.simplefilter("error", UserWarning)
            known = docker.auth.AuthConfig.load_config(
                str(file), None, credstore_env=dict(environment)
            )
            found: Any = known.resolve_authconfig(_INDEX if host == "docker.io" else host)
    except (
        docker.errors.DockerException,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        UserWarning,
    ) as error:
        raise BomError(
            f"docker's configuration gives no credentials for {host}: {type(error).__name__}",
            hint=f"see {file}, and `docker login {host}`",
        ) from error
    if not isinstance(found, dict):
        return Credentials()
    lower = {str(name).lower(): value for name, value in found.items()}
    user, password, token = (
        value if isinstance(value := lower.get(name), str) else ""
        for name in ("username", "password", "identitytoken")
    )
    return Credentials(user, password, token)


def authorize(http: Http, challenge: str, scope: str, known: Credentials) -> str:
    """The value of the Authorization header that answers a registry's challenge, "" where there
    is nothing to answer it with. Raises BomError.

    `scope` is ours, not the one that the challenge asks for: `repository:NAME:pull`.
    """
    scheme, _, rest = challenge[:_CHALLENGE_LIMIT].strip().partition(" ")
    if scheme.lower() != "bearer":
        return known.basic if "basic" in challenge[:_CHALLENGE_LIMIT].lower() else ""
    asked = {name.lower(): value for name, value in _CHALLENGE.findall(rest)}
    realm = asked.get("realm", "")
    http.check(realm)
    form = {"scope": scope}
    if asked.get("service"):
        form["service"] = asked["service"]
    if known.identity_token:
        response = http.post(
            realm,
            {
                "grant_type": "refresh_token",
                "client_id": "bom",
                "refresh_token": known.identity_token,
                **form,
            },
        )
    else:
        separator = "&" if "?" in realm else "?"
        response = http.get(f"{realm}{separator}{urlencode(form)}", {}, known.basic)
    body = http.whole(response, _ANSWER_LIMIT)
    if response.status_code != 200:
        return ""
    return f"Bearer {_token(http, body)}"


def _token(http: Http, body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    stated = answer if isinstance(answer, dict) else {}
    token = stated.get("token") or stated.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BomError(f"{http.where}: its token server gives no token that can be used")
    return token
