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
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "REDACTED",
    "command",
    "kinds",
    "looks_secret",
    "remote",
    "secret_file",
    "secrets_of",
    "text",
    "value",
]


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
    r"(?P<layout>oci-layout://)(?=/)[^\s:,;\"'=()@]*|"
    r"(?:(?<=[\s=,;\"'(:@<>])|(?<=^)|(?<=^-[A-Za-z]))(?<!:/)/(?!/)[^\s:,;\"'=()<>]+"
)
# fmt: off
_NO_PASSWORD_P: Final = frozenset((
    "mkdir", "cp", "install", "rsync", "cargo", "make", "gmake", "ninja", "go", "uv", "pytest",
    "tox", "nox", "gradle", "gradlew", "pip", "docker", "podman", "buildah", "nerdctl", "build",
    "venv", "dotnet", "mvn", "tar", "git", "cmake", "rm", "bazel", "meson", "npm", "npx", "pnpm",
    "yarn", "tsc", "perl", "docker-compose", "docker-buildx",
))
# fmt: on
_INTERPRETERS: Final = frozenset(
    ("python", "sh", "bash", "dash", "node", "ruby", "env", "sudo", "time", "nice")
)
_IMAGE_BUILDERS: Final = frozenset(("docker", "docker-compose", "podman", "buildah", "nerdctl"))
_GLUED_PASSWORD: Final = ("mysql", "mariadb", "sshpass")
_USER_AND_PASSWORD: Final = re.compile(r"(?!\d+:\d+$)([^\s:]+):.+", re.DOTALL)
_NAMED: Final = re.compile(r"(-{0,2}[\w.:-]+)=")


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that are named like secrets, longest first.

    A shell puts them into command lines (`curl .../$TOKEN`), where nothing marks them. Short
    values, numbers and absolute paths are left out: they would be found in everything.
    """
    found = {
        value
        for name, value in environment.items()
        if len(value) >= 8 and looks_secret(name) and not value.startswith("/")
    }
    return tuple(sorted((v for v in found if not v.isdigit()), key=lambda v: (-len(v), v)))


def command(argv: Sequence[str], *, root: Path, cwd: Path, known: Sequence[str] = ()) -> str:
    """The command line, shell-quoted, the same wherever the project and the tools stand.

    Absolute paths under `root` become relative to it, others their base name, inside
    `--opt=/abs/path` too; secrets in options, build args, URLs and values are redacted, and the
    `known` ones (see `secrets_of`) wherever they stand.
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
    before = ""
    program = _program(argv)
    for argument in argv:
        for secret in known:
            argument = argument.replace(secret, REDACTED)
        if program in _IMAGE_BUILDERS and (lent := _lent(before, argument)):
            words.append(lent)
            before, hide_next = "", False
            continue
        if hide_next and not (argument.startswith(("id=", "type=", "src=", "source=", "env="))):
            words.append(REDACTED)
            hide_next = False
            before = ""
            continue
        if before in ("-u", "--user") and (match := _USER_AND_PASSWORD.fullmatch(argument)):
            argument = f"{match[1]}:{REDACTED}"
        before = argument
        hide_next = bool(words) and _announces_secret(argument, program)
        words.append(text(_relative(_redact_named(argument, program), base)))
    return shlex.join(words)


def _program(argv: Sequence[str]) -> str:
    """What is really run, behind `sudo`, `env` and interpreters; "login" for a login."""
    names = [PurePosixPath(word).name for word in argv if not word.startswith("-")]
    if "login" in names[:4]:
        return "login"
    skipped = (name for name in names if name.rstrip("0123456789.") not in _INTERPRETERS)
    return next((name for name in skipped if "=" not in name), "")


def _announces_secret(argument: str, program: str) -> bool:
    """Whether the next argument is a secret: `--password`, `--token`, `-p` of a login."""
    if not argument.startswith("-") or "=" in argument:
        return False
    if argument == "-p":
        return bool(program) and program not in _NO_PASSWORD_P
    return len(argument) > 2 and looks_secret(argument.lstrip("-"))


def _redact_named(argument: str, program: str) -> str:
    """`KEY=VALUE` and `--opt=VALUE`, VALUE hidden where the name says so; nests."""
    if re.fullmatch(r"-p.+", argument, re.DOTALL) and program.startswith(_GLUED_PASSWORD):
        return f"-p{REDACTED}"
    position = 0
    while match := _NAMED.match(argument, position):
        position = match.end()
        rest = argument[position : position + 5]
        if rest and looks_secret(match[1].lstrip("-")) and not rest.startswith(("id=", "type=")):
            return f"{argument[:position]}{REDACTED}"
    return argument


def _lent(before: str, argument: str) -> str:
    """What an image build is lent by `--secret` and `--ssh`, by id alone; "" for other words."""
    option, equals, value = argument.partition("=")
    if not equals or option not in ("--secret", "--ssh"):
        option, equals, value = before, "", argument
    if option not in ("--secret", "--ssh"):
        return ""
    if option == "--ssh":
        name, given, _ = value.partition("=")
        shown = f"{text(name)}={REDACTED}" if given else text(name)
    else:
        fields = (field.partition("=") for field in value.split(","))
        shown = ",".join(
            f"{name}={text(kept) if name in ('id', 'type') else REDACTED}" if mark else REDACTED
            for name, mark, kept in fields
        )
    return f"{option}={shown}" if equals else shown


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
        if prefix := match["layout"]:
            return prefix + place(match[0][len(prefix) :])
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
