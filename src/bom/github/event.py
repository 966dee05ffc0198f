"""What started the workflow: GitHub's variables and the event's payload.

Source: GitHub's documentation, "Variables reference" and "Webhook events and payloads". Only what a
step asks is read; the rest of a payload may be anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT: Final = 32 * 1024 * 1024  # bytes; a webhook's payload has at most 25 MB
_DEPENDABOT: Final = "dependabot[bot]"


class _Repository(BaseModel):
    id: int
    full_name: str
    default_branch: str = ""


class _Side(BaseModel):
    ref: str
    sha: str
    repo: _Repository | None = None  # a fork that was deleted


class _PullRequest(BaseModel):
    number: int
    head: _Side
    base: _Side


class _WorkflowRun(BaseModel):
    head_repository: _Repository | None = None


class _Sender(BaseModel):
    login: str = ""


class _Payload(BaseModel):
    repository: _Repository | None = None
    pull_request: _PullRequest | None = None
    workflow_run: _WorkflowRun | None = None
    sender: _Sender | None = None


class Event:
    """The event. `name`: `push`, `pull_request`, `release`, …; `repository`: OWNER/NAME."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Raises BomError outside of a runner, or where the payload is not to be understood."""
        self.name = environment.get("GITHUB_EVENT_NAME", "")
        self.repository = environment.get("GITHUB_REPOSITORY", "")
        self._ref = environment.get("GITHUB_REF_NAME", "")
        self._is_branch = environment.get("GITHUB_REF_TYPE", "") == "branch"
        self._payload = _payload(environment.get("GITHUB_EVENT_PATH", ""))
        sender = self._payload.sender
        self._actors = {environment.get("GITHUB_ACTOR", ""), sender.login if sender else ""}

    @property
    def repository_id(self) -> int:
        """-1 where the payload names no repository."""
        return self._payload.repository.id if self._payload.repository else -1

    @property
    def pull_request(self) -> int:
        """Its number, 0 where there is none."""
        found = self._payload.pull_request
        return found.number if found and self.name == "pull_request" else 0

    @property
    def head_sha(self) -> str:
        """Of a pull request the commit at its head ("" for others): what is checked out is its
        merge with the base."""
        return self._payload.pull_request.head.sha if self._payload.pull_request else ""

    @property
    def from_fork(self) -> bool:
        """Whether what is built came from another repository."""
        if self._payload.pull_request is not None:
            return self._foreign(self._payload.pull_request.head.repo)
        if self.name == "workflow_run" and self._payload.workflow_run is not None:
            return self._foreign(self._payload.workflow_run.head_repository)
        return False

    @property
    def from_dependabot(self) -> bool:
        """A pull request whose run gets Dependabot's secrets, and a token that may only read."""
        return bool(self.pull_request) and _DEPENDABOT in self._actors

    @property
    def base_branch(self) -> str:
        """The branch whose last BOM this one is held against; "" where none is known."""
        if self._payload.pull_request is not None:
            return self._payload.pull_request.base.ref
        if self.name == "push" and self._is_branch:
            return self._ref
        return self._payload.repository.default_branch if self._payload.repository else ""

    def refuse_secrets_of_others(self) -> None:
        """Raises BomError for events that run a stranger's code with this repository's secrets."""
        if self.name == "pull_request_target":
            raise BomError(
                "a build under pull_request_target would run a stranger's code with the secrets of"
                " this repository",
                hint="use `on: pull_request`: a fork's build is then unsigned",
            )
        if self.name == "workflow_run" and self.from_fork:
            raise BomError(
                "this workflow_run would build a fork's code with the secrets of this repository",
                hint="build forks under `on: pull_request` alone",
            )

    def _foreign(self, repository: _Repository | None) -> bool:
        if repository is None:
            return True
        if self.repository_id >= 0:
            return repository.id != self.repository_id
        return repository.full_name.lower() != self.repository.lower()


def _payload(place: str) -> _Payload:
    hint = "this runs in a step of a GitHub workflow"
    if not place:
        raise BomError("GITHUB_EVENT_PATH is not set", hint=hint)
    try:
        with Path(place).open("rb") as stream:
            data = stream.read(_LIMIT)
    except OSError as error:
        raise BomError(f"the event's payload can't be read: {error.strerror}", hint=hint) from error
    try:
        return _Payload.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BomError(f"the event's payload is malformed: {where}: {first['msg']}") from error
