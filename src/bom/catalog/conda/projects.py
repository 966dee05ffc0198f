"""The projects in a view that conda, mamba or pixi make environments for.

Precedence: `pixi.lock`, `conda-lock.yml`, explicit files, then what environment.yml or pixi.toml
asks for. Every other lock beside the one that counts is named as a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.conda import conda_lock, environment, pixi
from bom.catalog.conda.locked import resolved
from bom.catalog.conda.wanted import rank
from bom.catalog.protocol import Declared
from bom.catalog.python.folders import file_text
from bom.catalog.python.wanted import foreign
from bom.catalog.stated import Unreadable
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bom.catalog.conda.locked import Package
    from bom.catalog.protocol import FileView

    Reader = Callable[[str, str], tuple[list[Package], list[Gap]]]

_ECOSYSTEM: Final = "conda"


def declared(files: FileView) -> Iterator[Declared]:
    """One for each folder, sorted."""
    folders: dict[str, list[tuple[int, str]]] = {}
    for entry in files.wanted():
        folder, _, name = entry.path.rpartition("/")
        order = rank(name)
        if order is not None and not foreign(entry.path):
            folders.setdefault(folder, []).append((order, entry.path))
    for folder in sorted(folders):
        yield _project(files, folder, sorted(folders[folder]))


_READERS: Final[tuple[Reader, ...]] = (
    pixi.read,
    conda_lock.read,
    conda_lock.read_explicit,
    environment.read,
    environment.read_pixi,
)
_FIRST_MANIFEST: Final = 3


def _project(files: FileView, folder: str, found: list[tuple[int, str]]) -> Declared:
    asked: list[Package] = []
    locked: list[Package] = []
    gaps: list[Gap] = []
    chosen: int | None = None
    places: list[str] = []
    stated: list[str] = []
    for order, path in found:
        location = printable_name(path)
        # Explicit files are one for each platform: together they are one lock.
        if order < _FIRST_MANIFEST and chosen is not None and order != chosen:
            why = f"not read: {places[0]} resolves this project"
            gaps.append(Gap("dependency.lock", location, why))
            continue
        try:
            packages, more = _READERS[order](file_text(files, path), location)
        except Unreadable as error:
            what = "dependency.lock" if order < _FIRST_MANIFEST else "dependency.declared"
            gaps.append(Gap(what, location, f"the file {error}"))
            continue
        gaps += more
        if order < _FIRST_MANIFEST:
            chosen = order
            places.append(location)
            locked += packages
        else:
            stated.append(location)
            asked += packages
    dependencies, lacking = resolved(locked or asked, _keys(asked))
    if not locked and asked:
        why = "no lock says which package needs which"
        gaps.append(Gap("dependency.graph", ", ".join(stated), why))
    return Declared(
        _ECOSYSTEM,
        printable_name(folder),
        ", ".join(places or stated) or printable_name(found[0][1]),
        bool(locked),
        dependencies,
        tuple(sorted({*gaps, *lacking})),
    )


def _keys(packages: Iterable[Package]) -> frozenset[tuple[str, str]]:
    return frozenset(item.key for item in packages if item.role == "shipped")
