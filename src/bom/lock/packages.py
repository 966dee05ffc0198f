"""The Debian packages that a Dockerfile's `apt-get install` brings in, as the image's own apt
resolves them in a container (apt-get(8) --print-uris, apt-cache(8) show)."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bom import purl
from bom.catalog.images.runs import runs
from bom.errors import BomError, EnvironmentLacks
from bom.lock_record import LockedInstall, LockedPackage
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SEPARATORS: Final = frozenset({"&&", "||", ";", "|", "&"})
_APT: Final = re.compile(r"\bapt(?:-get)?\b[^&|;\n]*\binstall\b")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+:~-]+)?", re.ASCII)
# What changes which packages come; all else of apt's options is about how.
_OPTIONS: Final = frozenset({"--no-install-recommends", "--install-suggests"})
_PATIENCE: Final = 600  # seconds
_FILE: Final = re.compile(r"'[^']*' (?P<name>[^_ ]+)_(?P<version>[^_ ]+)_(?P<arch>[^_ .]+)\.deb ")
_FIELD: Final = re.compile(r"^(Package|Version|Architecture|SHA256): (\S+)$", re.MULTILINE)
_MARK: Final = "--bom--"
# The names come from `_NAME` and are arguments, never part of the script.
_SCRIPT: Final = f"""
set -e
. /etc/os-release
echo "$ID"
echo {_MARK}
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
dpkg-query -W -f '${{binary:Package}}=${{Version}}\\n'
echo {_MARK}
apt-get update -qq >&2
apt-get install -y -qq --print-uris "$@" > /tmp/uris
cat /tmp/uris
echo {_MARK}
sed -n "s/^'[^']*' \\([^_ ]*\\)_\\([^_ ]*\\)_\\([^_ .]*\\)\\.deb .*/\\1:\\3=\\2/p" /tmp/uris \\
  | sed 's/%3a/:/g' | while read -r name; do apt-cache show "${{name}}"; done
"""


@dataclass(frozen=True, slots=True)
class Install:
    """What the stages of one Dockerfile that stand on one image ask apt for, in order."""

    dockerfile: str
    image: str
    asked: tuple[str, ...]


def installs(text: str, place: str) -> list[Install]:
    """Each image's, in the order of the Dockerfile. Raises BomError for a package whose name can't
    be known from the Dockerfile."""
    asked: dict[str, dict[str, None]] = {}
    seen = 0
    for run in runs(text):
        for words in _calls(run.command):
            seen += 1
            into = asked.setdefault(run.image, {})
            for word in words:
                if word.startswith("-"):
                    if word in _OPTIONS:
                        into[word] = None
                elif _NAME.fullmatch(word):
                    into[word] = None
                else:
                    raise BomError(
                        f"{place}:{run.line}: what apt-get installs can't be known:"
                        f" {printable_name(word):.100}",
                        hint="name the packages in the RUN itself",
                    )
    written = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    if seen < len(_APT.findall(written.replace("\\\n", " "))):
        raise BomError(
            f"{place} calls apt-get where it can't be followed: in a here document or a script",
            hint="call it straight in a RUN",
        )
    return [
        Install(place, image, tuple(sorted(words)))
        for image, words in asked.items()
        if any(not word.startswith("-") for word in words)
    ]


def _calls(command: str) -> Iterator[list[str]]:
    """The words behind each `apt-get … install`."""
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        words = command.split()
    if command.startswith("["):  # the exec form
        words = [word.strip('",') for word in command.strip("[] ").split()]
    call: list[str] = []
    for word in (*words, ";"):
        if word not in _SEPARATORS and not set(word) <= set("();&|"):
            call.append(word)
            continue
        while call and "=" in call[0] and not call[0].startswith("-"):  # NAME=VALUE before it
            call = call[1:]
        if call and call[0] in ("apt-get", "apt") and "install" in call:
            at = call.index("install")
            yield [*(w for w in call[1:at] if w.startswith("-")), *call[at + 1 :]]
        call = []


def resolved(
    install: Install, program: Sequence[str], environment: Mapping[str, str], cwd: Path
) -> LockedInstall:
    """What the image's apt would bring in now. `program`: the client that runs containers
    (`docker`, `podman`, with its own options). Raises BomError, EnvironmentLacks."""
    argv = (
        *program,
        *("run", "--rm", "--network=host", "--entrypoint", "sh", install.image),
        *("-c", _SCRIPT, "sh", *install.asked),
    )
    try:
        done = subprocess.run(
            argv,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise EnvironmentLacks(
            f"{program[0]} is not on PATH, and apt is asked in a container",
            hint="lock where the images are built",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EnvironmentLacks(f"apt in {install.image} took over {_PATIENCE} s") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EnvironmentLacks(
            f"apt in {install.image} does not say what it would install:"
            f" {printable_name(lines[-1] if lines else '')[:300]}",
            hint=f"its package sources have to be reached; what is asked for: {install.dockerfile}",
        )
    parts = done.stdout.decode("utf-8", "replace").split(_MARK)
    vendor, present, uris, shown = [part.strip() for part in (*parts, "", "", "", "")][:4]
    digests = dict(_digests(shown))
    found: list[LockedPackage] = []
    for match in _FILE.finditer(uris + " "):
        key = (match["name"], unquote(match["version"]), match["arch"])
        if key not in digests:
            raise BomError(
                f"apt in {install.image} states no SHA-256 of {key[0]} {key[1]}",
                hint="its package source has to list SHA256 sums",
            )
        found.append(LockedPackage(purl=_purl(vendor, *key), sha256=digests[key]))
    return LockedInstall(
        dockerfile=install.dockerfile,
        image=install.image,
        asked=list(install.asked),
        packages=sorted(found, key=lambda item: item.purl),
        present=sorted(present.split()),
    )


def _digests(shown: str) -> Iterator[tuple[tuple[str, str, str], str]]:
    for record in re.split(r"\n\s*\n", shown):
        fields = dict(_FIELD.findall(record))
        if len(fields) == 4 and re.fullmatch(r"[0-9a-f]{64}", fields["SHA256"]):
            key = (fields["Package"], fields["Version"], fields["Architecture"])
            yield key, fields["SHA256"]


def _purl(vendor: str, name: str, version: str, architecture: str) -> str:
    qualifiers = {"arch": architecture}
    return purl.build("deb", name, namespace=vendor, version=version, qualifiers=qualifiers)
