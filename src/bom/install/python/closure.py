"""Which of the packages that a BOM lists are needed here: for this Python, with these extras.

A BOM holds every version for every marker, group and extra. What is needed follows from what the
packages themselves state (Requires-Dist), read out of files whose digests the BOM lists, so it is
as good as the BOM. It is found in rounds: what is needed is fetched, read, and may need more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bom.errors import BomError
from bom.install.intake import NotInstalled
from bom.installed.python.markers import holds
from bom.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.installed.python.listed import Listed

UNLISTED: Final = "dependency-unlisted"


@dataclass(frozen=True, slots=True)
class Stated:
    """What a package says of itself. `extras`: those that it has. `python`: the versions that it
    runs on, as a specifier, "" for all."""

    name: str
    version: str
    requires: tuple[str, ...]
    extras: frozenset[str]
    python: str = ""


def stated(metadata: bytes) -> Stated:
    """Core metadata. Raises BomError where it has no name or version."""
    message = HeaderParser().parsestr(metadata.decode("utf-8", "replace"))
    name, version = str(message.get("Name") or ""), str(message.get("Version") or "")
    if not name or not version:
        raise BomError("a package's METADATA states no name or no version")
    extras = frozenset(canonicalize_name(str(e)) for e in message.get_all("Provides-Extra") or ())
    requires = tuple(str(text) for text in message.get_all("Requires-Dist") or ())
    python = str(message.get("Requires-Python") or "").strip()
    return Stated(canonicalize_name(name), version.strip(), requires, extras, python)


@dataclass(slots=True)
class Closure:
    """What is needed, as far as it is known. `what`: what needs something, for a person.
    `code`: of the finding where something is needed that the BOM does not list."""

    listed: Mapping[str, Sequence[Listed]]
    markers: Mapping[str, str]
    code: str = UNLISTED
    chosen: dict[str, Listed] = field(default_factory=dict)
    _extras: dict[str, set[str]] = field(default_factory=dict)
    _known: dict[str, Stated] = field(default_factory=dict)

    def add(self, package: Stated, extras: Iterable[str] = ()) -> list[Listed]:
        """A package that is there, with extras asked of it; what it needs that is not chosen yet,
        sorted. Raises NotInstalled for what the BOM does not list with a digest."""
        self._known[package.name] = package
        self._extras.setdefault(package.name, set()).update(map(canonicalize_name, extras))
        return self._follow([package.name])

    def ask(self, texts: Iterable[str], who: str) -> list[Listed]:
        """The same for requirements that `who` states."""
        new: list[Listed] = []
        waiting: list[str] = []
        for text in texts:
            self._take(text, who, "", new, waiting)
        return sorted({*new, *self._follow(waiting)})

    def _follow(self, waiting: list[str]) -> list[Listed]:
        new: list[Listed] = []
        while waiting:
            package = self._known[waiting.pop()]
            for extra in sorted({"", *self._extras[package.name]}):
                for text in package.requires:
                    self._take(text, f"{package.name} {package.version}", extra, new, waiting)
        return sorted(set(new))

    def _take(self, text: str, who: str, extra: str, new: list[Listed], waiting: list[str]) -> None:
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            raise _refused(self.code, f"{who} states a requirement that can't be read", text) from (
                error
            )
        if wanted.marker is not None and not holds(str(wanted.marker), self.markers, extra):
            return
        name = canonicalize_name(wanted.name)
        asked = {canonicalize_name(item) for item in wanted.extras}
        active = self._extras.setdefault(name, set())
        fresh = asked - active
        active |= asked
        if name in self._known:  # it is there already: its extras may need more
            self._check_version(wanted, self._known[name].version, who)
            if fresh:
                waiting.append(name)
        elif name in self.chosen:
            self._check_version(wanted, self.chosen[name].version, who)
        else:
            self.chosen[name] = self._chosen(wanted, name, who)
            new.append(self.chosen[name])

    def _check_version(self, wanted: Requirement, version: str, who: str) -> None:
        if not _fits(wanted, version):
            raise _refused(
                self.code,
                f"{who} needs {wanted.name}{wanted.specifier}, and {version} is what fits the rest",
                wanted.name,
            )

    def _chosen(self, wanted: Requirement, name: str, who: str) -> Listed:
        candidates = self.listed.get(name, ())
        if not candidates:
            raise _refused(self.code, f"{who} needs {name}, which the BOM does not list", name)
        fitting = [item for item in candidates if item.version and _fits(wanted, item.version)]
        if not fitting:
            have = ", ".join(sorted({item.version for item in candidates} - {""}))
            told = f"of which the BOM lists {have}" if have else "of which the BOM has no version"
            reason = f"{who} needs {name}{wanted.specifier}, {told}"
            raise _refused(self.code, reason, name)
        here = [
            item for item in fitting if all(holds(mark, self.markers, "") for mark in item.markers)
        ]
        chosen = max(here or fitting, key=lambda item: _version(item.version))
        if not chosen.digests:
            reason = f"{who} needs {name} {chosen.version}, of which the BOM has no digest"
            raise _refused(self.code, reason, name)
        return chosen


def _fits(wanted: Requirement, version: str) -> bool:
    try:
        return wanted.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _refused(code: str, reason: str, where: str) -> NotInstalled:
    return NotInstalled(
        f"nothing is installed: {reason}",
        [Finding(code, reason, where=where)],
        hint="lock the project's dependencies with their digests, and seal it anew",
    )
