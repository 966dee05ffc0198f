"""The pull request's comment: one for each workflow, job and name, and always the same one.

It is found by a mark that no reader sees, in a comment that the action's own account wrote: anyone
can copy the mark into a comment of theirs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.github.api import Api, Comment

LIMIT: Final = 65_536  # characters of a comment


def marker(environment: Mapping[str, str], name: str) -> str:
    """A line; of a digest, so that no word of a workflow can end it early."""
    workflow = environment.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
    parts = (workflow or environment.get("GITHUB_WORKFLOW", ""), environment.get("GITHUB_JOB", ""))
    digest = hashlib.sha256("\n".join((*parts, name)).encode("utf-8", "backslashreplace"))
    return f"<!-- bom-seal {digest.hexdigest()[:32]} -->\n"


def write(api: Api, number: int, text: str, mark: str, author: str) -> Comment:
    """Write it, over the last one if there is one. `author`: the account's login."""
    existing = next((item.id for item in api.comments(number) if _ours(item, mark, author)), 0)
    return api.write_comment(number, mark + text, existing)


def _ours(item: Comment, mark: str, author: str) -> bool:
    return (
        (item.body or "").replace("\r\n", "\n").startswith(mark)
        and item.user is not None
        and item.user.login == author
    )
