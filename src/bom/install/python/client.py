"""pip and uv: what both are asked for, and how what they say becomes an error of ours.

They work in a private folder. What they read of their own configuration is where packages come
from; nothing of it (a `target`, a `no-deps`) may change what is done here.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping  # noqa: TC003 - a field of a value
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field of a value
from typing import TYPE_CHECKING, Final, Protocol

from bom import redact
from bom.errors import BomError, EnvironmentLacks
from bom.install.intake import NotInstalled
from bom.install.python.closure import stated
from bom.model import Finding
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bom.install.python.closure import Closure, Stated
    from bom.installed.python.listed import Listed

DIGEST: Final = "dependency-digest"
_ROUNDS: Final = 100  # the longest chain of packages that need each other
_PATIENCE: Final = 3600  # seconds: a slow line and large wheels
_EXPECTED: Final = re.compile(r"Expected:?\s+(?:sha\d+ )?((?:sha\d+:)?[0-9a-f]{64,})")
_GOT: Final = re.compile(r"(?:Got|Computed:?)\s+((?:sha\d+:)?[0-9a-f]{64,})")
_FULL: Final = "No space left on device"
_RAISED: Final = re.compile(r"^[\w.]+(?:Error|Exception): .+$", re.MULTILINE)
_NAMED: Final = re.compile(r"(?:Hash mismatch for `([^`]+)`|^\s+(\S+) from \S+.*:$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was fetched and is what the BOM lists. `metadata`: its METADATA. `wheel`:
    the file, None where the client keeps only what was in it. `digest`: of the file, as listed;
    "" where it may be any of several. `files`: what lies in the folder of packages afterwards,
    without what an installer writes: path -> `sha256:HEX`."""

    name: str
    version: str
    metadata: bytes
    files: Mapping[str, str]
    wheel: Path | None = None
    digest: str = ""


class Client(Protocol):
    """pip or uv, at work for one interpreter in one private folder."""

    name: str

    def fetch(self, wanted: Sequence[Listed], at_hand: Mapping[str, Path]) -> list[Package]:
        """Packages with one of their listed digests each, wheels only: nothing of them is run.
        `at_hand`: files that are at hand, by name. Raises NotInstalled, EnvironmentLacks."""
        ...

    def stage(self, packages: Sequence[Package], folder: Path, target: Path | None) -> None:
        """Install what was fetched below `folder`, from there, without a network."""
        ...


def requirements(wanted: Iterable[Listed]) -> str:
    """A requirements file in which everything has its digests."""
    lines = []
    for item in sorted(wanted):
        what = f"{item.name} @ {item.url}" if item.url else f"{item.name}=={item.version}"
        lines.append(" ".join([what, *(f"--hash={digest}" for digest in item.digests)]) + "\n")
    return "".join(lines)


def run(argv: Sequence[str], environment: Mapping[str, str], cwd: Path, what: str) -> None:
    """Run a client. `what` it is to do, for the error where it doesn't.

    Raises NotInstalled where a digest is another one, EnvironmentLacks for all else.
    """
    try:
        done = subprocess.run(
            list(argv),
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentLacks(f"{what}: the program can't be run or takes too long") from error
    if done.returncode == 0:
        return
    said = done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
    if "DO NOT MATCH THE HASHES" in said or "Hash mismatch" in said:
        raise mismatch(_package(said), _first(_EXPECTED, said), _first(_GOT, said))
    raise EnvironmentLacks(f"{what}: {_reason(said)}", hint=_hint(said))


def mismatch(name: str, expected: str, found: str) -> NotInstalled:
    """A file of a listed package that is not one of those that the BOM lists."""
    shown = name or "a package"
    return NotInstalled(
        f"nothing is installed: {shown} is another file than the BOM lists",
        [Finding(DIGEST, f"{shown} is another file than the BOM lists", expected, found, name)],
        hint="ask who runs the index; nothing of it was run",
    )


def fetched(closure: Closure, wanted: list[Listed], client: Client) -> tuple[Package, ...]:
    """`wanted` and all that it needs, fetched in rounds."""
    found: list[Package] = []
    for _ in range(_ROUNDS):
        if not wanted:
            return tuple(sorted(found, key=lambda item: item.name))
        got = client.fetch(wanted, {})
        found += got
        wanted = sorted({new for item in got for new in closure.add(_said(item))})
    raise BomError(f"packages need each other over more than {_ROUNDS} steps")


def _said(package: Package) -> Stated:
    said = stated(package.metadata)
    if said.name != package.name:
        raise BomError(f"the file of {package.name} {package.version} says that it is {said.name}")
    return said


def check_digest(file: Path, item: Listed) -> str:
    """The listed digest that the file has. Raises NotInstalled where it has none of them."""
    found = ""
    for algorithm in sorted({digest.partition(":")[0] for digest in item.digests}):
        with file.open("rb") as stream:
            found = f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"
        if found in item.digests:
            return found
    raise mismatch(f"{item.name}=={item.version}", ", ".join(item.digests), found)


def _package(said: str) -> str:
    found = _NAMED.search(said)
    return printable_name(found[1] or found[2])[:200] if found else ""


def _first(pattern: re.Pattern[str], said: str) -> str:
    found = pattern.search(said)
    if found is None:
        return ""
    return found[1] if ":" in found[1] else f"sha256:{found[1]}"


def _reason(said: str) -> str:
    """The line that says most: the last one of pip's errors, all of uv's on one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    told = errors[-1] if errors else " ".join(lines)
    if _FULL in said:
        told = _FULL  # of a traceback, or of a list of all files that it did not write
    elif told == "Exception:":  # pip's word for a fault of its own, and a traceback
        told = (_RAISED.findall(said) or [told])[-1]
    for sign in ("×", "╰─▶", "├─▶", "│"):
        told = told.replace(sign, " ")
    return redact.text(printable_name(" ".join(told.split())))[:500] or "it says nothing"


def _hint(said: str) -> str:
    if "externally-managed" in said or "externally managed" in said:
        return "`python3 -m venv FOLDER`, then --python FOLDER"
    if "different Python" in said or "not a supported wheel" in said:
        return "name an interpreter that it is made for with --python"
    if _FULL in said:
        return "make room, or set TMPDIR to a folder on another disk"
    return "an index that holds it (--index-url), or a folder with its wheels (--find-links)"
