"""How a program is got on the system at hand: the package that holds it, by its own manager."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, Literal

Manager = Literal["apt", "dnf", "apk", ""]

_INSTALL: Final[dict[Manager, str]] = {
    "apt": "apt install",
    "dnf": "dnf install",
    "apk": "apk add",
}
_FAMILIES: Final[dict[str, Manager]] = {
    "debian": "apt",
    "ubuntu": "apt",
    "fedora": "dnf",
    "rhel": "dnf",
    "centos": "dnf",
    "alpine": "apk",
}
# program -> its package for apt, dnf, apk; "" where the system has none
_PACKAGES: Final[dict[str, tuple[str, str, str]]] = {
    "git": ("git", "git", "git"),
    "docker": ("docker.io", "moby-engine", "docker"),
    "dockerd": ("docker.io", "moby-engine", "docker-engine"),
    "podman": ("podman", "podman", "podman"),
    "buildah": ("buildah", "buildah", "buildah"),
    "unshare": ("util-linux", "util-linux", "util-linux-misc"),
    "setpriv": ("util-linux", "util-linux", "setpriv"),
    "taskset": ("util-linux", "util-linux", "util-linux-misc"),
    "faketime": ("faketime", "libfaketime", "libfaketime"),
    "diffoscope": ("diffoscope-minimal", "diffoscope", "diffoscope"),
    "npm": ("npm", "nodejs-npm", "npm"),
    "node": ("nodejs", "nodejs", "nodejs"),
    "go": ("golang-go", "golang", "go"),
    "cargo": ("cargo", "cargo", "cargo"),
    "mvn": ("maven", "maven", "maven"),
    "bundle": ("ruby-bundler", "rubygem-bundler", "ruby-bundler"),
    "composer": ("composer", "composer", "composer"),
    "make": ("make", "make", "make"),
    "ssh": ("openssh-client", "openssh-clients", "openssh-client"),
}
_PIP: Final = {"uv": "uv", "pip-audit": "pip-audit", "ruff": "ruff", "pytest": "pytest"}
_LINE: Final = re.compile(r'(ID|ID_LIKE)=["\']?([a-z0-9 ._-]*)["\']?\s*')


def advice(program: str, manager: Manager | None = None) -> str:
    """What to type, or what to look for."""
    if program in _PIP:
        return f"pip install {_PIP[program]}"
    chosen = _manager() if manager is None else manager
    packages = dict(zip(("apt", "dnf", "apk"), _PACKAGES.get(program, ("", "", "")), strict=True))
    package = packages.get(chosen, "")
    return f"{_INSTALL[chosen]} {package}" if chosen and package else f"install {program}"


@cache
def _manager() -> Manager:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = Path(path).read_text("utf-8", "replace")
        except OSError:
            continue
        return manager_of(text)
    return ""


def manager_of(os_release: str) -> Manager:
    """The package manager of the system that states this (os-release(5)), "" for another."""
    stated: dict[str, str] = {}
    for line in os_release.splitlines():
        if match := _LINE.match(line):
            stated[match[1]] = match[2]
    for name in f"{stated.get('ID', '')} {stated.get('ID_LIKE', '')}".split():
        if name in _FAMILIES:
            return _FAMILIES[name]
    return ""
