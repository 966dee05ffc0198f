"""The files inside a tar, listed when it is sealed and compared when it is found damaged."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bom.archive.tar import TarMember, TarPush
from bom.errors import BadArtifact
from bom.model import Finding, Member
from bom.printable import printable_name
from bom.seal._front import is_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LIMIT: Final = 5_000_000  # files in a tar
_STRANGERS: Final = 1000  # files that are listed beside those that were sealed


class MemberList:
    """Digests the regular files of a tar that flows by.

    Sparse members are left out: what is stored of them is not the file, and a size of theirs
    is a claim that costs nothing to make.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._hash = sha256()
        self._limit = limit
        self._found: list[Member] = []
        self._push = TarPush(self._begin, self._end)

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._found)

    def feed_all(self, pieces: Iterable[bytes]) -> None:
        """Raises BadArtifact, also from the pieces; what came before it stays listed."""
        for piece in pieces:
            self._push.feed(piece)
        self._push.close()

    def _begin(self, member: TarMember) -> Callable[[memoryview], object] | None:
        if not member.is_file or member.sparse:
            return None
        self._hash = sha256()
        return self._hash.update

    def _end(self, member: TarMember) -> None:
        if member.is_file and not member.sparse:
            if len(self._found) == self._limit:
                raise BadArtifact("oversized", f"the tar holds more than {self._limit} files")
            name = printable_name(member.name)
            self._found.append(Member(name, member.size, self._hash.hexdigest()))


def member_damage(pieces: Iterable[bytes], document: Mapping[str, object]) -> tuple[Finding, ...]:
    """Where a sealed tar's files differ from the signed list; empty where none is signed."""
    signed = _signed(document)
    if not signed:
        return ()
    # What was not sealed has no bound: ten megabytes of gzip can hold twenty million files.
    listing = MemberList(sum(map(Counter.total, signed.values())) + _STRANGERS)
    broken: BadArtifact | None = None
    try:
        listing.feed_all(pieces)
    except BadArtifact as error:
        broken = error
    found: dict[str, Counter[str]] = {}
    for number, member in enumerate(listing.members):
        if number > 1 or not is_own(member.name):
            found.setdefault(member.name, Counter())[member.sha256] += 1
    findings = []
    for name in sorted(signed.keys() | found.keys()):
        missing = signed.get(name, Counter()) - found.get(name, Counter())
        extra = found.get(name, Counter()) - signed.get(name, Counter())
        # After a break nothing more could be read, so what is missing there says nothing.
        if extra or (missing and broken is None):
            findings.append(_finding(name, missing, extra))
    if broken is not None:
        findings.append(Finding(broken.code, broken.reason, where=broken.where))
    return tuple(findings)


def _finding(name: str, missing: Counter[str], extra: Counter[str]) -> Finding:
    if not extra:
        message = f"the file {name} is missing"
    elif not missing:
        message = f"the file {name} was not there when the artifact was sealed"
    else:
        message = f"the file {name} is not the one that was sealed"
    return Finding(
        "damaged",
        message,
        expected=" ".join(f"sha256:{value}" for value in sorted(missing.elements())),
        found=" ".join(f"sha256:{value}" for value in sorted(extra.elements())),
        where=name,
    )


def _signed(document: Mapping[str, object]) -> dict[str, Counter[str]]:
    """`metadata.component.components` of type file: name to its SHA-256 digests."""
    signed: dict[str, Counter[str]] = {}
    metadata = document.get("metadata")
    component = metadata.get("component") if isinstance(metadata, dict) else None
    rows = component.get("components") if isinstance(component, dict) else None
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or row.get("type") != "file":
            continue
        name, hashes = row.get("name"), row.get("hashes")
        for item in hashes if isinstance(hashes, list) else ():
            if isinstance(name, str) and isinstance(item, dict) and item.get("alg") == "SHA-256":
                signed.setdefault(name, Counter())[str(item.get("content"))] += 1
    return signed
