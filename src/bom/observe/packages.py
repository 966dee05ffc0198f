"""Which Debian package a file on this machine belongs to (dpkg-query(1) -S, without running it)."""

from __future__ import annotations

import functools
import os
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATABASE: Final = Path("/var/lib/dpkg")
_MERGED: Final = ("/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/")  # usr-merge aliases
_FIELD: Final = re.compile(r"^(Package|Version|Architecture): (.+)$", re.MULTILINE)


def owner(path: Path) -> str:
    """The purl of the Debian package that installed `path` (resolved), "" where none did."""
    return owners((path,)).get(path, "")


def owners(paths: tuple[Path, ...]) -> dict[Path, str]:
    """`owner` of several files in one pass over the database."""
    wanted: dict[bytes, Path] = {}
    for path in paths:
        for alias in _aliases(str(path)):
            wanted[os.fsencode(alias)] = path
    names: dict[Path, str] = {}
    for listing, content in _lists():
        for raw, file in wanted.items():
            if file not in names and b"\n" + raw + b"\n" in content:
                names[file] = listing
    return {path: made for path, name in names.items() if (made := _purl(name))}


def _aliases(path: str) -> Iterator[str]:
    yield path
    for start in _MERGED:
        if path.startswith(start):
            yield "/usr" + path
        elif path.startswith("/usr" + start):
            yield path.removeprefix("/usr")


def _lists() -> Iterator[tuple[str, bytes]]:
    try:
        files = sorted(entry.name for entry in os.scandir(_DATABASE / "info"))
    except OSError:
        return
    for name in files:
        if name.endswith(".list"):
            content = (_DATABASE / "info" / name).read_bytes()
            yield name.removesuffix(".list"), b"\n" + content


@functools.cache
def _status() -> str:
    try:
        return "\n" + (_DATABASE / "status").read_text("utf-8", "replace")
    except OSError:
        return ""


def _purl(listing: str) -> str:
    name, _, architecture = listing.partition(":")
    status = _status()
    start = -1
    while (start := status.find(f"\nPackage: {name}\n", start + 1)) >= 0:
        end = status.find("\n\n", start)
        fields = dict(_FIELD.findall(status[start : end if end > 0 else len(status)]))
        if architecture in ("", fields.get("Architecture")):
            return _build(fields)
    return ""


def _build(fields: dict[str, str]) -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    system, version = release.get("ID", "debian"), release.get("VERSION_ID", "")
    distro = f"{system}-{version}" if version else system
    qualifiers = {"arch": fields.get("Architecture", ""), "distro": distro}
    try:
        return purl.build(
            "deb",
            fields["Package"],
            namespace=system,
            version=fields.get("Version", ""),
            qualifiers=qualifiers,
        )
    except BomError:
        return ""
