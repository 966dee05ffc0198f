"""Ask git about a repository without letting the repository run anything.

A repository's own configuration can name programs (filters, hooks, fsmonitor, gpg): whoever
made the project would then run code just because `bom` looks at it. Everything that names one
is overridden here; the user's own configuration (global, system) is left as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_HARDENED: Final = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.quotePath", "false"),
    ("protocol.allow", "never"),
    ("diff.external", ""),
    ("log.showSignature", "false"),
)
# What a hostile repository could name, and what git takes where the user names nothing.
_PROGRAMS: Final = (
    ("gpg.program", "gpg"),
    ("gpg.openpgp.program", "gpg"),
    ("gpg.ssh.program", "ssh-keygen"),
    ("gpg.x509.program", "gpgsm"),
    ("gpg.ssh.allowedsignersfile", ""),
    ("gpg.ssh.revocationfile", ""),
)
# A hook's or a caller's repository is not the one asked about.
_FOREIGN: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
    "GIT_ATTR_SOURCE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_TRACE",
    "GIT_TRACE2",
)
_QUIET: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "TZ": "UTC",
}
_FILTERS_LIMIT: Final = 500
_FILTER: Final = re.compile(r"(filter\..*)\.(?:clean|smudge|process)", re.DOTALL)


class GitUnusable(Exception):
    """git can't answer for this directory; the message is the gap's reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: bytes

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class Repository:
    """A work tree that git answers for. `config`: (scope, lowercase key) and value, in order."""

    root: Path
    executable: str
    config: tuple[tuple[str, str, str], ...] = ()
    overrides: tuple[tuple[str, str], ...] = field(default=())

    def ask(self, *arguments: str) -> Answer:
        """What git says to `arguments`, in `root`; its standard error is dropped."""
        import git

        code, out, _ = git.Git(str(self.root)).execute(
            self._command(arguments),
            env=self._environment,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
        )
        return Answer(code, out if isinstance(out, bytes) else b"")

    @contextmanager
    def stream(self, *arguments: str, given: Iterable[bytes]) -> Iterator[IO[bytes]]:
        """What git writes while it reads the lines `given`, as a stream."""
        import git

        with tempfile.TemporaryFile() as lines:
            lines.writelines(line + b"\n" for line in given)
            lines.seek(0)
            process = git.Git(str(self.root)).execute(
                self._command(arguments),
                env=self._environment,
                istream=lines,
                as_process=True,
            )
            try:
                yield process.stdout
            finally:
                if process.proc is not None:
                    process.proc.kill()
                    process.proc.communicate()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        unset = [flag for name in _FOREIGN if name in os.environ for flag in ("-u", name)]
        prefix = ["env", *unset] if unset else []
        return [*prefix, self.executable, "--no-pager", *_flags(_HARDENED), *arguments]

    @property
    def _environment(self) -> dict[str, str]:
        return {**_QUIET, **_variables(self.overrides)}

    def setting(self, key: str, scopes: Sequence[str] = ()) -> str:
        """The last value of a configuration key (all lowercase but its middle); "" if unset."""
        found = [v for scope, k, v in self.config if k == key and (not scopes or scope in scopes)]
        return found[-1] if found else ""


def open_repository(root: Path) -> Repository:
    """The repository whose work tree is at `root`. Raises GitUnusable with the reason."""
    executable = shutil.which("git")
    if executable is None:
        raise GitUnusable("git is not on PATH")
    place = next((f for f in (root, *root.parents) if (f / ".git").exists()), None)
    if place is None:
        raise GitUnusable("the project is not in a git repository")
    bare = Repository(root, executable)
    listed = bare.ask("config", "--list", "--show-scope", "--includes", "-z")
    if listed.code != 0:
        # What it names could not be overridden then.
        raise GitUnusable("git can't read the repository's configuration")
    config = tuple(_config(listed.out))
    overrides = [(key, _own(config, key) or default) for key, default in _PROGRAMS]
    for name in _foreign_filters(config):
        for part in ("clean", "smudge", "process"):
            overrides.append((f"{name}.{part}", _own(config, f"{name}.{part}")))
        overrides.append((f"{name}.required", "false"))
    repository = Repository(root, executable, config, tuple(overrides))
    inside = repository.ask("rev-parse", "--is-inside-work-tree")
    if inside.code != 0:
        owned = bare.ask("-c", "safe.directory=*", "rev-parse", "--git-dir").code != 0
        raise GitUnusable(
            "git can't read the repository"
            if owned
            else "git refuses the repository because it belongs to another user (safe.directory)"
        )
    if inside.text != "true":
        raise GitUnusable("the repository is bare: it has no work tree")
    top = repository.ask("rev-parse", "--show-toplevel").out.removesuffix(b"\n")
    if os.path.realpath(os.fsdecode(top)) != os.path.realpath(place):
        raise GitUnusable("the repository's configuration puts its work tree elsewhere")
    return repository


def _foreign_filters(config: Sequence[tuple[str, str, str]]) -> list[str]:
    """`filter.NAME` of all filters that the repository itself gives a program."""
    found = {
        match[1]
        for scope, key, _ in config
        if (match := _FILTER.fullmatch(key)) and scope in ("local", "worktree")
    }
    if len(found) > _FILTERS_LIMIT:
        raise GitUnusable("the repository's configuration names too many filters")
    return sorted(found)


def _flags(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    for key, value in pairs:
        yield "-c"
        yield f"{key}={value}"


def _variables(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Settings as variables (git-config(1), GIT_CONFIG_COUNT), after those that are there.

    `-c` ends a key at the first `=`, so that a filter named `a=b` would not be overridden.
    """
    stated = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 5 else 0
    variables = {"GIT_CONFIG_COUNT": str(first + len(pairs))} if pairs else {}
    for number, (key, value) in enumerate(pairs, first):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


def _own(config: Sequence[tuple[str, str, str]], key: str) -> str:
    """The user's own value for a key, never the repository's."""
    found = [v for scope, k, v in config if k == key and scope in ("system", "global", "command")]
    return found[-1] if found else ""


def _config(listed: bytes) -> Iterator[tuple[str, str, str]]:
    """`git config --list --show-scope -z`: scope NUL key LF value NUL; a bare key has no LF."""
    parts = listed.decode("utf-8", "surrogateescape").split("\0")
    for scope, entry in zip(parts[::2], parts[1::2], strict=False):
        key, _, value = entry.partition("\n")
        yield scope, key, value
