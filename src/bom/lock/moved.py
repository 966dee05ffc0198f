"""What moved between a lock and what is here now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.lock_record import Lock, LockedInstall

Kind = Literal["lock-file", "image", "package", "tool"]


@dataclass(frozen=True, slots=True, order=True)
class Moved:
    """One input that is not the locked one. `locked`: "" where bom.lock doesn't name it; `found`:
    "" where it is not there any more."""

    kind: Kind
    name: str
    locked: str
    found: str

    @property
    def entry(self) -> str:
        """The name that `bom lock --update` takes."""
        name = self.name.partition(" in ")[0] if self.kind == "package" else self.name
        name = name.rpartition(" ")[2] if self.kind == "tool" else name
        return self.name.rpartition(" on ")[2] if name == "asked for" else name

    @property
    def sentence(self) -> str:
        what = f"{self.kind} {self.name}"
        if not self.locked:
            return f"{what} is not in bom.lock ({self.found})"
        if not self.found:
            return f"{what} is not there any more ({self.locked})"
        return f"{what}: {self.locked} -> {self.found}"


def moved(locked: Lock, found: Lock) -> tuple[Moved, ...]:
    """Every input that differs, sorted."""
    return tuple(
        sorted(
            {
                *_between("lock-file", _files(locked), _files(found)),
                *_between("image", _images(locked), _images(found)),
                *_between("package", _packages(locked), _packages(found)),
                *_between("tool", _tools(locked), _tools(found)),
            }
        )
    )


def _between(kind: Kind, locked: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Moved]:
    for name in locked.keys() | found.keys():
        if locked.get(name) != found.get(name):
            yield Moved(kind, name, locked.get(name, ""), found.get(name, ""))


def _files(lock: Lock) -> dict[str, str]:
    return {item.path: f"sha256:{item.sha256}" for item in lock.files}


def _images(lock: Lock) -> dict[str, str]:
    return {item.name: item.digest for item in lock.images}


def _packages(lock: Lock) -> dict[str, str]:
    found: dict[str, str] = {}
    for install in lock.installs:
        place = f"in {install.dockerfile} on {install.image}"
        found[f"asked for {place}"] = " ".join(install.asked)
        found |= {f"{name} {place}": version for name, version in versions(install).items()}
    return found


def versions(install: LockedInstall) -> dict[str, str]:
    """Name -> version (and digest) of what one install brings in."""
    found: dict[str, str] = {}
    for item in install.packages:
        name, _, rest = item.purl.rpartition("/")[2].partition("@")
        found[name] = f"{rest} sha256:{item.sha256}"
    return found


def _tools(lock: Lock) -> dict[str, str]:
    return {
        f"{item.kind} {item.name}": f"{item.version or 'no version'}"
        + (f" sha256:{item.sha256}" if item.sha256 else "")
        for item in lock.tools
    }
