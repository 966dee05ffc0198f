"""What an installer is, what it is given, and what it says that it will do.

An artifact is verified before any installer sees it, and what they install is the private copy
that was verified: nobody can put another file in its place meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - a field of a value
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - a field of a value
from typing import Any, Literal, Protocol

Action = Literal["install", "replace", "keep", "remove", "load", "tag", "restore"]


@dataclass(frozen=True, slots=True)
class Verified:
    """An artifact whose verdict is good.

    `file`: the private copy of the sealed file, under its own name (its BOM and bundle beside
    it where it can't carry them). `room`: a private folder (mode 0700) for whatever the install
    needs; it is gone afterwards. `kind`: the subject's ("wheel", "sdist", "image", "npm",
    "tar", "tar.gz", "file"). `built_sha256`: hex, of the built bytes; `sha256`: of the sealed
    file. `built_name`: the built file's own name.
    """

    file: Path
    room: Path
    document: Mapping[str, Any]
    kind: str
    sha256: str
    built_sha256: str
    built_name: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for; empty where not asked. `given`: the options of the command line
    that only some installers take, as the user spells them (`--tag`)."""

    environment: Mapping[str, str]
    given: frozenset[str] = frozenset()
    python: Path | None = None
    target: Path | None = None
    prefix: Path | None = None
    tags: tuple[str, ...] = ()
    installer: Literal["pip", "uv"] = "pip"
    extras: tuple[str, ...] = ()
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    allow_setuid: bool = False
    keep_owner: bool = False
    allow_scripts: bool = False
    engine: Literal["", "docker", "podman"] = ""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One thing that an install does. `digest`: `ALGORITHM:HEX` of the bytes it takes, "" where
    it takes none. `detail`: one phrase, "" for none."""

    name: str
    version: str = ""
    action: Action = "install"
    digest: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an install will do, in order. `where`: what is installed into, as a person calls it.
    `prepared`: what the installer keeps for its own `install`."""

    where: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    prepared: Any = field(default=None, compare=False)


class Installer(Protocol):
    """One kind of artifact. Stands in `bom.install.INSTALLERS`."""

    name: str
    options: frozenset[str]  # of those in `Request.given`, the ones it takes

    def recognises(self, artifact: Verified) -> bool: ...

    def plan(self, artifact: Verified, request: Request) -> Plan:
        """All that can be checked and fetched before anything is changed.

        May write into `artifact.room` only, but for what restores the state before an install
        that was cut off. Raises BomError, NotInstalled where something is not what the BOM says.
        """
        ...

    def install(self, artifact: Verified, request: Request, plan: Plan) -> Plan:
        """Do it; what was done. Whatever it raises, the target is as before."""
        ...
