"""From a package URL to what OSV calls the package: its ecosystem, the release of the system, its
name there (OSV schema, "affected[].package" and the list of ecosystems)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.audit.model import Lookup
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.purl import Purl

_LANGUAGES: Final = {
    "cargo": "crates.io",
    "composer": "Packagist",
    "gem": "RubyGems",
    "githubactions": "GitHub Actions",
    "golang": "Go",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pub": "Pub",
    "pypi": "PyPI",
    "swift": "SwiftURL",
}
_DEBIAN_CODENAMES: Final = {
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
}
_NUMBERS: Final = re.compile(r"(\d+)(?:\.(\d+))?(?:\.\d+)*\Z")
_GO_RELEASE: Final = re.compile(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?\Z")
_RUN: Final = re.compile(r"[-_.]+")


class NotListed(Exception):
    """No advisories can be looked up for such a package; the text says why."""


def lookups(found: Purl, source: str) -> tuple[Lookup, ...]:
    """By what to look it up. `source`: the purl of the source package of a system's package, or "".

    Raises NotListed.
    """
    if not found.version:
        raise NotListed("it has no version")
    if found.type in _LANGUAGES:
        return (Lookup(_LANGUAGES[found.type], "", _name(found), _version(found)),)
    if found.type in _SYSTEMS:
        ecosystem, release = _SYSTEMS[found.type](found)
        upstream = _source(found, source)
        if found.type == "deb" and upstream is None:
            raise NotListed("its source package is not stated, and Debian's advisories go by that")
        names = [item for item in (upstream, (found.name, _version(found))) if item]
        # Debian and Alpine list source packages alone; a binary's name may be another one's source
        names = names[:1] if found.type in ("deb", "apk") else names
        return tuple(dict.fromkeys(Lookup(ecosystem, release, *item) for item in names))
    raise NotListed(f"there is no database of advisories for packages of type {found.type}")


def covers(listed: str, wanted: Lookup) -> bool:
    """Whether OSV's ecosystem `listed` (`Debian:12`) is the one that is looked up. Without a
    release it is all of them."""
    base, _, release = listed.partition(":")
    if base != wanted.ecosystem:
        return False
    if not release or not wanted.release:
        return not release
    judge = _RELEASES.get(base)
    return judge(release, wanted.release) if judge else release == wanted.release


def normal_name(name: str) -> str:
    """A key that is the same for all spellings of a name, in every ecosystem (PyPI's is the
    coarsest, PEP 503)."""
    return _RUN.sub("-", name.lower())


def same_name(ecosystem: str, one: str, two: str) -> bool:
    if ecosystem == "PyPI":
        return normal_name(one) == normal_name(two)
    if ecosystem in ("NuGet", "Packagist", "GitHub Actions"):
        return one.lower() == two.lower()
    return one == two


def _name(found: Purl) -> str:
    joint = ":" if found.type == "maven" else "/"
    return f"{found.namespace}{joint}{found.name}" if found.namespace else found.name


def _version(found: Purl) -> str:
    epoch = dict(found.qualifiers).get("epoch", "")
    if found.type == "rpm" and epoch:
        return f"{epoch}:{found.version}"
    if found.type == "golang" and _name(found) in ("stdlib", "toolchain"):
        release = _GO_RELEASE.match(found.version)
        if release:
            major, minor, patch, kind, number = release.groups()
            return f"{major}.{minor}.{patch or 0}" + (f"-{kind}.{number}" if kind else "")
    return found.version


def _source(found: Purl, source: str) -> tuple[str, str] | None:
    """Name and version of the source package: as our own BOMs state it, or by the qualifier
    `upstream` that others use."""
    if source:
        try:
            parsed = purl.parse(source)
        except BomError:
            return None
        return (parsed.name, _version(parsed) or _version(found))
    qualifiers = dict(found.qualifiers)
    if qualifiers.get("arch") == "source":
        return (found.name, _version(found))
    name, _, version = qualifiers.get("upstream", "").partition("@")
    return (name, version or _version(found)) if name and found.type != "rpm" else None


# --- operating systems --------------------------------------------------------------------------


def _release(found: Purl) -> str:
    """What the qualifier `distro` says behind the distribution's name (`12` of `debian-12`)."""
    distro = dict(found.qualifiers).get("distro", "")
    release = distro.removeprefix(f"{found.namespace}-") if distro != found.namespace else ""
    if not release:
        raise NotListed("the release of its distribution is not stated")
    return release


