"""Contexts and Dockerfiles that the builder fetches itself: git repositories and URLs.

Which bytes it fetched only the builder can say: its provenance names each with a digest, a git
repository by its commit's SHA-1, anything else by SHA-256. Without one there is a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom import redact
from bom.model import Gap, Material

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bom.builder.images.provenance import Source
    from bom.model import Observation

# Docker's client and BuildKit's frontend know these by their beginnings (build, "URL").
_PREFIXES: Final = ("http://", "https://", "git://", "git@", "ssh://", "github.com/")
_SCP: Final = re.compile(r"(?:[^@/\s]{1,256}@)?([^:/\s@]{1,253}):(?!/)(.+)", re.DOTALL)
_USER: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_GIT: Final = re.compile(r"\.git(?=$|[#?])")


def is_remote(place: str) -> bool:
    """Whether docker fetches this context or Dockerfile instead of reading a local path; a folder
    of this name goes before."""
    return place.startswith(_PREFIXES) or place.endswith(".git")


def shown(url: str) -> str:
    """The URL without user and password, and without what else in it is secret."""
    without = _USER.sub("", url)
    if "://" not in without:
        without = re.sub(r"^[^@/\s]+@", "", without)
    return redact.text(without)


@dataclass(frozen=True, slots=True)
class Remote:
    """What the builder fetches. `label`: the name of a named context, "" for the main one."""

    url: str
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.label}={shown(self.url)}" if self.label else shown(self.url)


def settle(
    remotes: Sequence[Remote], sources: Sequence[Source] | None
) -> tuple[tuple[Observation, ...], tuple[Source, ...] | None]:
    """The materials of the remote contexts, a gap where the builder states no digest; and the
    sources that are none of them."""
    left = None if sources is None else list(sources)
    found: list[Observation] = []
    used: set[str] = set()
    for remote in remotes:
        source = _match(remote, sources or ())
        found.extend(_described(remote, source, sources))
        if source is not None:
            used.add(source.uri)
    if left is None:
        return tuple(found), None
    return tuple(found), tuple(source for source in left if source.uri not in used)


def _described(
    remote: Remote, source: Source | None, sources: Sequence[Source] | None
) -> Iterator[Observation]:
    digests = source.digests if source is not None else ()
    yield Material(kind="context", name=remote.name, digests=digests)
    if digests:
        return
    where = remote.name
    if sources is None:
        why = "it is remote: this builder fetches it and states no digest of it"
    elif source is None:
        why = "it is remote, and the builder's provenance does not name it"
    else:
        why = "it is remote, and the builder's provenance states no digest of it"
    yield Gap("context.digest", where, why)


def _match(remote: Remote, sources: Sequence[Source]) -> Source | None:
    wanted = _normal(remote.url)
    fetched = [source for source in sources if not source.image]
    return next((source for source in fetched if _normal(source.uri) == wanted), None)


def _normal(url: str) -> str:
    """What two spellings of one place have in common: BuildKit hides user and password, and leaves
    a repository's subfolder out."""
    url = url.strip()
    if url.startswith("github.com/"):
        url = f"https://{url}"
    if "://" not in url and (match := _SCP.fullmatch(url)):
        url = f"ssh://{match[1]}/{match[2]}"
    url = _USER.sub("", url)
    place, mark, fragment = url.partition("#")
    if not _GIT.search(place) and not place.startswith(("git://", "ssh://")):
        return url
    reference = fragment.partition(":")[0]
    place = place.removesuffix("/").removesuffix(".git")
    return f"{place}{mark if reference else ''}{reference}"
