"""Locking: what is asked for, resolved here and now, and what a finished build made of it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from bom.errors import BomError
from bom.lock import images, lockers, packages, tools
from bom.lock.moved import Moved, versions
from bom.lock.project import Asked, asked
from bom.lock.stores import store
from bom.lock_record import NAME, Lock, LockedInstall
from bom.model import Dependency, Material

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.config import Config
    from bom.lock.stores import Store
    from bom.lock_record import LockedTool
    from bom.model import Observation

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where is locked. `root`: the project's, where bom.lock lies."""

    root: Path
    cwd: Path
    environment: Mapping[str, str]
    config: Config


def made(command: Sequence[str], here: Surroundings) -> Lock:
    """Everything resolved anew. `command`: the build whose tools are locked, empty for none.
    Raises BomError, EnvironmentLacks."""
    wanted = _with_locks(here)
    with store(command, here.environment, here.cwd) as where:
        found = _of_source(wanted, where, here)
        brought = [_install(item, where, here) for item in wanted.installs]
    return found.model_copy(
        update={
            "command": list(command),
            "installs": sorted(brought, key=_place),
            "tools": tools.of_command(command, here.environment, here.config, here.cwd)
            if command
            else [],
        }
    )


def updated(locked: Lock, name: str, here: Surroundings) -> Lock:
    """The lock with the one input of this name renewed: an image, a lock file, a tool, or a package
    (then with all that comes by the same `apt-get install`). Raises BomError for a name that
    nothing here has."""
    found = present(locked, here)
    renewed = {
        "files": _renewed(locked.files, found.files, lambda item: item.path == name),
        "images": _renewed(locked.images, found.images, lambda item: item.name == name),
        "tools": _renewed(locked.tools, found.tools, lambda item: item.name == name),
    }
    places = {
        _place(item)
        for item in (*locked.installs, *found.installs)
        if name in versions(item) or name in item.asked or name == item.image
    }
    if places:
        wanted = [
            item for item in asked(here.root).installs if (item.dockerfile, item.image) in places
        ]
        with store(locked.command, here.environment, here.cwd) as where:
            brought = [_install(item, where, here) for item in wanted]
        kept = [item for item in locked.installs if _place(item) not in places]
        renewed["installs"] = sorted((*kept, *brought), key=_place)
    names = _names(locked) | _names(found)
    if name not in names:
        near = get_close_matches(name, names, 1)
        raise BomError(
            f"nothing that is locked here has the name {name}",
            hint=f"did you mean {near[0]}?" if near else f"{NAME} lists the names",
        )
    return locked.model_copy(update=renewed)


def present(locked: Lock, here: Surroundings, seen: Iterable[Observation] = ()) -> Lock:
    """What is here now, to be held against `locked`. Packages are not resolved anew: what a
    Dockerfile asks for is compared, and after the build what came of it. `seen`: facts that hold
    the tools already; else the locked command's are looked at."""
    wanted = asked(here.root)
    if wanted.unlocked:
        raise _unlocked(wanted)
    with store(locked.command, here.environment, here.cwd) as where:
        found = _of_source(wanted, where, here)
    known = {(*_place(item), tuple(item.asked)): item for item in locked.installs}
    installs = [
        known.get(
            (item.dockerfile, item.image, item.asked),
            LockedInstall(
                dockerfile=item.dockerfile,
                image=item.image,
                asked=list(item.asked),
                packages=[],
                present=[],
            ),
        )
        for item in wanted.installs
    ]
    return found.model_copy(
        update={
            "command": locked.command,
            "installs": sorted(installs, key=_place),
            "tools": _tools(locked, here, seen),
        }
    )


def _tools(locked: Lock, here: Surroundings, seen: Iterable[Observation]) -> list[LockedTool]:
    if not locked.command:
        return []
    given = tuple(seen)
    if given:
        return tools.of_observations(given)
    return tools.of_command(locked.command, here.environment, here.config, here.cwd)


