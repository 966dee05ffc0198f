"""The same revision a second time, in a folder of its own.

The repository is the user's own, whose build has just run; still no hook of it runs here.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.vary.source import turned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.model import Revision
    from bom.vary.protocol import Circumstance

_HARDENED: Final = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "advice.detachedHead=false"),
    *("-c", "protocol.file.allow=always"),  # submodules are cloned from the first checkout
)
_SHARED: Final = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
_HINT: Final = (
    "see what `git clone` says of this repository; without --check-reproducible it builds"
)
_LISTED: Final = 2000  # files that probes look at


def checked_out(revision: Revision, first: Path, circumstance: Circumstance) -> None:
    """Put the revision into `circumstance.source`, with tags, history and submodules. `first`: the
    top of the checkout that has it. Raises BomError."""
    circumstance.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    _one(first, circumstance.source, revision.commit, circumstance)
    for part in sorted(revision.submodules, key=lambda part: part.path):
        place = circumstance.source / part.path
        if (first / part.path / ".git").exists():
            _one(first / part.path, place, part.commit, circumstance)
    if circumstance.reverse:
        turned(circumstance.source)
        # its index remembers when each entry was made
        _git(circumstance.source, ("update-index", "-q", "--refresh"), circumstance)


def tracked(top: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Paths of regular files of the revision, relative to `top`, sorted; of many only some."""
    try:
        listed = subprocess.run(
            ["git", *_HARDENED, "ls-files", "-z", "--stage"],
            cwd=top,
            env=_environment(environment),
            capture_output=True,
            check=False,
        ).stdout
    except OSError:
        return ()
    names = (
        entry.partition(b"\t")[2].decode("utf-8", "surrogateescape")
        for entry in listed.split(b"\0")
        if entry.startswith(b"100")
    )
    return tuple(sorted(name for name in names if name.isprintable())[:_LISTED])


def _one(origin: Path, place: Path, commit: str, circumstance: Circumstance) -> None:
    """A clone of one repository. It has the branch and the remote of its origin: neither varies."""
    remote = _git(origin, ("config", "--get", "remote.origin.url"), circumstance, fails=True)
    words = ("clone", "--quiet", "--no-hardlinks", "--", str(origin), str(place))
    _git(origin, words, circumstance)
    if _git(place, ("rev-parse", "HEAD"), circumstance, fails=True) != commit:
        _git(place, ("checkout", "--quiet", "--detach", commit), circumstance)
    if remote:
        _git(place, ("remote", "set-url", "origin", remote), circumstance)
    else:
        _git(place, ("remote", "remove", "origin"), circumstance)


def _git(
    folder: Path, words: Sequence[str], circumstance: Circumstance, *, fails: bool = False
) -> str:
    """What git prints. `fails`: it may, and then prints nothing."""
    try:
        done = subprocess.run(
            ["git", *_HARDENED, *words],
            cwd=folder,
            env=_environment(circumstance.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            umask=circumstance.checkout_umask,
            check=False,
        )
    except OSError as error:
        raise BomError(f"git can't be run: {error.strerror or error}") from error
    if done.returncode and not fails:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        raise BomError(f"the source can't be cloned: {said[-1]}", hint=_HINT)
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's own, without what points at another repository."""
    own = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or name in _SHARED
    }
    return {**own, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
