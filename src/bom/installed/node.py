"""A folder with node_modules, compared with the BOM of the npm package that is installed in it.

The package's own files are held against the package. Of others a BOM has digests of their
tarballs, not of files: these are held against the receipt that `bom install` left.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, ValidationError

from bom.compose import reading
from bom.errors import BomError
from bom.input import read_bounded
from bom.installed.folder import limited
from bom.installed.protocol import Drift, additional, changed, missing
from bom.installed.tree import Node, differences, digest_of, files, unpacked
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.installed.protocol import Sealed
    from bom.model import Finding

MODULES: Final = "node_modules"
RECEIPT: Final = ".bom/bom-install.json"
_LIMIT: Final = 64 << 20  # bytes
_MANIFEST: Final = 4 << 20  # bytes
_PURL: Final = "pkg:npm/"
_DEPTH: Final = 64  # packages inside packages


class Receipt(BaseModel):
    """How it looked right after everything was checked. `built_sha256`: which artifact. `packages`:
    one digest over each package's files, by folder; `files`: of all else, "-> TARGET" for a link.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    built_sha256: str
    packages: dict[str, str]
    files: dict[str, str]


def receipt_of(root: Path, built_sha256: str) -> Receipt:
    """Of the folder as it is. Raises BomError."""
    packages = {folder: _digest(path) for folder, path in _packages(root)}
    return Receipt(
        built_sha256=built_sha256, packages=packages, files=dict(_others(root, packages))
    )


class NodeTree:
    """Stands in `bom.installed.INSPECTORS`."""

    name: str = "node"

    def recognises(self, place: str, artifact: Sealed) -> bool:
        return artifact.kind == "npm" and Path(place, MODULES).is_dir()

    def compare(self, place: str, artifact: Sealed) -> Drift:
        root = Path(place)
        note = _receipt(root, artifact.built_sha256)
        findings = [*_own(root, artifact), *_listed(root, artifact)]
        if note is None:
            text = "no receipt of `bom install` is there: of other packages only names and versions"
            return limited(findings, (f"{text} are compared", *_absent(root, artifact)))
        told = {finding.where for finding in findings}
        findings += [item for item in _noted(root, artifact, note) if item.where not in told]
        return limited(findings)


def _own(root: Path, artifact: Sealed) -> Iterator[Finding]:
    """The artifact's own files. npm gives files rights of its own."""
    folder = f"{MODULES}/{_name(artifact.document)}"
    if not (root / folder).is_dir():
        yield missing("the artifact is not installed there", folder)
        return
    expected = {
        path.partition("/")[2]: Node(node.kind, node.digest, node.link)
        for path, node in unpacked(artifact.file).items()
        if "/" in path and node.kind != "link"  # npm takes no links out of a tarball
    }
    for path, node in files(root / folder):
        if (
            node.kind == "folder"
            and path not in expected
            and any(name.startswith(f"{path}/") for name in expected)
        ):
            expected[path] = Node("folder")
    inner = () if MODULES in expected else (MODULES,)
    yield from differences(root / folder, expected, inner, f"{folder}/")


def _listed(root: Path, artifact: Sealed) -> Iterator[Finding]:
    """Packages that the BOM does not list."""
    known = {(_name(artifact.document), str(reading.subject(artifact.document).get("version")))}
    for text in reading.purls(artifact.document):
        if text.startswith(_PURL):
            known.add(_coordinates(text))
    for folder, path in _packages(root):
        stated = _stated(path)
        if stated not in known:
            name, version = (printable_name(text) for text in stated)
            yield additional(
                f"{name} {version} in {printable_name(folder)} is not in the BOM",
                printable_name(folder),
            )


def _absent(root: Path, artifact: Sealed) -> Iterator[str]:
    """What ships by the BOM and is nowhere; some of it may be optional."""
    there = {_stated(path) for _, path in _packages(root)}
    parts = artifact.document.get("components")
    listed = {
        _coordinates(str(part.get("purl") or ""))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and str(part.get("purl") or "").startswith(_PURL)
    }
    gone = sorted(f"{name} {version}" for name, version in listed - there)
    if gone:
        shown = printable_name(", ".join(gone[:10]))
        yield f"{len(gone)} packages of the BOM are not there, optional ones perhaps: {shown}"