def _numbered(found: Purl, parts: int) -> str:
    release = _release(found)
    numbers = _NUMBERS.match(release)
    if numbers is None:
        raise NotListed(f"{found.namespace} {release} is no release that advisories go by")
    return ".".join(part for part in numbers.groups()[:parts] if part)


def _deb(found: Purl) -> tuple[str, str]:
    if found.namespace == "debian":
        release = _DEBIAN_CODENAMES.get(_release(found))
        return "Debian", release or _numbered(found, 1)
    if found.namespace == "ubuntu":
        return "Ubuntu", _numbered(found, 2)
    raise NotListed(f"there is no database of advisories for {found.namespace}")


def _apk(found: Purl) -> tuple[str, str]:
    without = {"wolfi": "Wolfi", "chainguard": "Chainguard", "minimos": "MinimOS"}
    if found.namespace in without:
        return without[found.namespace], ""
    if found.namespace == "alpine":
        return "Alpine", _numbered(found, 2)
    if found.namespace == "alpaquita":
        return "Alpaquita", _release(found)
    raise NotListed(f"there is no database of advisories for {found.namespace}")


def _rpm(found: Purl) -> tuple[str, str]:
    majors = {
        "almalinux": "AlmaLinux",
        "azurelinux": "Azure Linux",
        "mageia": "Mageia",
        "rocky": "Rocky Linux",
    }
    name = found.namespace
    if name in majors:
        return majors[name], _numbered(found, 1)
    if name in ("rhel", "redhat"):
        return "Red Hat", _release(found).removeprefix("rhel-")
    if name == "photon":
        return "Photon OS", _numbered(found, 2)
    if name == "openeuler":
        return "openEuler", _numbered(found, 2)
    if name == "opensuse":
        kind, _, number = _release(found).partition("-")
        if kind == "leap" and number:
            return "openSUSE", f"Leap {number}"
        if kind == "tumbleweed":
            return "openSUSE", "Tumbleweed"
    if name in ("sles", "suse"):
        numbers = _NUMBERS.match(_release(found).removeprefix("sles-"))
        if numbers:
            return "SUSE", f"{numbers[1]} SP{numbers[2]}" if numbers[2] else numbers[1]
    raise NotListed(f"there is no database of advisories for {name}")


_SYSTEMS: Final[dict[str, Callable[[Purl], tuple[str, str]]]] = {
    "apk": _apk,
    "deb": _deb,
    "rpm": _rpm,
}


def _ubuntu(listed: str, release: str) -> bool:
    """`22.04:LTS`, and `Pro:22.04:LTS`: what Ubuntu Pro mends is open without it. Not FIPS, whose
    packages are others."""
    return listed.removesuffix(":LTS").removeprefix("Pro:") == release


def _red_hat(listed: str, release: str) -> bool:
    """`enterprise_linux:9::appstream`."""
    product, _, rest = listed.partition(":")
    stated = rest.partition(":")[0]
    return product == "enterprise_linux" and stated in (release, release.partition(".")[0])


_RELEASES: Final[dict[str, Callable[[str, str], bool]]] = {
    "Alpine": lambda listed, release: listed.removeprefix("v") == release,
    "Red Hat": _red_hat,
    "SUSE": lambda listed, release: bool(re.search(rf"(?:^| ){re.escape(release)}\b", listed)),
    "Ubuntu": _ubuntu,
    # of 24.03-LTS, 24.03-LTS-SP1, …: os-release names the service pack elsewhere
    "openEuler": lambda listed, release: listed.partition("-")[0] == release,
}
