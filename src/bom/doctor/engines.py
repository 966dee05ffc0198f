"""Container engines: which client is here, and whether an engine answers it."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Final

from bom.doctor.getting import advice
from bom.doctor.programs import asked_for, stated_version
from bom.doctor.protocol import Answer
from bom.errors import BomError
from bom.process import printed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.builder.docker.engine import Engine
    from bom.doctor.protocol import Machine, Status

_RECIPES: Final = ("Dockerfile", "Containerfile", "compose.yaml", "docker-compose.yml")
_APART: Final = 2.0  # seconds between two clocks that do no harm
_PATIENCE: Final = 10.0  # seconds


def docker(machine: Machine) -> Iterator[Answer]:
    """The client, its plugins and the engine that it would use."""
    path = machine.environment.get("PATH")
    client = shutil.which("docker", path=path)
    if client is None:
        yield Answer("build", "docker", _lacking(machine), "", "docker build", advice("docker"))
        return
    yield Answer("build", "docker", "good", stated_version((client, "--version"), machine))
    for plugin in ("buildx", "compose"):
        version = stated_version((client, plugin, "version"), machine)
        status: Status = "good" if version else "absent"
        tip = "" if version else f"install docker's {plugin} plugin"
        yield Answer("build", f"docker {plugin}", status, version, f"docker {plugin}", tip)
    yield from _engine(machine)


def podman(machine: Machine) -> Iterator[Answer]:
    yield _without_engine("podman", machine)


def buildah(machine: Machine) -> Iterator[Answer]:
    yield _without_engine("buildah", machine)


def _engine(machine: Machine) -> Iterator[Answer]:
    from bom.builder.docker.endpoint import NoOptions
    from bom.builder.docker.engine import reach

    try:
        engine = reach(NoOptions(), machine.environment, machine.cwd)
    except BomError as error:
        yield Answer("build", "docker engine", "bad", error.reason, "docker build", error.hint)
        return
    try:
        yield from _answering(engine)
    except BomError as error:
        yield Answer("build", "docker engine", "bad", error.reason, "docker build", error.hint)
    finally:
        engine.close()


def _answering(engine: Engine) -> Iterator[Answer]:
    parts = {part.name: part.version for part in engine.version()}
    store = "containerd" if engine.has_containerd_store() else "classic"
    said = f"{parts.get('Engine') or next(iter(parts.values()), '')}, {store} store"
    yield Answer("build", "docker engine", "good", said, "docker build")
    apart = float(engine.time()) - time.time()
    if abs(apart) > _APART:
        yield Answer(
            "build",
            "the engine's clock",
            "bad",
            f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's",
            "what a build made is known by its time",
            "set both clocks by NTP",
        )


def _without_engine(name: str, machine: Machine) -> Answer:
    """podman and buildah, which need no daemon: `info` says whether their storage can be used."""
    path = shutil.which(name, path=machine.environment.get("PATH"))
    purpose = f"{name} build"
    if path is None:
        return Answer("build", name, "absent", "", purpose, advice(name))
    version = stated_version((path, "--version"), machine)
    info = printed(
        (path, "info"), environment=machine.environment, cwd=machine.cwd, patience=_PATIENCE
    )
    if not info:
        said = f"{version}, but its storage can't be used"
        return Answer("build", name, "bad", said, purpose, f"see what `{name} info` says")
    return Answer("build", name, "good", version, purpose)


def _lacking(machine: Machine) -> Status:
    """A project with a Dockerfile asks for docker, unless podman or buildah is there."""
    path = machine.environment.get("PATH")
    others = any(shutil.which(name, path=path) for name in ("podman", "buildah"))
    return "missing" if asked_for(_RECIPES, machine) and not others else "absent"