def _coordinates(purl: str) -> tuple[str, str]:
    name, _, version = purl.removeprefix(_PURL).partition("?")[0].rpartition("@")
    return unquote(name), unquote(version)


def _noted(root: Path, artifact: Sealed, note: Receipt) -> Iterator[Finding]:
    """All else, against the receipt."""
    own = f"{MODULES}/{_name(artifact.document)}"
    now = receipt_of(root, note.built_sha256)
    for was, there, what in (
        (note.packages, now.packages, "package"),
        (note.files, now.files, "file"),
    ):
        for path in sorted(was.keys() | there.keys()):
            shown = printable_name(path)
            if path == own:
                continue
            if path not in there:
                yield missing(f"the {what} {shown} is missing", shown)
            elif path not in was:
                yield additional(f"the {what} {shown} was not installed", shown)
            elif was[path] != there[path]:
                yield changed(
                    f"the {what} {shown} is not as it was installed",
                    shown,
                    expected=was[path],
                    found=there[path],
                )


def _receipt(root: Path, built_sha256: str) -> Receipt | None:
    try:
        found = Receipt.model_validate_json(read_bounded(root / RECEIPT, _LIMIT))
    except (OSError, ValidationError):
        return None
    return found if found.built_sha256 == built_sha256 else None


def _packages(root: Path) -> Iterator[tuple[str, Path]]:
    """Every package's folder, from the root, as Node finds them. Raises BomError."""
    waiting = [(MODULES, root / MODULES)]
    while waiting:
        above, folder = waiting.pop()
        if above.count(f"{MODULES}/") > _DEPTH:
            raise BomError(f"packages lie too deep in {printable_name(above):.200}")
        for name in _folders(folder):
            if name.startswith("."):
                continue
            if name.startswith("@"):
                inner = [f"{name}/{part}" for part in _folders(folder / name)]
            else:
                inner = [name]
            for part in inner:
                yield f"{above}/{part}", folder / part
                if (folder / part / MODULES).is_dir():
                    waiting.append((f"{above}/{part}/{MODULES}", folder / part / MODULES))


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as listing:
            return sorted(item.name for item in listing if item.is_dir(follow_symlinks=False))
    except OSError as error:
        raise BomError(f"{folder} can't be read: {error.strerror}") from error


def _digest(package: Path) -> str:
    """SHA-256 over its files as `sha256sum` lists them, links with their target, without packages
    inside of it."""
    lines = []
    for path, node in files(package):
        if path == MODULES or path.startswith(f"{MODULES}/"):
            continue
        if node.kind == "file":
            lines.append(f"{digest_of(package / path)}  {path}\n")
        elif node.kind != "folder":
            lines.append(f"-> {node.link}  {path}\n")
    text = "".join(sorted(lines)).encode("utf-8", "surrogateescape")
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _others(root: Path, packages: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """All that is in no package, and neither the BOM nor the receipt."""
    for path, node in files(root):
        if node.kind == "folder" or path == RECEIPT or _holder(path, packages):
            continue
        yield (
            printable_name(path),
            f"-> {printable_name(node.link)}"
            if node.kind == "link"
            else f"sha256:{digest_of(root / path)}"
            if node.kind == "file"
            else "other",
        )


def _holder(path: str, packages: Mapping[str, str]) -> bool:
    """Whether a package holds it; what is in a `node_modules` beside packages, none does."""
    above, _, name = path.rpartition("/")
    while above:
        if above in packages:
            return True
        if above.rpartition("/")[2] == MODULES and name.startswith("."):
            return False
        above, _, name = above.rpartition("/")
    return False


def _stated(package: Path) -> tuple[str, str]:
    """Name and version as its package.json has them."""
    try:
        found = json.loads(read_bounded(package / "package.json", _MANIFEST))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return package.name, "without a package.json"
    return str(found.get("name") or package.name), str(found.get("version") or "")


def _name(document: Mapping[str, Any]) -> str:
    part = reading.subject(document)
    group, name = str(part.get("group") or ""), str(part.get("name") or "")
    return f"{group}/{name}" if group else name
