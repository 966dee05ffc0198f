"""`bom init`: what a project needs to be built with `bom`, proposed and written.

Four pieces: bom.toml, a key pair in the user's own configuration (never in the project), a
workflow, a pre-commit hook. What is there already is kept unless `force` says otherwise, a key
always. Doing it twice changes nothing more.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from bom.config import FILE_NAME, load, nearest
from bom.errors import BomError
from bom.initialise import texts
from bom.initialise.project import KINDS, Check, Found, Kind, found
from bom.observe import project_root
from bom.output import write_whole
from bom.printable import printable_os
from bom.sign.keyfiles import pair, write_pair
from bom.sign.keys import PrivateKey
from bom.sign.trust import KEY_VARIABLE, config_dir, default_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "KINDS",
    "PIECES",
    "Check",
    "Done",
    "Found",
    "Kind",
    "Piece",
    "Project",
    "at",
    "initialised",
    "needs_key",
    "next_steps",
]

Piece = Literal["settings", "key", "workflow", "hook"]
PIECES: Final[tuple[Piece, ...]] = get_args(Piece)
State = Literal["written", "kept", "differs"]

WORKFLOW: Final = Path(".github/workflows/bom.yml")
HOOKS: Final = Path(".pre-commit-config.yaml")
_BRANCH: Final = re.compile(r"ref: refs/heads/([\w./-]{1,200})\s*")
_ACTION: Final = re.compile(r"(?:\./|[\w.-]+/[\w.-]+)[\w./-]*(?:@[\w./-]+)?")
_SIZE_LIMIT: Final = 8 * 1024 * 1024  # bytes of a file that is there already


@dataclass(frozen=True, slots=True)
class Project:
    """`folder`: where bom.toml goes. `root`: the repository's top. `found`: how it is built."""

    folder: Path
    root: Path
    found: Found
    environment: Mapping[str, str]
    action: str = texts.PLACEHOLDER


@dataclass(frozen=True, slots=True)
class Done:
    """`path`: absolute. `state`: written; kept, as it is what was proposed or nothing is to be
    proposed; differs: there already, with another content, and left alone."""

    piece: Piece
    path: Path
    state: State
    why: str = ""


def at(
    cwd: Path,
    environment: Mapping[str, str],
    kind: Kind | None = None,
    action: str = texts.PLACEHOLDER,
    command: tuple[str, ...] = (),
) -> tuple[Project, tuple[Kind, ...]]:
    """The project in `cwd`, as the first of the kinds that it could be, and all of those.
    `command`: how it is built, where the user says that.

    Raises BomError where neither he nor a manifest says how, or none says that it is this kind.
    """
    if not _ACTION.fullmatch(action):
        raise BomError(
            f"--action {action} names no action", hint=f"as in --action {texts.PLACEHOLDER}"
        )
    folder = cwd.resolve()
    all_found = (Found("other", command),) if command else found(folder)
    chosen = next((item for item in all_found if kind in (None, item.kind)), None)
    if chosen is None and kind is not None:
        why = f"nothing here says that it is {kind}"
        why = "--kind and a command exclude each other" if command else why
        raise BomError(why, hint="leave --kind out")
    if chosen is None:
        raise BomError(
            f"nothing in {folder.name or folder} says how it is built",
            hint="run it where the Dockerfile or the manifest is, or say how: bom init -- make",
        )
    root = project_root(folder)
    # what the project's own settings say goes before what its manifests let guess
    stated = tuple(
        Check(check.name, tuple(check.command))
        for check in load(nearest(folder, root)).checks
        if check.command
    )
    if stated:
        chosen = replace(chosen, checks=stated)
    project = Project(folder, root, chosen, environment, action)
    return project, tuple(item.kind for item in all_found)


def needs_key(environment: Mapping[str, str]) -> bool:
    """Whether the user has no key yet."""
    folder = config_dir(environment)
    if environment.get(KEY_VARIABLE):
        return False
    return folder is None or not any(map(os.path.lexists, pair(folder / "release")))


def initialised(
    project: Project,
    pieces: Sequence[Piece],
    *,
    passphrase: bytes | None = None,
    force: bool = False,
    dry: bool = False,
) -> tuple[Done, ...]:
    """Write these pieces, in a fixed order. `dry`: write nothing, and say what would be.

    Raises BomError, before anything is written, where one can't be.
    """
    plans = [_PLANS[piece](project, force) for piece in PIECES if piece in pieces]
    done = []
    for plan in plans:
        if plan.done.state == "written" and not dry:
            plan.write(passphrase)
        done.append(plan.done)
    return tuple(done)


def next_steps(project: Project, done: Sequence[Done]) -> tuple[str, ...]:
    """What to do now, a command or a sentence a line."""
    import shlex

    steps = []
    states = {item.piece: item.state for item in done}
    for check in project.found.checks:
        steps.append(shlex.join(["bom", "check", check.name, "--", *check.command]))
    output = ["-o", project.found.output] if project.found.output else []
    steps.append(shlex.join(["bom", "build", *output, "--", *project.found.command]))
    if states.get("workflow") == "written":
        if project.action == texts.PLACEHOLDER:
            steps.append(f"put the place of bom's action for {texts.PLACEHOLDER} in {WORKFLOW}")
        steps.append("bom key generate --out ~/ci     # a key for CI alone, for the secret BOM_KEY")
    if states.get("hook") == "written":
        steps.append(shlex.join(["bom", "lock", "--", *project.found.command]))
        steps.append("pre-commit install")
    if states.get("hook") == "differs":
        steps += [f"add to {HOOKS}, below `repos:`:", *texts.hook_lines().splitlines()]
    return tuple(steps)


