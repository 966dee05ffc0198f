"""GitHub's REST API with the job's own token: a pull request's comments, earlier runs' artifacts.

GitHub's documentation, "REST API endpoints for issue comments", "… for GitHub Actions artifacts".
The token goes to the API's own host and nowhere else: a download is redirected to a store.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal, TypeVar
from urllib.parse import quote, urlsplit

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError

from bom.errors import BomError, EnvironmentLacks
from bom.registry.http import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION: Final = "2022-11-28"
_TIMEOUT: Final = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
_PAGE: Final = 100
_PAGES: Final = 50
_ANSWER: Final = 32 * 1024 * 1024  # bytes of JSON
_ATTEMPTS: Final = 3
_PAUSE: Final = 1.0  # seconds
_PASSING: Final = (429, 500, 502, 503, 504)

T = TypeVar("T")


class Denied(BomError):
    """The token may not do this. `needs`: the permission that would allow it."""

    def __init__(self, what: str, needs: str) -> None:
        super().__init__(f"{what}: the token may not", hint=f"grant the job `{needs}`")
        self.needs = needs


class Author(BaseModel):
    login: str
    type: str = ""


class Comment(BaseModel):
    id: int
    body: str | None = None
    html_url: str = ""
    user: Author | None = None


class Run(BaseModel):
    head_branch: str | None = None
    head_sha: str = ""
    repository_id: int = -1
    head_repository_id: int = -2


class Artifact(BaseModel):
    """What a run uploaded. `workflow_run` is None where GitHub doesn't know it any more."""

    id: int
    name: str
    expired: bool = False
    created_at: str = ""
    workflow_run: Run | None = None


class _Artifacts(BaseModel):
    artifacts: list[Artifact]


class Api:
    """The API on behalf of one repository (OWNER/NAME)."""

    def __init__(self, base: str, repository: str, token: str) -> None:
        """Raises BomError for an address that the token must not go to."""
        parts = urlsplit(base)
        self._local = is_loopback(parts.netloc)
        if parts.scheme != "https" and not (parts.scheme == "http" and self._local):
            raise BomError("GITHUB_API_URL is no https address", hint="the token goes there")
        if repository.count("/") != 1:
            raise BomError(f"GITHUB_REPOSITORY is {repository!r}, not OWNER/NAME")
        self._base = base.rstrip("/")
        self._repository = quote(repository)
        self._session = requests.Session()
        # A proxy that the environment names doesn't reach this machine's own loopback; no netrc.
        self._session.trust_env = not self._local
        self._token = token

    def comments(self, number: int) -> Iterator[Comment]:
        """Of a pull request, oldest first. Raises Denied, BomError, EnvironmentLacks."""
        for page in range(1, _PAGES + 1):
            found = self._json(
                TypeAdapter(list[Comment]),
                "GET",
                f"issues/{number}/comments?per_page={_PAGE}&page={page}",
                needs="pull-requests: write",
            )
            yield from found
            if len(found) < _PAGE:
                return

    def write_comment(self, number: int, body: str, existing: int = 0) -> Comment:
        """A new comment, or another text for the `existing` one."""
        path = f"issues/comments/{existing}" if existing else f"issues/{number}/comments"
        return self._json(
            TypeAdapter(Comment),
            "PATCH" if existing else "POST",
            path,
            {"body": body},
            needs="pull-requests: write",
        )

    def artifacts(self, name: str) -> Iterator[Artifact]:
        """What earlier runs of this repository uploaded under that name, newest first."""
        for page in range(1, _PAGES + 1):
            found = self._json(
                TypeAdapter(_Artifacts),
                "GET",
                f"actions/artifacts?per_page={_PAGE}&page={page}&name={quote(name, safe='')}",
                needs="actions: read",
            ).artifacts
            # GitHub lists them so; within a page it costs nothing to be sure
            yield from sorted(found, key=lambda item: (item.created_at, item.id), reverse=True)
            if len(found) < _PAGE:
                return

    def archive(self, artifact: int, limit: int) -> bytes:
        """The zip of an uploaded artifact, of at most `limit` bytes."""
        answer = self._request("GET", f"actions/artifacts/{artifact}/zip", None)
        self._check(answer, "the artifact", "actions: read", (200, 301, 302, 303, 307, 308))
        target = answer.headers.get("Location", "")
        if answer.status_code != 200:
            answer.close()
            parts = urlsplit(target)
            # a store on this machine is one only where the API is here, too
            local = is_loopback(parts.netloc) and self._local
            if parts.scheme != "https" and not (parts.scheme == "http" and local):
                raise BomError("the API redirects the download to no https address")
            answer = self._sent("GET", target, {}, None)
            self._check(answer, "the artifact", "actions: read", (200,))
        return self._body(answer, limit)

    def _json(
        self,
        kind: TypeAdapter[T],
        method: Literal["GET", "POST", "PATCH"],
        path: str,
        body: object = None,
        *,
        needs: str,
    ) -> T:
        answer = self._request(method, path, body)
        what = path.partition("?")[0]
        self._check(answer, what, needs, (200, 201))
        try:
            return kind.validate_json(self._body(answer, _ANSWER))
        except ValidationError as error:
            raise BomError(f"{what}: the API's answer is not what it should be") from error

    def _request(self, method: str, path: str, body: object) -> requests.Response:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "X-GitHub-Api-Version": _VERSION,
            "User-Agent": "bom-seal",
        }
        return self._sent(method, f"{self._base}/repos/{self._repository}/{path}", headers, body)

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: object
    ) -> requests.Response:
        """Only what reads is asked a second time: a comment that is posted twice stays twice."""
        attempts = _ATTEMPTS if method in ("GET", "PATCH") else 1
        for left in reversed(range(attempts)):
            try:
                answer = self._session.request(
                    method,
                    url,
                    headers=dict(headers),
                    auth=_no_netrc,
                    json=body,
                    allow_redirects=False,
                    stream=True,
                    timeout=_TIMEOUT,
                )
            except requests.RequestException as error:
                if left:
                    time.sleep(_PAUSE)
                    continue
                raise EnvironmentLacks(
                    f"{urlsplit(url).netloc} can't be reached: {type(error).__name__}"
                ) from error
            if answer.status_code not in _PASSING or not left:
                return answer
            answer.close()
            time.sleep(_PAUSE)
        raise AssertionError("unreachable")

    def _check(
        self, answer: requests.Response, what: str, needs: str, good: tuple[int, ...]
    ) -> None:
        if answer.status_code in good:
            return
        answer.close()
        if answer.status_code in (401, 403, 404):
            raise Denied(f"{what}: HTTP {answer.status_code}", needs)
        raise BomError(f"{what}: the API answers HTTP {answer.status_code}")

    def _body(self, answer: requests.Response, limit: int) -> bytes:
        parts, total = [], 0
        try:
            for part in answer.iter_content(64 * 1024):
                total += len(part)
                if total > limit:
                    raise BomError(f"the API sends more than {limit} bytes")
                parts.append(part)
        except requests.RequestException as error:
            raise EnvironmentLacks(
                f"the API's answer breaks off: {type(error).__name__}"
            ) from error
        finally:
            answer.close()
        return b"".join(parts)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps `requests` from replacing the Authorization header by what a .netrc says."""
    return request
