"""What has to be so before a Python package is installed, and what its user should know."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from bom.errors import BomError, EnvironmentLacks
from bom.installed.python.site import is_cached, placed
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bom.install.protocol import Request
    from bom.install.python.client import Package
    from bom.install.python.closure import Stated
    from bom.install.python.interpreter import Interpreter
    from bom.installed.python.site import Distribution


def check_extras(request: Request, own: Stated) -> None:
    for extra in request.extras:
        if canonicalize_name(extra) not in own.extras:
            have = ", ".join(sorted(own.extras)) or "none"
            raise BomError(f"{own.name} has no extra {extra}", hint=f"it has: {have}")


def check_python(python: Interpreter, own: Stated) -> None:
    here = python.markers.get("python_full_version", "")
    try:
        fits = SpecifierSet(own.python).contains(here, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return  # the installer judges it
    if not fits:
        raise EnvironmentLacks(
            f"{own.name} {own.version} needs Python {own.python}, and this is {here}",
            hint="name another interpreter with --python",
        )


def refuse_older_records(sites: Sequence[Path], packages: Sequence[Package]) -> None:
    """distutils and `setup.py develop` leave no list of files, so nothing could be replaced."""
    names = {item.name for item in packages}
    for site in sites:
        for path in sorted(
            [*site.glob("*.egg-info"), *site.glob("*.egg-link"), *site.glob("*.egg")]
        ):
            name = canonicalize_name(path.stem.partition("-")[0])
            if name in names:
                raise BomError(
                    f"{name} is there, and nothing says which files are its:"
                    f" {printable_os(str(path))}",
                    hint="uninstall it first, by what installed it",
                )


def refuse_strangers(
    sites: Sequence[Path], packages: Sequence[Package], there: Mapping[str, Distribution]
) -> None:
    """A file that no package lists is its user's own: it is not written over."""
    owned = {place for item in there.values() for _, place in item.files()}
    owned |= {path for item in there.values() for path in item.info.rglob("*")}
    for item in packages:
        for site in sites:
            for path in item.files:
                place = placed(site, path)
                if os.path.lexists(place) and place not in owned and not is_cached(path):
                    raise BomError(
                        f"{printable_os(str(place))} is there, and no package's: {item.name} has a"
                        " file of this name",
                        hint="look what it is, and move it away",
                    )


def conflicts(
    needed: Sequence[Package], there: Mapping[str, Distribution], packages: Sequence[Package]
) -> tuple[str, ...]:
    """What else is installed and needs another version of what is replaced."""
    new = {item.name: item for item in packages}
    found: set[str] = set()
    for other in there.values():
        if other.name in new:
            continue
        for text in other.requires:
            try:
                wanted = Requirement(text)
            except InvalidRequirement:
                continue
            taken = new.get(canonicalize_name(wanted.name))
            if (
                taken is not None
                and wanted.marker is None
                and not wanted.specifier.contains(taken.version, prereleases=True)
            ):
                found.add(
                    f"{other.name} {other.version}, which is there, needs"
                    f" {wanted.name}{wanted.specifier}, not {taken.version}"
                )
    return tuple(sorted(found))
