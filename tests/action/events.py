"""Payloads of the events that start a workflow, of the members that GitHub documents."""

from __future__ import annotations

from typing import Any, Final

from tests.action.runner import REPOSITORY, REPOSITORY_ID

_OWN: Final = {"id": REPOSITORY_ID, "full_name": REPOSITORY, "default_branch": "main"}
_FORK: Final = {"id": 815, "full_name": "stranger/app", "default_branch": "main"}
_SENDER: Final = {"login": "someone", "type": "User"}


def push() -> dict[str, Any]:
    return {"ref": "refs/heads/main", "repository": _OWN, "sender": _SENDER, "commits": []}


def pull_request(
    number: int = 7, title: str = "A change", head: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Of a branch of the same repository."""
    return {
        "action": "synchronize",
        "number": number,
        "repository": _OWN,
        "sender": _SENDER,
        "pull_request": {
            "number": number,
            "title": title,
            "head": {"ref": "topic", "sha": "a" * 40, "repo": _OWN, **(head or {})},
            "base": {"ref": "main", "sha": "b" * 40, "repo": _OWN},
        },
    }


def fork(title: str = "From afar") -> dict[str, Any]:
    """A pull request from a fork whose branch is called as the base is."""
    return pull_request(8, title, {"ref": "main", "repo": _FORK})


def deleted_fork() -> dict[str, Any]:
    return pull_request(9, "Gone", {"repo": None})


def dependabot() -> dict[str, Any]:
    return {**pull_request(10), "sender": {"login": "dependabot[bot]", "type": "Bot"}}


def release() -> dict[str, Any]:
    return {
        "action": "published",
        "release": {"tag_name": "v1.0.0", "name": "1.0.0", "draft": False},
        "repository": _OWN,
        "sender": _SENDER,
    }


def workflow_dispatch() -> dict[str, Any]:
    return {"inputs": None, "ref": "refs/heads/main", "repository": _OWN, "sender": _SENDER}


def workflow_run(repository: dict[str, Any] | None = None) -> dict[str, Any]:
    """After a run for a fork's pull request, unless another repository is named."""
    return {
        "action": "completed",
        "workflow_run": {"id": 1, "head_repository": repository or _FORK},
        "repository": _OWN,
        "sender": _SENDER,
    }
