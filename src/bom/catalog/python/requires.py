"""Which installed distribution requires which (PyPA "Dependency specifiers")."""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING, Final, NamedTuple

from bom.catalog.python.names import extras_in
from bom.model import Gap
from bom.printable import printable_name
from bom.purl import pypi_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping

    from packaging.markers import Marker

    from bom.catalog.protocol import FileView
    from bom.catalog.python.installed import Installed

_SITE: Final = re.compile(
    r"(?P<prefix>.*?)(?:^|/)lib(?:64)?/(?P<impl>python|pypy)(?P<version>\d+(?:\.\d+)?)/"
    r"(?P<kind>site|dist)-packages\Z",
    re.S,
)
_SYSTEM: Final = "system"
_USER: Final = ".local"  # site.USER_BASE on POSIX
_PYTHON3: Final = "usr/bin/python3"
_VERSIONED: Final = re.compile(r"python(\d+\.\d+)\Z")
_SYSTEM_SITE: Final = re.compile(rb"(?im)^include-system-site-packages\s*=\s*true\s*$")
_HOME: Final = re.compile(rb"(?im)^home\s*=[ \t]*([^\r\n]*)$")
_COPIES: Final = 8  # of one name in one environment, that an edge can lead to
_MACHINES: Final = {
    "usr/lib/x86_64-linux-gnu": "x86_64",
    "usr/lib/aarch64-linux-gnu": "aarch64",
    "usr/lib/arm-linux-gnueabihf": "armv7l",
    "usr/lib/i386-linux-gnu": "i686",
    "usr/lib/powerpc64le-linux-gnu": "ppc64le",
    "usr/lib/riscv64-linux-gnu": "riscv64",
    "usr/lib/s390x-linux-gnu": "s390x",
}


class _Requirement(NamedTuple):
    """`extras`: those that its marker names; `asks`: the extras that it asks of its target."""

    target: str
    marker: Marker | None
    extras: frozenset[str]
    asks: frozenset[str]


