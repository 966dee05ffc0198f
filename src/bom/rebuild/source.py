"""The source at the recorded revision: a full clone of our own, with tags and submodules.

Nothing is ever built inside of what the user named: what is built is the commit, and a commit is
known by its digest (git computes it of everything that it fetches).
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bom.errors import BomError
from bom.git import LOCAL, Git, is_repository
from bom.model import Revision, Submodule
from bom.observe import project_root
from bom.observe.source import revision
from bom.seal import is_left_by_bom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.rebuild.recipe import SourceRecord

_UNNAMED: Final = "source"
_HINT: Final = "name another with --source: a folder, a URL or a git bundle"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the source is had from. `place`: a folder, a URL or a git bundle, "" for the remote
    that the BOM records. `submodules`: by their paths, where they don't come from there."""

    place: str = ""
    submodules: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The repository, where it lies on this machine as one."""
        path = Path(self.place)
        if not self.place or not path.is_dir():
            return None
        return path.resolve() if is_repository(path) else project_root(path)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone with the recorded commit checked out. `notes`: what the user should know of it, a
    sentence each."""

    root: Path
    notes: tuple[str, ...] = ()


def check_out(record: SourceRecord, source: Source, into: Path, git: Git) -> Checkout:
    """Clone into a new folder in `into`. Raises BomError for a source that can't be had, that is
    shallow, that lacks the revision, or that is another one than was built."""
    if source.place:
        _places(record, source)  # one that is not there is said before anything else
    dirty = bool(record.changed or record.tree_digest)
    given = _state(source.folder) if source.folder is not None else None
    if dirty:
        _check_changes(record, given)
    root = into / _name(record, source)
    _clone(record, source, root, git)
    _check_out(record, root, git)
    for part in record.submodules:
        _submodule(part, record, source, root, git)
    notes: tuple[str, ...] = ()
    if dirty and source.folder is not None and given is not None:
        _copy_changes(given, source.folder, root)
    elif given is not None and given.state == "modified":
        notes = (
            f"what is built is the commit {record.commit[:12]}: changes that are not committed in"
            f" {source.place} are left out",
        )
    return Checkout(root, (*notes, *_check(record, root)))


def _name(record: SourceRecord, source: Source) -> str:
    """A build may go by the name of its folder (compose's projects do)."""
    place = record.remote or str(source.folder or source.place.rstrip("/"))
    name = PurePosixPath(urlsplit(place).path if "://" in place else place).name
    name = name.removesuffix(".git").removesuffix(".bundle")
    return name if name not in ("", ".", "..") and name.isprintable() else _UNNAMED


# --- cloning -----------------------------------------------------------------------------------


def _clone(record: SourceRecord, source: Source, root: Path, git: Git) -> None:
    reasons = []
    for place in _places(record, source):
        # --no-local: objects are hashed again, instead of being copied as they lie there
        said = git(root.parent, "clone", "--no-local", "--no-checkout", "--", place, str(root))
        if said.code == 0:
            break
        reasons.append(f"{place}: {said.error or 'git clone fails'}")
        shutil.rmtree(root, ignore_errors=True)
    else:
        raise BomError(f"the source can't be had from {reasons[0]}", hint=_HINT)
    if git(root, "rev-parse", "--is-shallow-repository").text == "true":
        raise BomError(
            f"{source.place or record.remote} is a shallow clone: it lacks history and tags that a"
            " build may look at",
            hint="complete it with `git fetch --unshallow --tags`, or name another with --source",
        )


def _places(record: SourceRecord, source: Source) -> tuple[str, ...]:
    if source.folder is not None:
        return (str(source.folder),)
    if source.place:
        path = Path(source.place)
        if "://" not in source.place and ":" not in source.place and not path.exists():
            raise BomError(f"--source: there is no {source.place}", hint=_HINT)
        return (str(path.absolute()) if path.is_file() else source.place,)
    if not record.remote:
        raise BomError(
            "the BOM records no remote that the source could be had from",
            hint="name the source with --source: a folder, a URL or a git bundle",
        )
    return (f"https://{record.remote}", f"https://{record.remote}.git")


