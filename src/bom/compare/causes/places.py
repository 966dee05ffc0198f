"""Causes that a file's own place tells: logs and caches, and the files of a package of which the
two builds have two versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.compare.causes.model import Judgement
from bom.compare.causes.versions import NONE, told

if TYPE_CHECKING:
    from bom.compare.causes.model import Scene

_APT: Final = (
    "Remove it in the RUN that fills it: `rm -rf /var/lib/apt/lists/* /var/cache/apt "
    "/var/cache/debconf /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log`."
)
_LDCONFIG: Final = "Remove /var/cache/ldconfig/aux-cache in the RUN that installs libraries."
_LOG: Final = "Remove logs in the RUN that writes them (`rm -rf /var/log/*`)."
_APK: Final = "Install with `apk add --no-cache`."
_RPM: Final = (
    "End the RUN with `dnf clean all && rm -rf /var/cache/dnf /var/log/dnf*`; "
    "the rpm database holds times of installation, so build it in one step from fixed packages."
)
_PIP: Final = "Install with `pip install --no-cache-dir`."
_NPM: Final = "Remove the cache in the same RUN (`npm cache clean --force`, `rm -rf ~/.npm`)."
_TEMP: Final = "Remove what is temporary in the RUN that makes it (`rm -rf /tmp/* /var/tmp/*`)."
_TESTS: Final = "Run tests outside of what is packed, or leave their caches out (.dockerignore)."
_CACHE: Final = "Remove the cache in the RUN that fills it."

# The first that fits. Patterns are of a path without its first slash.
_TABLE: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
    (re.compile(pattern), what, remedy)
    for pattern, what, remedy in (
        (r"var/log/apt/|var/log/(?:dpkg|alternatives|bootstrap)\.log", "a log of apt", _APT),
        (r"var/log/(?:dnf|yum|hawkey|zypp)", "a log of dnf", _RPM),
        (r"var/log/", "a log", _LOG),
        (r"var/cache/ldconfig/", "ldconfig's cache of file stamps", _LDCONFIG),
        (r"etc/ld\.so\.cache$", "ldconfig's cache", "Install the same libraries in both."),
        (r"var/cache/(?:apt|debconf)/|var/lib/apt/", "apt's cache", _APT),
        (r"var/lib/dpkg/[\w/.-]*-old$|var/lib/dpkg/(?:lock|triggers/Lock)", "dpkg's backup", _APT),
        (r"var/lib/systemd/catalog/|var/lib/systemd/random-seed", "systemd's cache", _CACHE),
        (r"var/lib/(?:rpm|dnf|yum)/|usr/lib/sysimage/rpm/", "a package database", _RPM),
        (r"var/cache/(?:dnf|yum|libdnf5?)/", "dnf's cache", _RPM),
        (r"var/cache/apk/|lib/apk/db/(?:lock|scripts\.tar)|var/log/apk", "apk's cache", _APK),
        (r"etc/apk/cache/", "apk's cache", _APK),
        (r"var/cache/", "a cache", _CACHE),
        (r"(?:.*/)?\.cache/pip/", "pip's cache", _PIP),
        (r"(?:.*/)?(?:\.npm/|\.yarn/cache/|\.pnpm-store/|\.cache/yarn/)", "npm's cache", _NPM),
        (r"(?:.*/)?(?:\.pytest_cache|\.mypy_cache|\.ruff_cache|\.hypothesis|\.tox|\.nox)/",
         "a cache of tests and checks", _TESTS),
        (r"(?:.*/)?__pycache__/[^/]+-pytest-[^/]+\.pyc$", "bytecode of a run of the tests", _TESTS),
        (r"(?:root|home/[^/]+)/\.cache/", "a cache", _CACHE),
        (r"(?:var/)?tmp/|run/", "a temporary file", _TEMP),
    )
)  # fmt: skip
_SITE: Final = re.compile(r"(?:.*/)?(?:site|dist)-packages/([^/]+)")
_NODE: Final = re.compile(r"(?:.*/)?node_modules/((?:@[^/]+/)?[^/]+)/")
_INFO: Final = re.compile(
    r".+/([A-Za-z0-9][\w.]*)-(\d[\w.!+]*?)(?:-py[\d.]+)?\.(?:dist-info|egg-info)(?:/|$)"
)
_DPKG: Final = re.compile(r"var/lib/dpkg/info/([a-z0-9][a-z0-9+.-]*?)(?::\w+)?\.\w+$")
_DOC: Final = re.compile(r"usr/share/doc/([a-z0-9][a-z0-9+.-]*)/")
_PACKAGES: Final = (("pypi", _SITE), ("npm", _NODE), ("deb", _DPKG), ("deb", _DOC))


def judge(scene: Scene) -> Judgement | None:
    """The cause of everything in a file, told by its path."""
    name = scene.leaf.name.lstrip("./")
    if _in_an_image(scene):
        for pattern, what, remedy in _TABLE:
            if pattern.match(name):
                return Judgement("log-or-cache", f"{what}: {name}", remedy)
    return _package(name, scene)


def _in_an_image(scene: Scene) -> bool:
    """Paths say this in a root file system. A tar of one is not known from another tar, but no
    project has a folder `var/cache/apt`; `tmp/` and `run/` alone mean it in a layer only."""
    name = scene.leaf.name.lstrip("./")
    return "layer" in scene.leaf.path or not name.startswith(("tmp/", "run/"))


def _package(name: str, scene: Scene) -> Judgement | None:
    """The package that the file belongs to, where the two builds have two versions of it."""
    first, second = (known.dependencies for known in scene.known)
    found = _INFO.match(name)
    if found and scene.leaf.only:
        package = _plain(found[1])
        for key in sorted(first.keys() & second.keys()):
            if _named(key, "pypi") == package:
                return told(key, first[key], second[key])
        versions = (found[2], NONE) if scene.leaf.only == "one" else (NONE, found[2])
        return told(package, *versions)
    for kind, pattern in _PACKAGES:
        found = pattern.match(name)
        if not found:
            continue
        wanted = _plain(found[1].partition("-")[0] if kind == "pypi" else found[1])
        for key in sorted(first.keys() | second.keys()):
            one, two = first.get(key, ""), second.get(key, "")
            if one != two and _named(key, kind) == wanted:
                return told(key, one or NONE, two or NONE)
    return None


def _named(key: str, kind: str) -> str:
    """The name in a purl without version (or a bare name), "" for another type of package."""
    if key.startswith("pkg:") and not key.startswith(f"pkg:{kind}/"):
        return ""
    name = key.removeprefix(f"pkg:{kind}/").partition("?")[0].replace("%40", "@")
    return _plain(name.rpartition("/")[2] if kind == "deb" else name)


def _plain(name: str) -> str:
    """A package's name in the one spelling that pip compares (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
