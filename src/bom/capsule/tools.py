"""The packages of the tools that a BOM names, each held against the digest of the tool itself: the
one that has the very program in it is the right one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final, Literal

from bom.capsule.deb import apt_name, file_name, holds
from bom.capsule_record import Missing
from bom.errors import BomError
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.capsule.writing import Contents
    from bom.model import Tool

_PATIENCE: Final = 900  # seconds
# Who has no network is told so at once.
_APT: Final = ("apt-get", "-qq", "-o", "Acquire::Retries=0", "-o", "APT::Sandbox::User=root")
_OWN: Final = "pkg:pypi/"  # a Python build's own tools are among its packages


def collected(
    contents: Contents,
    tools: Sequence[Tool],
    folder: Path,
    environment: Mapping[str, str],
    places: Sequence[Path],
) -> Iterator[Missing]:
    """Add the .deb file of every tool that has one; of the others is told why not. `folder`: a new
    one. `places`: folders to look into before this machine's apt is asked."""
    packages: dict[str, set[str]] = {}
    for tool in tools:
        if tool.package.startswith("pkg:deb/"):
            packages.setdefault(tool.package, set()).update(
                item.value for item in tool.hashes if item.alg == "SHA-256"
            )
        elif tool.evidence == "used" and not tool.package.startswith(_OWN):
            kind = tool.package.removeprefix("pkg:").partition("/")[0]
            why = (
                f"this version of bom does not collect {kind} packages of tools"
                if kind
                else "no package is recorded that it belongs to"
            )
            yield _missing(f"{tool.name} {tool.version}".strip(), why)
    for purl, digests in sorted(packages.items()):
        try:
            file = _found(purl, folder, environment, places)
            is_right = not digests or holds(file, digests)
        except BomError as error:
            yield _missing(purl, error.reason)
            continue
        if not is_right:
            yield _missing(purl, f"{file.name} does not hold the program that the BOM names")
            continue
        known: Literal["stated", "resolved"] = "stated" if digests else "resolved"
        contents.add("tool", file.name, file, purl=purl, known=known)


def _found(purl: str, folder: Path, environment: Mapping[str, str], places: Sequence[Path]) -> Path:
    name = file_name(purl)
    for place in places:
        if (place / name).is_file():
            return place / name
    try:
        done = subprocess.run(
            [*_APT, "download", "--", apt_name(purl)],
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise BomError("this machine has no apt-get") from error
    except subprocess.TimeoutExpired as error:
        raise BomError(f"apt-get took over {_PATIENCE} s") from error
    file = folder / name
    if not file.is_file():
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if line.startswith("E:")]
        said = printable_name(errors[0].removeprefix("E: "))[:300] if errors else "nothing"
        raise BomError(f"apt-get does not have it: {said}")
    return file


def _missing(where: str, why: str) -> Missing:
    return Missing(what="tool.package", where=where, why=why)
