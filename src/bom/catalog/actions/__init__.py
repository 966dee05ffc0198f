"""GitHub Actions: what a repository's workflows and composite actions run. It builds and tests the
product, so all of it has the role "build"."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from bom.catalog.actions.uses import dependencies
from bom.catalog.actions.workflow import used
from bom.catalog.protocol import Declared, Reads
from bom.catalog.python.wanted import foreign
from bom.catalog.stated import Unreadable
from bom.model import Gap
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import PurePosixPath

    from bom.catalog.actions.workflow import Used
    from bom.catalog.protocol import Extract, FileView, Owned
    from bom.model import Dependency, Finding

_ACTIONS: Final = frozenset(["action.yml", "action.yaml"])
_WORKFLOWS: Final = ".github/workflows/"
_GITHUB: Final = ".github"
_ENDINGS: Final = (".yml", ".yaml")
_OTHERS: Final = frozenset(["vendor", "gems", "testdata"])
_SIZE_LIMIT: Final = 1024 * 1024  # bytes; GitHub itself takes workflows of at most 512 KiB


class Actions:
    """Workflow files, and the action.yml of composite and container actions."""

    name = "github"
    reads = Reads(_ACTIONS, within=(_WORKFLOWS,))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return _wanted(str(path))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Nothing: actions run on GitHub's machines."""
        return ()

    def declared(self, files: FileView) -> Iterator[Declared]:
        """One for each repository with workflows, and for each action beside them."""
        folders: dict[str, list[str]] = defaultdict(list)
        for entry in files.wanted():
            if entry.type == "file" and _wanted(entry.path):
                folders[_folder(entry.path)].append(entry.path)
        for folder, paths in folders.items():
            yield _declared(files, folder, paths)


def _wanted(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    workflow = f"{folder}/".endswith(f"/{_WORKFLOWS}") or f"{folder}/" == _WORKFLOWS
    if not (name in _ACTIONS or (workflow and name.endswith(_ENDINGS))):
        return False
    return not foreign(path) and _OTHERS.isdisjoint(folder.split("/"))


def _folder(path: str) -> str:
    """The repository's folder, or that of an action that lies outside of `.github`."""
    parts = path.split("/")[:-1]
    if _GITHUB in parts:
        parts = parts[: parts.index(_GITHUB)]
    return "/".join(parts)


def _declared(view: FileView, folder: str, paths: Sequence[str]) -> Declared:
    found: list[Used] = []
    gaps: list[Gap] = []
    for path in paths:
        place = printable_name(path)
        raw = view.read(path)
        try:
            if raw is None:
                raise Unreadable("can't be read or is too large")
            if len(raw) > _SIZE_LIMIT:
                raise Unreadable(f"is larger than {_SIZE_LIMIT >> 20} MiB")
            found += used(raw, place)
        except Unreadable as error:
            why = f"the file {printable_name(str(error))}"
            gaps.append(Gap("dependency.declared", place, why))
    items, more = dependencies(found)
    return Declared(
        "github",
        printable_name(folder),
        ", ".join(printable_name(path) for path in paths),
        locked=False,
        dependencies=items,
        gaps=tuple(sorted({*gaps, *more})),
    )
