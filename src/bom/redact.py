"""No secrets in anything that `bom` writes.

Whatever comes from outside (command lines, URLs, remotes, build args, image ENV) passes through
here on its way into a document. What is redacted leaves nothing behind: no length, no digest
(weak secrets can be guessed from one).
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bom.detect import REDACTED, looks_secret, secret_file, spans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["REDACTED", "command", "kinds", "looks_secret", "remote", "secret_file", "text", "value"]


def value(name: str, value: str) -> str:
    """The value of the variable or option `name`, or REDACTED where name or value is secret."""
    if not value:
        return value
    if looks_secret(name) or spans(value):
        return REDACTED
    return value


def text(text: str) -> str:
    """Free text with just its secret parts replaced."""
    out: list[str] = []
    position = 0
    for _, start, end in sorted(spans(text), key=lambda span: (span[1], -span[2])):
        if end <= position:
            continue
        if start >= position:
            out += (text[position:start], REDACTED)
        position = end
    out.append(text[position:])
    return "".join(out)


def kinds(text: str) -> tuple[str, ...]:
    """The sorted names of the detectors that fire on `text`: for warnings, never the secrets."""
    return tuple(sorted({kind for kind, _, _ in spans(text)}))


# --- command lines -----------------------------------------------------------------------------

# A `/` that begins an absolute path inside an argument; `//` after a colon is a URL's.
_PATH_INSIDE: Final = re.compile(
    r"(?P<file>file:/{1,3})[^\s:,;\"'=()]*|"
    r"(?:(?<=[\s=,;\"'(:@<>])|(?<=^)|(?<=^-[A-Za-z]))(?<!:/)/(?!/)[^\s:,;\"'=()<>]+"
)
# fmt: off
_NO_PASSWORD_P: Final = frozenset((
    "mkdir", "cp", "install", "rsync", "cargo", "make", "gmake", "ninja", "go", "uv", "pytest",
    "tox", "nox", "gradle", "gradlew", "pip", "docker", "podman", "buildah", "nerdctl", "build",
    "venv", "dotnet", "mvn", "tar", "git", "cmake", "rm", "bazel", "meson", "npm", "npx", "pnpm",
    "yarn", "tsc", "perl",
))
# fmt: on
_INTERPRETERS: Final = frozenset(
    ("python", "sh", "bash", "dash", "node", "ruby", "env", "sudo", "time", "nice")
)


def command(argv: Sequence[str], *, root: Path, cwd: Path) -> str:
    """The command line, shell-quoted, the same wherever the project and the tools stand.

    Absolute paths under `root` become relative to it, others their base name, inside
    `--opt=/abs/path` too; secrets in options, build args, URLs and values are redacted.
    """
    roots = sorted(
        {str(place) for place in (root, root.resolve(), cwd, cwd.resolve())}, key=len, reverse=True
    )
    bases = {str(root), str(root.resolve())}
    base = {
        place: (PurePosixPath(".") if place in bases else _below(place, bases)) for place in roots
    }
    words: list[str] = []
    hide_next = False
    for index, argument in enumerate(argv):
        if hide_next and not (argument.startswith(("id=", "type=", "src=", "source=", "env="))):
            words.append(REDACTED)
            hide_next = False
            continue
        hide_next = _announces_secret(argument, argv[:index])
        words.append(text(_relative(_redact_named(argument), base)))
    return shlex.join(words)


def _announces_secret(argument: str, before: Sequence[str]) -> bool:
    """Whether the next argument is a secret: `--password`, `--token`, `-p` of a login."""
    if not argument.startswith("-") or "=" in argument or not before:
        return False
    if argument == "-p":
        names = [PurePosixPath(word).name for word in before if not word.startswith("-")]
        while names and names[0].rstrip("0123456789.") in _INTERPRETERS:
            names.pop(0)
        return bool(names) and (names[0] not in _NO_PASSWORD_P or "login" in names)
    return len(argument) > 2 and looks_secret(argument.lstrip("-"))


def _redact_named(argument: str) -> str:
    """`KEY=VALUE` and `--opt=VALUE`, VALUE hidden where the name says so; nests."""
    name, equals, rest = argument.partition("=")
    if not equals or not re.fullmatch(r"-{0,2}[\w.:-]+", name):
        return argument
    if looks_secret(name.lstrip("-")) and rest and not rest.startswith(("id=", "type=")):
        return f"{name}={REDACTED}"
    return f"{name}={_redact_named(rest)}"


def _below(place: str, bases: set[str]) -> PurePosixPath:
    for base in bases:
        if PurePosixPath(place).is_relative_to(base):
            return PurePosixPath(place).relative_to(base)
    return PurePosixPath(PurePosixPath(place).name)


def _relative(argument: str, base: dict[str, PurePosixPath]) -> str:
    def place(path: str) -> str:
        pure = PurePosixPath(path)
        for root, prefix in base.items():
            if root != "/" and pure.is_relative_to(root):
                return str(prefix / pure.relative_to(root))
        return pure.name or path

    if argument.startswith("/") and not re.search(r"[\s:,;\"'=()<>]", argument):
        return place(argument)
    for (
        root,
        inside,
    ) in base.items():  # a root may hold characters at which the pattern below would stop
        if root != "/" and re.search(r"[\s:,;\"'=()<>]", root):
            prefix = "" if str(inside) == "." else f"{inside}/"
            argument = argument.replace(f"{root}/", prefix)
            argument = re.sub(rf"{re.escape(root)}(?=$|[\s:,;\"'])", lambda _: ".", argument)

    def replace(match: re.Match[str]) -> str:
        if prefix := match["file"]:
            return "file:" + place("/" + match[0][len(prefix) :].lstrip("/"))
        return place(match[0])

    return _PATH_INSIDE.sub(replace, argument)


# --- git remotes -------------------------------------------------------------------------------

_DEFAULT_PORTS: Final = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCP: Final = re.compile(
    r"(?:[^@/\s]{1,256}@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^:/\s@]{2,253}):(?P<path>.+)"
)


def remote(url: str) -> str | None:
    """A git remote as `host/path`: no scheme, user, password or `.git`.

    None for a local path, `file://` and remote helpers (`ext::`), which tell nobody else where
    the source is. A port stays where it is not the scheme's own.
    """
    url = url.strip()
    if (
        not url
        or not url.isprintable()
        or url.startswith(("/", ".", "~"))
        or "::" in url.split("/")[0]
    ):
        return None
    if "://" in url:
        scheme, _, rest = url.partition("://")
        authority, _, path = rest.partition("/")
        if ":" in authority.rpartition("@")[0] and "@" in path:
            return None  # a password with a slash in it: nobody can say where it ends
        authority = authority.rpartition("@")[2]
        if scheme.lower().rpartition("+")[2] == "file" or not authority:
            return None
        try:
            parts = urlsplit(f"//{authority}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return None
        if port and port != _DEFAULT_PORTS.get(
            scheme.lower().rpartition("+")[2].removesuffix("+ssh")
        ):
            host = f"{host}:{port}"
    elif match := _SCP.fullmatch(url):
        host, path = match["host"].lower(), match["path"]
        if "\\" in path:
            return None
    else:
        return None
    path = path.split("?")[0].split("#")[0].strip("/").removesuffix(".git").strip("/")
    return text(f"{host}/{path}") if host and path else None