# --- the pieces ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """What will be done, and how; `write` takes the passphrase of a new key."""

    done: Done
    write: Callable[[bytes | None], None]


def _settings(project: Project, force: bool) -> _Plan:
    path = project.folder / FILE_NAME
    if not os.path.lexists(path) and _has_table(project.folder):
        why = "[tool.bom] in pyproject.toml has the settings"
        return _Plan(Done("settings", project.folder / "pyproject.toml", "kept", why), _nothing)
    return _file("settings", path, texts.settings(project.found), force)


def _has_table(folder: Path) -> bool:
    """Whether pyproject.toml holds settings of `bom`. Raises BomError for wrong ones."""
    import tomllib

    try:
        tools = tomllib.loads((folder / "pyproject.toml").read_text("utf-8")).get("tool")
    except (OSError, ValueError, RecursionError):
        return False
    if isinstance(tools, dict) and "bom" in tools:
        load(folder)
        return True
    return False


def _key(project: Project, _force: bool) -> _Plan:
    if named := project.environment.get(KEY_VARIABLE):
        return _Plan(Done("key", Path(named), "kept", f"{KEY_VARIABLE} names it"), _nothing)
    folder = config_dir(project.environment)
    if folder is None:
        stem = default_stem(project.environment)  # which says why
    else:
        stem = folder / "release"
        if folder.resolve().is_relative_to(project.root):
            raise BomError(
                f"{folder} lies in the project, where a key gets committed and packed",
                hint="set XDG_CONFIG_HOME to a folder outside of it, or say --no-key",
            )
    private, public = pair(stem)
    if any(map(os.path.lexists, (private, public))):
        return _Plan(Done("key", private, "kept", "a key is never overwritten"), _nothing)

    def write(passphrase: bytes | None) -> None:
        write_pair(default_stem(project.environment), PrivateKey.generate("ecdsa-p256"), passphrase)

    return _Plan(Done("key", private, "written", f"{public.name} beside it is trusted"), write)


def _workflow(project: Project, force: bool) -> _Plan:
    relative = printable_os(project.folder.relative_to(project.root).as_posix())
    text = texts.workflow(project.found, _branch(project.root), relative, project.action)
    return _file("workflow", _inside(project.root, WORKFLOW), text, force)


def _hook(project: Project, _force: bool) -> _Plan:
    """A configuration that is there is never written anew: it holds the user's other hooks."""
    path = _inside(project.root, HOOKS)
    if not os.path.lexists(path):
        return _file("hook", path, texts.hook(), force=False)
    there = texts.HOOK_ID in _text(path)
    if there:
        return _Plan(Done("hook", path, "kept", f"it has {texts.HOOK_ID}"), _nothing)
    return _Plan(Done("hook", path, "differs", "it holds other hooks: add this one"), _nothing)


_PLANS: Final[Mapping[Piece, Callable[[Project, bool], _Plan]]] = {
    "settings": _settings,
    "key": _key,
    "workflow": _workflow,
    "hook": _hook,
}


def _file(piece: Piece, path: Path, text: str, force: bool) -> _Plan:
    if os.path.lexists(path):
        if path.is_file() and _text(path) == text:
            return _Plan(Done(piece, path, "kept", "it is as proposed"), _nothing)
        if not force:
            why = "it is there already; --force writes it anew"
            return _Plan(Done(piece, path, "differs", why), _nothing)
        if path.is_symlink() or not path.is_file():
            raise BomError(f"{path} is no plain file", hint="move it away first")

    def write(_passphrase: bytes | None) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())
        except OSError as error:
            raise BomError(
                f"{path} can't be written: {error.strerror}", hint="may you write there?"
            ) from error

    return _Plan(Done(piece, path, "written"), write)


def _nothing(_passphrase: bytes | None) -> None:
    """What is there already is left alone."""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_SIZE_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise BomError(f"{path} can't be read: {error.strerror}", hint="move it away") from error


def _inside(root: Path, relative: Path) -> Path:
    """The path below the repository's top. Raises BomError where a link leads out of it."""
    path = root / relative
    if not path.parent.resolve().is_relative_to(root):
        raise BomError(
            f"{relative.parent} leads out of the project", hint="it is a link: remove it"
        )
    return path


def _branch(root: Path) -> str:
    """The branch that the others come from, as far as the repository says so; else main."""
    for place in ("refs/remotes/origin/HEAD", "HEAD"):
        try:
            head = (root / ".git" / place).read_text("utf-8")
        except (OSError, ValueError):
            continue
        head = head.replace("refs/remotes/origin/", "refs/heads/")
        if match := _BRANCH.fullmatch(head):
            return match[1]
    return "main"