class Environments:
    """The interpreters' environments in a file system, and the requirements within each.

    An extra counts as asked for where an installed distribution asks for it; which ones a person
    asked for on the command line is recorded nowhere.
    """

    def __init__(self, view: FileView, installed: Iterable[Installed]) -> None:
        self._view = view
        self._system = ""
        self._machine = next(
            (name for path, name in _MACHINES.items() if view.entry(path) is not None), ""
        )
        entry = view.entry(_PYTHON3)
        if entry is not None and (found := _VERSIONED.search(entry.link)):
            self._system = found[1]
        self._members: dict[str, dict[str, list[Installed]]] = {}
        self._edges: dict[str, set[str]] = {}
        self._unmet: dict[str, set[str]] = {}
        self._broken: dict[str, set[str]] = {}
        for item in installed:
            members = self._members.setdefault(self._key(item.site), {})
            members.setdefault(pypi_name(item.component.name), []).append(item)
        self._versions = {key.rsplit(":", 1)[1] for key in self._members} - {""}
        self._interpreters: dict[str, dict[str, list[Installed]]] = {}
        self._shadowed: dict[str, str] = {}
        for members in self._members.values():
            for copies in members.values():
                self._shadow(copies)
        for key, members in self._members.items():
            self._resolve(key, members)

    def edges(self, item: Installed) -> Iterable[str]:
        """The refs of what it requires and what is installed beside it."""
        return self._edges.get(item.info, ())

    def shadowed_by(self, item: Installed) -> str:
        """The copy that its interpreter finds first, as on Debian one in /usr/local; or ""."""
        return self._shadowed.get(item.info, "")

    def unmet(self, item: Installed) -> Iterator[Gap]:
        """A gap for each requirement that nothing installed meets."""
        ref = item.component.purl
        why = "which a wheel does not hold" if item.wheel else "which is not installed"
        for name in sorted(self._unmet.get(item.info, ())):
            yield Gap("dependency", ref, f"it requires {name}, {why}", ref)
        for text in sorted(self._broken.get(item.info, ())):
            yield Gap("dependency", ref, f"its requirement {text!r:.100} can't be read", ref)

    def _key(self, site: str) -> str:
        found = _SITE.match(site)
        if found is None:
            return f"{site}::"
        version = found["version"]
        if found["kind"] == "dist":
            return f"{_SYSTEM}:{found['impl']}:{version if '.' in version else self._system}"
        return f"{found['prefix']}:{found['impl']}:{version}"

    def _shadow(self, copies: list[Installed]) -> None:
        """Put first what stands first on sys.path, and leave only that to be required."""
        copies.sort(key=lambda copy: (not copy.site.startswith("usr/local/"), copy.site, copy.info))
        first = copies[0]
        for copy in copies[1:]:
            if copy.site != first.site:
                self._shadowed[copy.info] = first.info

    def _resolve(self, key: str, members: dict[str, list[Installed]]) -> None:
        environment = self._environment(key)
        visible = self._visible(key, members)
        wanted = {
            name: [(item, one) for item in copies for one in self._requirements(item)]
            for name, copies in members.items()
        }
        extras: dict[str, set[str]] = {}
        waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in members]
        while waiting:
            name, asked = waiting.pop()
            for item, one in wanted.get(name, ()):
                # What no extra is named in was looked at the first time.
                new = one.extras & asked if asked else frozenset([""])
                if not new or not self._applies(item, one, environment, new):
                    continue
                target = visible.get(one.target)
                if target is None:
                    # Without a version a marker can't be judged, so nothing surely is missing.
                    if one.marker is None or environment["python_version"]:
                        self._unmet.setdefault(item.info, set()).add(one.target)
                    continue
                edges = self._edges.setdefault(item.info, set())
                edges.update(
                    other.component.purl
                    for other in target[:_COPIES]
                    if other.info not in self._shadowed and other.component != item.component
                )
                edges.discard(item.component.purl)
                have = extras.setdefault(one.target, set())
                if more := one.asks - have:
                    have |= more
                    waiting.append((one.target, more))

    def _visible(
        self, key: str, members: dict[str, list[Installed]]
    ) -> MutableMapping[str, list[Installed]]:
        """With the system's distributions, where a virtual environment lets them in; with all
        interpreters' for what only adds to their path: a user's site, a folder of its own."""
        prefix, implementation, version = key.rsplit(":", 2)
        rest = f"{implementation}:{version}"
        if not implementation or prefix.rpartition("/")[2] == _USER:
            return ChainMap(members, self._of_interpreters(rest if implementation else ""))
        config = self._view.read(f"{prefix}/pyvenv.cfg".lstrip("/")) or b""
        if not _SYSTEM_SITE.search(config):
            return members
        system = self._members.get(f"{_SYSTEM}:{rest}", {})
        return ChainMap(members, self._members.get(f"{_base(config)}:{rest}", {}), system)

    def _of_interpreters(self, rest: str) -> dict[str, list[Installed]]:
        """What lies with all interpreters of a version ("": of any), not in a virtual one."""
        if rest not in self._interpreters:
            seen = self._interpreters[rest] = {}
            for key, members in sorted(self._members.items()):
                prefix, implementation, version = key.rsplit(":", 2)
                if not implementation or rest not in ("", f"{implementation}:{version}"):
                    continue
                if self._view.entry(f"{prefix}/pyvenv.cfg".lstrip("/")) is None:
                    seen.update(members)
        return self._interpreters[rest]

    def _requirements(self, item: Installed) -> Iterator[_Requirement]:
        from packaging.requirements import InvalidRequirement, Requirement

        for text in item.requires:
            try:
                read = Requirement(text)
                named = extras_in(str(read.marker)) if read.marker else ()
            except (InvalidRequirement, RecursionError):
                self._broken.setdefault(item.info, set()).add(printable_name(text))
                continue
            yield _Requirement(
                pypi_name(read.name),
                read.marker,
                frozenset(named),
                frozenset(pypi_name(extra) for extra in read.extras),
            )

    def _environment(self, key: str) -> dict[str, str]:
        _, implementation, version = key.rsplit(":", 2)
        if not version and len(self._versions) == 1:
            (version,) = self._versions
        pypy = implementation == "pypy"
        return {
            "implementation_name": "pypy" if pypy else "cpython",
            "implementation_version": f"{version}.0" if version else "",
            "os_name": "posix",
            "platform_machine": self._machine,
            "platform_python_implementation": "PyPy" if pypy else "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{version}.0" if version else "",
            "python_version": version,
            "sys_platform": "linux",
        }

    def _applies(
        self,
        item: Installed,
        one: _Requirement,
        environment: Mapping[str, str],
        extras: Iterable[str],
    ) -> bool:
        if one.marker is None:
            return "" in extras
        if not environment["python_version"]:
            # Without a version a marker can't be judged; what only an extra wants is left out.
            return not one.extras
        from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
        from packaging.version import InvalidVersion

        try:
            return any(one.marker.evaluate({**environment, "extra": e}) for e in sorted(extras))
        except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion, RecursionError):
            text = f"{one.target} ; {one.marker}"
            self._broken.setdefault(item.info, set()).add(printable_name(text))
            return False


def _base(config: bytes) -> str:
    """The prefix of the interpreter that a virtual environment was made from."""
    found = _HOME.search(config)
    home = found[1].decode("utf-8", "surrogateescape").strip().strip("/") if found else ""
    return home.removesuffix("bin").rstrip("/")