def built(locked: Lock, observations: Sequence[Observation]) -> tuple[Moved, ...]:
    """What of a finished build is not what was locked: the images that it was made from, as the
    builder states them, and the Debian packages in it."""
    return tuple(sorted({*_built_on(locked, observations), *_brought_in(locked, observations)}))


def _built_on(locked: Lock, observations: Sequence[Observation]) -> Iterator[Moved]:
    known = {item.name.partition("@")[0]: item for item in locked.images}
    for fact in observations:
        if not isinstance(fact, Material) or fact.kind not in ("base-image", "build-image"):
            continue
        digests = [f"sha256:{item.value}" for item in fact.digests]
        item = known.get(fact.name)
        if item is None:
            yield Moved("image", fact.name, "", ", ".join(digests) or "no digest")
        elif item.of == "name" and digests and item.digest not in digests:
            yield Moved("image", fact.name, item.digest, ", ".join(digests))


def _brought_in(locked: Lock, observations: Sequence[Observation]) -> Iterator[Moved]:
    """Packages that neither the base image has nor bom.lock names, or in another version."""
    bases = {
        fact.name
        for fact in observations
        if isinstance(fact, Material) and fact.kind == "base-image"
    }
    installs = [item for item in locked.installs if item.image in bases]
    if not installs:  # what the base image has is its digest's to say
        return
    allowed: dict[str, set[str]] = {}
    for install in installs:
        for name, version in versions(install).items():
            allowed.setdefault(name, set()).add(version.partition("?")[0])
        for entry in install.present:
            name, _, version = entry.partition("=")
            allowed.setdefault(name.partition(":")[0], set()).add(version)
    for fact in observations:
        if not isinstance(fact, Dependency) or fact.role != "shipped":
            continue
        item = fact.component
        if item.purl.startswith("pkg:deb/") and item.version not in allowed.get(item.name, ()):
            known = ", ".join(sorted(allowed.get(item.name, ())))
            yield Moved("package", item.name, known, item.version)


# --- resolving ---------------------------------------------------------------------------------


def _of_source(wanted: Asked, where: Store, here: Surroundings) -> Lock:
    names = sorted({item.name for item in wanted.images})
    return Lock(
        files=list(wanted.files),
        images=[images.resolved(name, where.images, here.environment) for name in names],
    )


def _install(item: packages.Install, where: Store, here: Surroundings) -> LockedInstall:
    return packages.resolved(item, where.client, here.environment, here.cwd)


def _with_locks(here: Surroundings) -> Asked:
    """What is asked for, once every manifest without a lock got one of its own locker."""
    wanted = asked(here.root)
    if not wanted.unlocked:
        return wanted
    for path, program in wanted.unlocked:
        lockers.run(program, (here.root / path).parent, here.environment)
    wanted = asked(here.root)
    if wanted.unlocked:
        raise _unlocked(wanted)
    return wanted


def _unlocked(wanted: Asked) -> BomError:
    path, program = wanted.unlocked[0]
    more = f" and {len(wanted.unlocked) - 1} more" if len(wanted.unlocked) > 1 else ""
    return BomError(
        f"{path}{more} asks for packages, and no lock says which",
        hint=f"run `{program}` there, or `bom lock`",
    )


def _place(item: LockedInstall) -> tuple[str, str]:
    return item.dockerfile, item.image


def _names(lock: Lock) -> set[str]:
    return {
        *(item.path for item in lock.files),
        *(item.name for item in lock.images),
        *(item.name for item in lock.tools),
        *(name for item in lock.installs for name in (*versions(item), *item.asked)),
    }


def _renewed(
    locked: Sequence[_Entry], found: Sequence[_Entry], named: Callable[[_Entry], bool]
) -> list[_Entry]:
    """The entries of that name as they are now, all others as they were locked."""
    kept = [item for item in locked if not named(item)]
    return sorted((*kept, *filter(named, found)), key=repr)
