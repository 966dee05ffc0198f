"""Names, versions and requirements of gems (RubyGems' `Gem::Version`, `Gem::Requirement`; purl
type gem)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
# Gem::Version::VERSION_PATTERN, without the hyphen, which specifications and locks never have.
_VERSION: Final = re.compile(r"\d{1,64}(?:\.[0-9A-Za-z]{1,64}){0,30}\Z", re.ASCII)
_PLATFORM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z", re.ASCII)
_SEGMENT: Final = re.compile(r"[0-9]+|[a-zA-Z]+")
_REQUIREMENT: Final = re.compile(r"\s*(=|!=|>=|<=|~>|>|<)?\s*([0-9A-Za-z.]{1,200})\s*\Z")
DEFAULT_PLATFORM: Final = "ruby"

# A version's order: numbers count, and a letter segment stands below any number.
_Order = tuple[tuple[int, int, str], ...]


def valid_name(text: str) -> str:
    """The name as it is, or "" where no gem can be called that."""
    return text if _NAME.match(text) and set(text) - set("._-") else ""


def valid_version(text: str) -> str:
    """The version as it is, or "" where it is none."""
    return text if _VERSION.match(text) else ""


def valid_platform(text: str) -> str:
    """The platform, "" for gems that are for any (`ruby`) or where it is none."""
    return text if _PLATFORM.match(text) and text != DEFAULT_PLATFORM else ""


def full_name(name: str, version: str, platform: str = "") -> str:
    """What RubyGems calls its file and its folder."""
    return f"{name}-{version}-{platform}" if platform else f"{name}-{version}"


def gem_purl(name: str, version: str, platform: str = "", vcs_url: str = "") -> str:
    """The gem's purl; "" where it breaks a rule."""
    qualifiers = {"platform": platform, "vcs_url": vcs_url}
    try:
        return purl.build("gem", name, version=version, qualifiers=qualifiers)
    except BomError:
        return ""


def order(version: str) -> _Order:
    """What versions are sorted by (`Gem::Version#<=>`)."""
    found: list[tuple[int, int, str]] = []
    letters = False
    for part in _SEGMENT.findall(version)[:64]:
        if part.isdecimal():
            found.append((1, int(part), ""))
            continue
        if not letters:
            _drop_zeros(found)
        letters = True
        found.append((0, 0, part))
    _drop_zeros(found)
    # The end counts as a zero, so a letter behind it makes the version a lower one.
    return (*found, (1, 0, ""))


def _drop_zeros(found: list[tuple[int, int, str]]) -> None:
    """1.0.0 is 1, and 1.0.rc1 is 1.rc1."""
    while found and found[-1] == (1, 0, ""):
        found.pop()


def satisfies(version: str, requirements: Iterable[str]) -> bool:
    """Whether a version is one that is asked for (`~> 1.2`, `>= 1`, ...); what can't be read
    asks for nothing."""
    return all(_one(version, text) for text in requirements)


def _one(version: str, requirement: str) -> bool:
    found = _REQUIREMENT.match(requirement)
    if found is None:
        return True
    operator, wanted = found[1] or "=", found[2]
    here, there = order(version), order(wanted)
    if operator == "~>":
        return here >= there and order(_release(version)) < order(_bump(wanted))
    return {
        "=": here == there,
        "!=": here != there,
        ">": here > there,
        "<": here < there,
        ">=": here >= there,
        "<=": here <= there,
    }[operator]


def _release(version: str) -> str:
    """The version without what makes it a prerelease."""
    kept = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        kept.append(part)
    return ".".join(kept) or "0"


def _bump(version: str) -> str:
    """The first version that `~>` shuts out: 1.2.3 gives 1.3, 1.2 gives 2."""
    parts = _release(version).split(".")
    if len(parts) > 1:
        parts.pop()
    parts[-1] = str(int(parts[-1][:64]) + 1)
    return ".".join(parts)
