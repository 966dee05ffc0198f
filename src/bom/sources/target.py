"""What `bom scan` is pointed at: a path, `docker:NAME`, or `oci://HOST/NAME[:TAG][@sha256:…]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bom.errors import BomError

ENGINE: Final = "docker:"
REGISTRY: Final = "oci://"
_EXAMPLE: Final = "oci://registry.example.org/team/app:1.4"
_NAME_LIMIT: Final = 255  # characters of a repository's name, its host included

_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# OCI distribution specification 1.1, "Pulling manifests".
_PART: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-{1,16})[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image in the engine, by the name, tag, ID or digest that the engine knows it by."""

    name: str


@dataclass(frozen=True, slots=True)
class RegistryImage:
    """An image in a registry. `host` as given, with its port; `tag` is "" where only a digest is
    given, and `digest` ("sha256:…") where only a tag is."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        return f"{self.host}/{self.repository}"

    @property
    def reference(self) -> str:
        """What the registry is asked for."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{'@' if self.digest else ''}{self.digest}"


Target = Path | EngineImage | RegistryImage


def parse(given: Path | str) -> Target:
    """What is meant; a Path is always a path. Raises BomError for what names nothing."""
    if isinstance(given, Path):
        return given
    if given.startswith(REGISTRY):
        return _registry(given.removeprefix(REGISTRY))
    if given.startswith(ENGINE):
        name = given.removeprefix(ENGINE)
        if not name.strip() or not name.isprintable():
            raise BomError("docker: is followed by no image", hint="bom scan docker:app:1.4")
        return EngineImage(name)
    return Path(given)


def _registry(text: str) -> RegistryImage:
    host, _, rest = text.partition("/")
    if "@" in host:
        # not repeated: what stands before it may be a password
        raise BomError(
            "credentials don't belong into the name of an image", hint="docker login HOST"
        )
    whole, at, digest = rest.partition("@")
    folder, slash, last = whole.rpartition("/")
    last, colon, tag = last.partition(":")
    repository = f"{folder}{slash}{last}"
    sound = (
        _HOST.fullmatch(host)
        and len(host) + len(repository) < _NAME_LIMIT
        and all(_PART.fullmatch(part) for part in repository.split("/"))
        and (not colon or _TAG.fullmatch(tag))
        and (not at or _DIGEST.fullmatch(digest))
    )
    if not sound:
        raise BomError(
            f"{REGISTRY}{text:.300} names no image in a registry", hint=f"bom scan {_EXAMPLE}"
        )
    if host in ("docker.io", "index.docker.io"):
        host = "docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    return RegistryImage(host, repository, tag or ("" if digest else "latest"), digest)
