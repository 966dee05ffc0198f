"""The same revision a second time, in a folder of its own.

The repository is the user's own, whose build has just run; still no hook of it runs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.errors import BomError, EnvironmentLacks
from bom.git import LOCAL, Git
from bom.vary.source import turned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.model import Revision
    from bom.vary.protocol import Circumstance

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
        listed = Git.of(environment).entries(top, "ls-files", "-z", "--stage")
    except EnvironmentLacks:
        return ()
    names = (
        entry.partition(b"\t")[2].decode("utf-8", "surrogateescape")
        for entry in listed
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
    folder: Path, words: tuple[str, ...], circumstance: Circumstance, *, fails: bool = False
) -> str:
    """What git prints. `fails`: whether it may; then it prints nothing."""
    git = Git.of(circumstance.environment)
    said = git(folder, *words, settings=LOCAL, umask=circumstance.checkout_umask)
    if said.code and not fails:
        raise BomError(f"the source can't be cloned: {said.error}", hint=_HINT)
    return "" if said.code else said.text
