"""Which installed distribution requires which (PyPA "Dependency specifiers")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.model import Gap
from bom.printable import printable_name
from bom.purl import pypi_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement

    from bom.catalog.protocol import FileView
    from bom.catalog.python.installed import Installed

_SITE: Final = re.compile(
    r"(?P<prefix>.*?)(?:^|/)lib(?:64)?/(?P<impl>python|pypy)(?P<version>\d+(?:\.\d+)?)/"
    r"(?P<kind>site|dist)-packages\Z",
    re.S,
)
_SYSTEM: Final = "system"
_PYTHON3: Final = "usr/bin/python3"
_VERSIONED: Final = re.compile(r"python(\d+\.\d+)\Z")
_MACHINES: Final = {
    "usr/lib/x86_64-linux-gnu": "x86_64",
    "usr/lib/aarch64-linux-gnu": "aarch64",
    "usr/lib/arm-linux-gnueabihf": "armv7l",
    "usr/lib/i386-linux-gnu": "i686",
    "usr/lib/powerpc64le-linux-gnu": "ppc64le",
    "usr/lib/riscv64-linux-gnu": "riscv64",
    "usr/lib/s390x-linux-gnu": "s390x",
}


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
        for name in sorted(self._unmet.get(item.info, ())):
            yield Gap("dependency", ref, f"it requires {name}, which is not installed", ref)
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
        copies.sort(key=lambda copy: (not copy.site.startswith("usr/local/"), copy.site))
        first = copies[0]
        for copy in copies[1:]:
            if copy.site != first.site:
                self._shadowed[copy.info] = first.info

    def _resolve(self, key: str, members: dict[str, list[Installed]]) -> None:
        environment = self._environment(key)
        visible = self._visible(key, members)
        extras: dict[str, set[str]] = {name: set() for name in visible}
        waiting = list(members)
        while waiting:
            name = waiting.pop()
            for item in members.get(name, ()):
                for requirement in self._requirements(item):
                    if not _applies(requirement, environment, extras[name]):
                        continue
                    target = pypi_name(requirement.name)
                    if target not in visible:
                        self._unmet.setdefault(item.info, set()).add(target)
                        continue
                    refs = {
                        other.component.purl
                        for other in visible[target]
                        if other.info not in self._shadowed
                    }
                    self._edges.setdefault(item.info, set()).update(refs - {item.component.purl})
                    asked = {pypi_name(extra) for extra in requirement.extras}
                    if not asked <= extras[target]:
                        extras[target] |= asked
                        waiting.append(target)

    def _visible(self, key: str, members: dict[str, list[Installed]]) -> dict[str, list[Installed]]:
        """With the system's distributions, where a virtual environment lets them in."""
        prefix, _, rest = key.partition(":")
        config = self._view.read(f"{prefix}/pyvenv.cfg") or b""
        if not re.search(rb"(?im)^include-system-site-packages\s*=\s*true\s*$", config):
            return members
        system = self._members.get(f"{_SYSTEM}:{rest}", {})
        return {**system, **members}

    def _requirements(self, item: Installed) -> Iterator[Requirement]:
        from packaging.requirements import InvalidRequirement, Requirement

        for text in item.requires:
            try:
                yield Requirement(text)
            except (InvalidRequirement, RecursionError):
                self._broken.setdefault(item.info, set()).add(printable_name(text))

    def _environment(self, key: str) -> dict[str, str]:
        _, implementation, version = key.rsplit(":", 2)
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


def _applies(requirement: Requirement, environment: dict[str, str], extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    if not environment["python_version"]:
        # Without a version a marker can't be judged; what only an extra wants is left out.
        return "extra" not in str(requirement.marker)
    candidates = ["", *sorted(extras)]
    return any(requirement.marker.evaluate({**environment, "extra": e}) for e in candidates)
