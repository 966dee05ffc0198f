"""Crates as components, identified by where they come from (Cargo's "source" of a package)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.stated import public_url, vcs_url
from bom.model import Component, Distribution, Hash, Property

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.model import Occurrence

SOURCE: Final = "bom-seal:rust:source"

# The registry that a purl without repository_url means, by its index and its sparse index.
CRATES_IO: Final = "registry+https://github.com/rust-lang/crates.io-index"
_DEFAULT: Final = frozenset([CRATES_IO, "sparse+https://index.crates.io/"])
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")
COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


def kind(source: str) -> str:
    """`crates.io`, `registry`, `git` or `local`: cargo-auditable's words for a source."""
    if not source:
        return "local"
    if source in _DEFAULT:
        return "crates.io"
    return "git" if source.startswith("git+") else "registry"


def checksum(text: str) -> tuple[Hash, ...]:
    """A lock's checksum: the SHA-256 of the .crate file."""
    return (Hash("SHA-256", text),) if _SHA256.match(text) else ()


def reference(name: str, version: str, source: str) -> str:
    """A crate's purl; "" where it is in no registry or repository that others could reach, so
    that it isn't taken for the one of that name on crates.io. Raises BomError."""
    of = kind(source)
    if of == "crates.io":
        return purl.build("cargo", name, version=version)
    if of == "registry":
        place = public_url(source.partition("+")[2])
        qualifiers = {"repository_url": place}
    elif of == "git":
        url, _, commit = source.partition("#")
        place = vcs_url("git", url, commit) if COMMIT.match(commit) else ""
        qualifiers = {"vcs_url": place}
    else:
        place, qualifiers = "", {}
    if not place:
        return ""
    return purl.build("cargo", name, version=version, qualifiers=qualifiers)


def component(
    name: str,
    version: str,
    source: str,
    *,
    sha256: str = "",
    properties: Iterable[Property] = (),
    occurrences: tuple[Occurrence, ...] = (),
) -> Component:
    """A crate; `source` as Cargo.lock spells it, or only its `kind`. Raises BomError."""
    of = source if source in ("git", "local", "registry") else kind(source)
    named = reference(name, version, "" if source == of else source)
    # Without a purl the name is judged all the same, and what stands for it looks like one.
    ref = "" if named else purl.build("cargo", name, version=version).removeprefix("pkg:")
    files: tuple[Distribution, ...] = ()
    if hashes := checksum(sha256):
        files = (Distribution(f"{name}-{version}.crate", hashes=hashes),)
    facts = set(properties)
    if of != "crates.io":
        facts.add(Property(SOURCE, of))
    return Component(
        "library",
        name,
        version,
        purl=named,
        ref=ref.replace("/", ":", 1),
        distributions=files,
        properties=tuple(sorted(facts)),
        occurrences=occurrences,
    )
