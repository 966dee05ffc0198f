"""The source revision: which commit, what differs from it, where it can be had.

Taken before the command runs, because a build writes into its own tree. All of it must come out
the same in another clone, path, time zone and for another user.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.model import Gap, Revision, RunDetail
from bom.observe._git import GitUnusable, Repository, open_repository
from bom.observe._signature import signer
from bom.observe._tree import TreeState, tree_state
from bom.printable import printable_bytes
from bom.redact import remote, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bom.model import Observation
    from bom.observe.protocol import BuildContext

_COMMITTER: Final = re.compile(r"committer .*> (-?\d{1,12}) [+-]\d{4}")
_NO_REMOTE: Final = "the repository has no remote that others could reach"


class SourceObserver:
    """The revision of the project at `build.root`."""

    name = "source"

    def observe(self, build: BuildContext) -> Iterator[Observation]:
        return revision(build.root, build.own_files, build.is_own)


def revision(
    root: Path, own_files: Iterable[Path] = (), is_own: Callable[[Path], bool] = lambda path: False
) -> Iterator[Observation]:
    """The revision of the project at `root`, or why it can't be had. `own_files`, `is_own`: what
    is no part of its state, as BuildContext has them."""
    try:
        repository = open_repository(root)
        state = tree_state(repository, own_files, is_own)
    except GitUnusable as reason:
        yield Gap("source.revision", "source", str(reason))
        return
    yield from state.gaps
    yield from _run_details(repository, state)
    if not state.commit:
        yield Gap("source.revision", "source", "the repository has no commit yet")
        return
    headers = _commit_headers(repository, state.commit)
    kind, key = signer(headers.signature)
    where = _remote(repository)
    if not where:
        yield Gap("source.remote", "source", _NO_REMOTE)
    yield Revision(
        commit=state.commit,
        commit_time=headers.time,
        state="modified" if state.entries else "clean",
        modified=_paths(state, "modified"),
        untracked=_paths(state, "untracked"),
        tree_digest=state.digest(),
        remote=where,
        submodules=tuple(sorted(state.submodules)),
        signature_kind=kind,
        signature_key=key,
    )


def commit_time(root: Path) -> int | None:
    """When the project's HEAD was committed, in seconds since 1970; None where there is no commit,
    or its date is before that."""
    try:
        headers = _commit_headers(open_repository(root), "HEAD")
    except GitUnusable:
        return None
    if not headers.time:
        return None
    seconds = int(datetime.fromisoformat(headers.time).timestamp())
    return seconds if seconds >= 0 else None


def is_ignored(root: Path, path: Path) -> bool:
    """Whether `path` is left out of the project at `root` by git: ignored, or inside `.git`.

    Also true for a path outside `root`; false where git can't answer.
    """
    place = Path(os.path.realpath(path.parent)) / path.name
    top = Path(os.path.realpath(root))
    if not place.is_relative_to(top):
        return True
    if ".git" in place.relative_to(top).parts:
        return True
    try:
        repository = open_repository(top)
    except GitUnusable:
        return False
    return repository.ask("check-ignore", "--quiet", "--", str(place)).code == 0


def _paths(state: TreeState, status: str) -> tuple[str, ...]:
    return tuple(sorted(printable_bytes(e.path) for e in state.entries if e.status == status))


class _Headers:
    """Of a commit object (gitformat-signature(5)): committer's time in UTC, and signature."""

    __slots__ = ("signature", "time")

    def __init__(self, raw: str) -> None:
        self.time = ""
        self.signature = ""
        header, value = "", ""
        for line in [*raw.partition("\n\n")[0].split("\n"), "end "]:
            if line.startswith(" "):
                value += "\n" + line[1:]
                continue
            if header in ("gpgsig", "gpgsig-sha256"):
                self.signature = self.signature or value
            header, _, value = line.partition(" ")
            if match := _COMMITTER.fullmatch(line):
                self.time = _utc(int(match[1]))


def _utc(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""  # a date that no calendar has


def _commit_headers(repository: Repository, commit: str) -> _Headers:
    raw = repository.ask("cat-file", "commit", commit)
    return _Headers(raw.out.decode("utf-8", "surrogateescape"))


def _remote(repository: Repository) -> str:
    """`host/path` of origin, else of the branch's upstream, else of the only remote; or ""."""
    url = _remote_url(repository)
    return (remote(url) or "") if url else ""


def _remote_url(repository: Repository) -> str:
    urls: dict[str, str] = {}
    for _, key, value in repository.config:
        if key.startswith("remote.") and key.endswith(".url"):
            urls.setdefault(key[len("remote.") : -len(".url")], value)
    if "origin" in urls:
        return urls["origin"]
    branch = repository.ask("symbolic-ref", "--quiet", "--short", "HEAD").text
    upstream = repository.setting(f"branch.{branch}.remote")
    if upstream in urls:
        return urls[upstream]
    return next(iter(urls.values())) if len(urls) == 1 else ""


def _run_details(repository: Repository, state: TreeState) -> Iterator[RunDetail]:
    """What another clone of the same commit may see otherwise."""
    branch = repository.ask("symbolic-ref", "--quiet", "--short", "HEAD")
    yield RunDetail("source.branch", text(branch.text) if branch.code == 0 else "(detached)")
    tags = repository.ask("tag", "--points-at", "HEAD") if state.commit else None
    for tag in tags.text.splitlines() if tags and tags.code == 0 else ():
        yield RunDetail("source.tag", text(tag))
    if url := _remote_url(repository):
        scheme = url.partition("://")[0].lower() if "://" in url else ""
        form = scheme or ("scp" if remote(url) else "local")
        yield RunDetail("source.remote.form", form if form.isalnum() else "other")
    if repository.ask("rev-parse", "--is-shallow-repository").text == "true":
        yield RunDetail("source.shallow", "true")
    if state.commit and _commit_headers(repository, state.commit).signature:
        valid = repository.ask("verify-commit", state.commit).code == 0
        yield RunDetail("source.signature", "valid here" if valid else "not verified here")
