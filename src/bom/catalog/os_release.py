"""Which operating system a file system holds (os-release(5))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.catalog.protocol import FileView
    from bom.model import Component

PATHS: Final = ("etc/os-release", "usr/lib/os-release")
_LINE: Final = re.compile(r"([A-Z_][A-Z0-9_]*)=(.*)")
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")


def read_os_release(view: FileView) -> Mapping[str, str]:
    """The assignments of the first os-release file that is there; empty where none is."""
    for path in PATHS:
        raw = view.read(path)
        if raw is not None:
            return _parse(raw.decode("utf-8", "surrogateescape"))
    return {}


def os_component(view: FileView) -> Component | None:
    """The operating system as a component, with the layer that its os-release came in with."""
    stated = read_os_release(view)
    if not stated.get("ID"):
        return None
    from bom.catalog.came_with import layer
    from bom.model import Component, Property

    properties = [
        Property(f"bom-seal:os:{key.lower()}", stated[key])
        for key in ("ID_LIKE", "VERSION_CODENAME", "PRETTY_NAME")
        if stated.get(key)
    ]
    for path in reversed(PATHS):
        entry = view.entry(path)
        if entry is not None and entry.type == "file" and entry.layer:
            properties += layer(entry)
            break
    version = stated.get("VERSION_ID") or stated.get("VERSION_CODENAME", "")
    return Component(
        "operating-system",
        stated["ID"],
        version,
        ref=f"os:{stated['ID']}@{version}",
        description=stated.get("PRETTY_NAME", ""),
        homepage=stated.get("HOME_URL", ""),
        properties=tuple(sorted(properties)),
    )


def vendor(stated: Mapping[str, str]) -> str:
    """The distribution's identifier, a purl's namespace; "" where it states none."""
    found = stated.get("ID", "").lower()
    return found if _ID.match(found) else ""


def distro(stated: Mapping[str, str]) -> str:
    """The purl qualifier `distro` (`debian-12`); "" where nothing is stated."""
    name = vendor(stated)
    release = stated.get("VERSION_ID") or stated.get("VERSION_CODENAME")
    return f"{name}-{release}" if name and release else name


def _parse(text: str) -> dict[str, str]:
    import shlex

    stated = {}
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if not found:
            continue
        try:
            words = shlex.split(found[2], comments=False)
        except ValueError:  # an unclosed quote: no shell would read the line either
            continue
        stated[found[1]] = printable_name(words[0] if words else "")
    return stated
