"""The name of an image in a registry: `HOST/NAME[:TAG][@sha256:…]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bom.errors import BomError

HUB: Final = "docker.io"
_NAME_LIMIT: Final = 255  # characters of a repository's name, its host included

_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# OCI distribution specification 1.1, "Pulling manifests".
_PART: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-{1,16})[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


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
    def familiar(self) -> str:
        """The name as docker shows it, without tag."""
        if self.host != HUB:
            return self.name
        return self.repository.removeprefix("library/")

    @property
    def reference(self) -> str:
        """What the registry is asked for."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{'@' if self.digest else ''}{self.digest}"


def parse(text: str) -> RegistryImage | None:
    """The image that `text` names; None where it names none. Without tag and digest it is
    `latest`. Raises BomError where credentials stand in it."""
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
        return None
    if host in (HUB, f"index.{HUB}"):
        host = HUB
        repository = repository if "/" in repository else f"library/{repository}"
    return RegistryImage(host, repository, tag or ("" if digest else "latest"), digest)


def of_reference(reference: str) -> RegistryImage | None:
    """The image that docker means by a name (distribution/reference): without a host it is one of
    Docker Hub. None where it names none."""
    host, slash, _ = reference.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost" or host != host.lower())
    return parse(reference if is_host else f"{HUB}/{reference}")
