"""Requirements files state digests without file names: the files that are there give the names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bom import sha256sum
from bom.errors import BomError
from bom.purl import pypi_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.checksums.model import Wanted
    from bom.checksums.places import Places


def named(items: Iterable[Wanted], places: Places) -> Iterator[Wanted]:
    """The same, with the names of files that are there. Raises BomError."""
    items = list(items)
    projects = {item.name for item in items if item.ecosystem == "pypi" and not item.file}
    names: dict[str, str] = {}
    for found in places.all() if projects else ():
        if found.ecosystem == "pypi" and _project(found.key) in projects:
            try:
                names[sha256sum.of_file(found.path)] = found.key
            except OSError as error:
                raise BomError(f"{found.path} can't be read: {error.strerror}") from error
    for item in items:
        file = item.file or names.get(item.sha256, "")
        yield item if file == item.file else replace(item, file=file)


def _project(file: str) -> str:
    """The project that a wheel's or sdist's name begins with; "" for other names."""
    if file.endswith(".whl"):
        return pypi_name(file.partition("-")[0])
    return pypi_name(file.rpartition("-")[0])
