"""What a Python build takes: its front end, its back end, and all that these need, as wheels."""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from bom import purl
from bom.capsule_record import Missing
from bom.compose import reading
from bom.errors import EnvironmentLacks
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.rebuild.recipe import Recipe

_FRONTENDS: Final = frozenset({"build", "flit", "hatch", "pdm", "poetry"})
_PATIENCE: Final = 900  # seconds


class Package(NamedTuple):
    """A wheel, its purl, and whether the BOM states its digest or the index has it now."""

    file: Path
    purl: str
    known: Literal["stated", "resolved"]


def is_python(document: Mapping[str, Any]) -> bool:
    """Whether a Python package was built."""
    return reading.subject_property(document, "bom-seal:subject:kind") in ("wheel", "sdist")


def packages(
    recipe: Recipe,
    document: Mapping[str, Any],
    root: Path,
    folder: Path,
    environment: Mapping[str, str],
    places: Sequence[Path],
) -> tuple[list[Package], list[Missing]]:
    """The wheels, downloaded into `folder`, and what of them the BOM doesn't state. `root`: the
    source, checked out. `places`: folders to look into as well as the user's own index.

    Raises EnvironmentLacks where pip can't have them.
    """
    versions = dict(_recorded(recipe, document))
    wanted = list(_wanted(recipe, root, versions))
    if not wanted:
        return [], []
    _download(wanted, folder, environment, places)
    stated = set(_digests(document))
    found: list[Package] = []
    missing: list[Missing] = []
    for file in sorted(folder.iterdir()):
        name, version = _parsed(file)
        is_stated = hashlib.sha256(file.read_bytes()).hexdigest() in stated
        known: Literal["stated", "resolved"] = "stated" if is_stated else "resolved"
        found.append(Package(file, purl.build("pypi", name, version=version), known))
        if not is_stated:
            missing.append(
                Missing(
                    what="package.hash",
                    where=f"{name} {version}",
                    why="the build takes it, and no lock in the BOM states its hash: what the index"
                    " has now is in the capsule",
                )
            )
    return found, missing


def _recorded(recipe: Recipe, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name -> version of the front and back ends that the BOM records."""
    for tool in recipe.tools:
        if tool.kind in ("build-frontend", "build-backend") and tool.version:
            yield canonicalize_name(tool.name), tool.version
    for text in reading.purls(document):
        if text.startswith("pkg:pypi/") and "@" in text:
            name, _, version = text.removeprefix("pkg:pypi/").partition("@")
            yield canonicalize_name(name), version.partition("?")[0]


def _wanted(recipe: Recipe, root: Path, versions: Mapping[str, str]) -> Iterator[str]:
    """The requirements: recorded versions where there are any, else as the project has them."""
    try:
        table = tomllib.loads((root / recipe.folder / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        table = {}
    system = table.get("build-system")
    requires = system.get("requires") if isinstance(system, dict) else None
    for text in requires if isinstance(requires, list) else ["setuptools"]:
        try:
            asked = Requirement(str(text))
        except InvalidRequirement:
            continue  # its own build fails at it
        name = canonicalize_name(asked.name)
        extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
        marker = f" ; {asked.marker}" if asked.marker else ""
        exact = f"=={versions[name]}" if name in versions else str(asked.specifier)
        yield f"{name}{extras}{exact}{marker}"
    for tool in recipe.tools:
        if tool.kind == "build-frontend" and tool.name in _FRONTENDS and tool.version:
            yield f"{tool.name}=={tool.version}"


def _download(
    wanted: Sequence[str], folder: Path, environment: Mapping[str, str], places: Sequence[Path]
) -> None:
    argv = ["python3", "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    argv += ["--only-binary", ":all:", "--dest", str(folder)]
    argv += [word for place in places for word in ("--find-links", str(place))]
    try:
        done = subprocess.run(
            [*argv, "--", *wanted],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise EnvironmentLacks("pip does not download what the build takes") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR:")] or lines or [""]
        raise EnvironmentLacks(
            f"pip does not download what the build takes: {printable_name(errors[-1])[:300]}",
            hint="an index that holds it, or --from FOLDER with its wheels",
        )


def wheel_purl(file: Path) -> str:
    """Of the distribution that a wheel's name names."""
    name, version = _parsed(file)
    return purl.build("pypi", name, version=version)


def _parsed(file: Path) -> tuple[str, str]:
    try:
        name, version, _, _ = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        return file.name, ""
    return name, str(version)


def _digests(document: Mapping[str, Any]) -> Iterator[str]:
    """The SHA-256 of every distribution file that the BOM states."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for entry in value.get("externalReferences", ()):
                for item in entry.get("hashes", ()) if isinstance(entry, dict) else ():
                    if isinstance(item, dict) and item.get("alg") == "SHA-256":
                        yield str(item.get("content", ""))
            waiting += [value[key] for key in ("components", "formulation") if key in value]
        elif isinstance(value, list):
            waiting += value
