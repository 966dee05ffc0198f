"""A wheel out of a sealed sdist, by hashed code only.

pip runs a build backend that no hash covers, even for an sdist whose own hash is checked. So what
builds must be in the BOM with its digests, too: it is installed into an environment of its own,
and the build takes what is there and nothing else.
"""

from __future__ import annotations

import subprocess
import tarfile
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact, BomError, EnvironmentLacks
from bom.install.python.client import check_digest, fetched
from bom.install.python.closure import Closure
from bom.install.python.interpreter import clean, interpreter
from bom.install.python.pip import Pip
from bom.installed.python.listed import Listed, building
from bom.seal import recognise, unseal_to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.install.protocol import Request, Verified
    from bom.install.python.interpreter import Interpreter

CODE: Final = "build-requirement-unlisted"
_LIMIT: Final = 1 << 20  # bytes of a pyproject.toml
_PATIENCE: Final = 300  # seconds


def built(artifact: Verified, python: Interpreter, request: Request, folder: Path) -> Path:
    """The wheel, in `folder`. Raises NotInstalled where what builds it is not in the BOM with
    digests, before any of it is fetched or run."""
    source = _as_built(artifact, folder)
    requires = _requires(source)
    closure = Closure(building(artifact.document), python.markers, CODE)
    wanted = closure.ask(requires, "building the sdist")
    environment = artifact.room / "build-environment"
    _new_environment(python, environment, request.environment)
    private = interpreter(replace(request, python=environment, target=None))
    room = artifact.room / "build-client"
    room.mkdir(mode=0o700)
    pip = Pip(private, request, room)
    packages = fetched(closure, wanted, pip)
    if packages:
        pip.install(packages)
    out = folder / "wheel"
    out.mkdir(mode=0o700)
    return pip.build(source, out)


def _as_built(artifact: Verified, folder: Path) -> Path:
    """The sdist without its seal: what the BOM's digest is of."""
    out = folder / artifact.built_name
    form = recognise(artifact.file)
    if form is None or form.read(artifact.file) is None:  # its BOM stands beside it
        out.write_bytes(artifact.file.read_bytes())
    else:
        unseal_to(form, artifact.file, out)
    check_digest(out, Listed(out.name, "", (f"sha256:{artifact.built_sha256}",)))
    return out


def _requires(source: Path) -> list[str]:
    """`build-system.requires` (PEP 518), with its default."""
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                parts = member.name.removeprefix("./").split("/")
                if parts[1:] == ["pyproject.toml"] and member.isfile():
                    content = archive.extractfile(member)
                    raw = content.read(_LIMIT + 1) if content else b""
                    return _stated(raw)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadArtifact("damaged", f"{source.name} can't be read as an sdist") from error
    return ["setuptools>=40.8.0"]


def _stated(raw: bytes) -> list[str]:
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise BomError("the sdist's pyproject.toml can't be read") from error
    system = table.get("build-system")
    requires = system.get("requires") if isinstance(system, dict) else None
    if requires is None:
        return ["setuptools>=40.8.0"]
    if not isinstance(requires, list) or not all(isinstance(text, str) for text in requires):
        raise BomError("the sdist's pyproject.toml states its build requirements in no known way")
    return list(requires)


def _new_environment(python: Interpreter, folder: Path, environment: Mapping[str, str]) -> None:
    argv = [python.executable, "-I", "-m", "venv", "--without-pip", str(folder)]
    try:
        done = subprocess.run(
            argv,
            env=clean(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentLacks(f"{python.executable} makes no environment") from error
    if done.returncode:
        raise EnvironmentLacks(
            f"{python.executable} makes no environment to build in",
            hint="install its venv module (Debian: python3-venv)",
        )
