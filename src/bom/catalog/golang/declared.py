"""Where in a view Go modules ask for others: the folders with a go.mod, and their workspaces."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from bom.catalog.golang import files
from bom.catalog.golang.files import GoFile
from bom.catalog.golang.module import shown_folder
from bom.catalog.golang.resolution import Folder, Resolution, Workspace, content
from bom.catalog.golang.wanted import NAMES, WORK, wants
from bom.catalog.protocol import Declared
from bom.catalog.stated import Unreadable
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.golang.files import Sums
    from bom.catalog.protocol import FileView

_TOOLCHAIN: Final = frozenset(["cmd", "std"])  # the modules of Go's own source tree


def projects(view: FileView) -> Iterator[Declared]:
    """One for each go.mod, and for what stands without one."""
    folders = _folders(view)
    for folder in folders.values():
        _read(folder)
    toolchains = tuple(
        posixpath.dirname(folder.path) + "/"
        for folder in folders.values()
        if folder.mod is not None and folder.mod.module == "std"
    )
    workspaces: dict[str, Workspace] = {}
    for path, folder in sorted(folders.items()):
        if "go.work" in folder.raw and not path.startswith(toolchains):
            yield from _workspace(folder, folders, workspaces)
    for path, folder in sorted(folders.items()):
        if (path + "/").startswith(toolchains):
            continue
        if folder.mod is not None:
            if folder.mod.module not in _TOOLCHAIN:
                yield _project(folder, folder.mod, workspaces.get(path))
        elif "go.mod" in folder.raw:
            place = folder.place("go.mod")
            yield Declared("golang", printable_name(path), place, False, gaps=tuple(folder.gaps))
        elif "go.sum" in folder.raw:
            place = folder.place("go.sum")
            why = "no go.mod beside it says which of these modules are asked for"
            gap = Gap("dependency.declared", place, why)
            yield Declared("golang", printable_name(path), place, False, gaps=(gap,))


def _folders(view: FileView) -> dict[str, Folder]:
    from pathlib import PurePosixPath

    found: dict[str, Folder] = {}
    for entry in view.wanted():
        above, _, name = entry.path.rpartition("/")
        if name not in NAMES or not wants(PurePosixPath(entry.path)):
            continue
        if name == "modules.txt":
            above = posixpath.dirname(above)
        found.setdefault(above, Folder(above)).raw[name] = view.read(entry.path)
    return found


def _read(folder: Folder) -> None:
    """Parse go.mod and go.sum; what is wrong with them becomes the folder's gaps."""
    raw = content(folder, "go.mod", "dependency.declared")
    if raw is not None:
        try:
            folder.mod = files.go_file(raw)
        except Unreadable as error:
            folder.gaps.append(Gap("dependency.declared", folder.place("go.mod"), str(error)))
    folder.sums = _sums(folder, "go.sum")


def _sums(folder: Folder, name: str) -> Sums:
    raw = content(folder, name, "dependency.lock")
    if raw is None:
        return {}
    try:
        return files.go_sums(raw)
    except Unreadable as error:
        folder.gaps.append(Gap("dependency.lock", folder.place(name), str(error)))
        return {}


def _workspace(
    folder: Folder, folders: Mapping[str, Folder], workspaces: dict[str, Workspace]
) -> Iterator[Declared]:
    place = folder.place("go.work")
    gaps: list[Gap] = []
    work = GoFile()
    raw = folder.raw["go.work"]
    try:
        if raw is None:
            raise Unreadable("can't be read or is too large")
        work = files.go_file(raw)
    except Unreadable as error:
        gaps.append(Gap("dependency.declared", place, f"it {error}"))
    gaps += _broken(work, place)
    sums = _sums(folder, "go.work.sum")
    members = {}
    for use in work.uses:
        path = _place(folder.path, use)
        if (member := folders.get(path)) is not None and member.mod is not None:
            members[path] = member
        else:
            why = f"it uses the folder {shown_folder(use)}, in which no go.mod can be read"
            gaps.append(Gap("dependency.declared", place, why))
    shared: Sums = dict(sums)
    for member in members.values():
        for key, stated in member.sums.items():
            shared.setdefault(key, stated)
    for path in members:
        workspaces[path] = Workspace(members, work.replaced, shared, place)
    if gaps:
        yield Declared(
            "golang", printable_name(folder.path), place, False, gaps=tuple(sorted(set(gaps)))
        )


def used(view: FileView, folder: str) -> frozenset[str]:
    """The folders of the modules that the go.work in `folder` uses; none without one."""
    raw = view.read(posixpath.join(folder, WORK))
    try:
        work = files.go_file(raw or b"")
    except Unreadable:
        return frozenset()
    return frozenset(printable_name(_place(folder, use)) for use in work.uses)


def _place(folder: str, use: str) -> str:
    path = posixpath.normpath(posixpath.join(folder or ".", use))
    return "" if path == "." else path


def _broken(found: GoFile, place: str) -> list[Gap]:
    if not found.broken:
        return []
    lines = ", ".join(map(str, found.broken[:5]))
    more = " and more" if len(found.broken) > 5 else ""
    why = f"line {lines}{more} is no directive that is known"
    return [Gap("dependency.declared", place, why)]


def _project(folder: Folder, mod: GoFile, workspace: Workspace | None) -> Declared:
    place = folder.place("go.mod")
    reading = Resolution(folder, mod, workspace)
    reading.add_all()
    gaps = {*folder.gaps, *_broken(mod, place), *reading.gaps}
    return Declared(
        "golang",
        printable_name(folder.path),
        place,
        locked=True,
        dependencies=tuple(sorted(reading.found.values())),
        gaps=tuple(sorted(gaps)),
        name=mod.module,
    )