def _check_out(record: SourceRecord, root: Path, git: Git) -> None:
    commit = record.commit
    if not _holds(git, root, commit):
        # a commit that no branch and no tag leads to; many hosts give it when it is named
        git(root, "fetch", "--quiet", "origin", commit)
    if not _holds(git, root, commit):
        raise BomError(
            f"the source does not have the revision {commit}: it is another repository, or the"
            " revision is gone",
            hint=_HINT,
        )
    said = git(root, "checkout", "--quiet", "--detach", commit)
    if said.code:
        raise BomError(f"{commit} can't be checked out: {said.error}", hint=_HINT)


def _holds(git: Git, root: Path, commit: str) -> bool:
    return git(root, "cat-file", "-e", f"{commit}^{{commit}}").code == 0


def _submodule(part: Submodule, record: SourceRecord, source: Source, root: Path, git: Git) -> None:
    """One submodule at the commit that its parent has. Parents come first: the list is sorted."""
    above = [other.path for other in record.submodules if part.path.startswith(f"{other.path}/")]
    parent = root / max(above, key=len, default="")
    path = str(PurePosixPath(part.path).relative_to(max(above, key=len, default="")))
    name = _submodule_name(git, parent, path)
    if not name or git(parent, "submodule", "init", "--", path).code:
        raise BomError(f"the submodule {part.path} is not described in .gitmodules", hint=_HINT)
    place = source.submodules.get(part.path, "")
    if not place and source.folder is not None and is_repository(source.folder / part.path):
        place = str(source.folder / part.path)
    if place:
        git(parent, "config", f"submodule.{name}.url", place)
    said = git(
        parent,
        *("submodule", "update", "--checkout", "--no-recommend-shallow", "--", path),
        settings=LOCAL if place else (),
    )
    if said.code:
        raise BomError(f"the submodule {part.path} can't be had: {said.error}", hint=_HINT)


def _submodule_name(git: Git, parent: Path, path: str) -> str:
    listed = git(
        parent, "config", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$"
    )
    for line in listed.text.splitlines():
        key, _, value = line.partition(" ")
        if value == path:
            return key.removeprefix("submodule.").removesuffix(".path")
    return ""


# --- what is checked ---------------------------------------------------------------------------


def _state(root: Path) -> Revision | None:
    found = (fact for fact in revision(root, (), is_left_by_bom) if isinstance(fact, Revision))
    return next(found, None)


def _check(record: SourceRecord, root: Path) -> tuple[str, ...]:
    """Whether what lies there now is what was built. Raises BomError; gives what to warn of."""
    found = _state(root)
    if found is None or found.commit != record.commit:
        raise BomError(f"the clone is not at the revision {record.commit}", hint=_HINT)
    for part in record.submodules:
        if part not in found.submodules:
            raise BomError(
                f"the submodule {part.path} is not at {part.commit}, as it was built", hint=_HINT
            )
    if found.tree_digest == record.tree_digest:
        return ()
    if record.tree_digest:
        raise BomError("the changed files are not those that were built", hint="name the very tree")
    changed = ", ".join((*found.modified, *found.untracked)[:5])
    return (f"git says that these differ from the commit right after checking it out: {changed}",)


# --- a tree that was not clean -----------------------------------------------------------------


def _check_changes(record: SourceRecord, given: Revision | None) -> None:
    """Raises BomError unless the source that was named has the very changes that were built."""
    if given is not None and (given.commit, given.tree_digest) == (
        record.commit,
        record.tree_digest,
    ):
        return
    shown = ", ".join(record.changed[:5]) + (" ..." if len(record.changed) > 5 else "")
    reason = f"this was built from a tree with changes that are in no commit: {shown}"
    if given is not None:
        reason += "; --source has other ones"
    raise BomError(
        reason,
        hint="commit, and build and seal it again; or name with --source the very folder with"
        " these changes",
    )


def _copy_changes(given: Revision, folder: Path, root: Path) -> None:
    for path in (*given.modified, *given.untracked):
        place, target = folder / path, root / path
        if not Path(os.path.realpath(target.parent)).is_relative_to(os.path.realpath(root)):
            raise BomError(f"{path} leads out of the source", hint="name another folder")
        if os.path.lexists(target):
            target.unlink()
        if not os.path.lexists(place):
            continue
        kind = place.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
            raise BomError(f"{path} is neither file nor link", hint="commit it, or remove it")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(place, target, follow_symlinks=False)
