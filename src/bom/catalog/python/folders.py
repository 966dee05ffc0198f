"""The folders of a view that hold a Python project or a lock of one, and what stands in them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bom.catalog.python.wanted import (
    MANIFESTS,
    NAMED_PYLOCK,
    NAMES,
    ONLY_INCLUDED,
    REQUIREMENTS,
    REQUIREMENTS_FOLDER,
    SCRIPT,
    SCRIPT_LOCK,
    foreign,
    shelf,
)
from bom.catalog.stated import Unreadable, decoded, json_document, toml_document
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A folder of a view. `names`: its files that count, `requirements/NAME` among them."""

    files: FileView
    path: str = ""
    names: frozenset[str] = frozenset()

    def at(self, name: str) -> str:
        """The path, from the view's root, of a file in the folder."""
        return f"{self.path}/{name}" if self.path else name

    def shown(self, name: str) -> str:
        """The path as documents have it."""
        return printable_name(self.at(name))

    def text(self, name: str) -> str:
        """The text of a file of the folder. Raises Unreadable."""
        return file_text(self.files, self.at(name))

    def toml(self, name: str) -> tuple[dict[str, Any], str]:
        """The table and the text it came from. Raises Unreadable."""
        source = self.text(name)
        return toml_document(source), source

    def json(self, name: str) -> tuple[dict[str, Any], str]:
        """The object and the text it came from. Raises Unreadable."""
        source = self.text(name)
        return json_document(source), source

    @property
    def manifests(self) -> tuple[str, ...]:
        return tuple(name for name in MANIFESTS if name in self.names)

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements files, sorted."""
        inside = f"{REQUIREMENTS_FOLDER}/"
        return tuple(
            sorted(n for n in self.names if n.startswith(inside) or REQUIREMENTS.fullmatch(n))
        )

    @property
    def named_pylocks(self) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.names if NAMED_PYLOCK.fullmatch(name)))

    @property
    def scripts(self) -> tuple[str, ...]:
        """The scripts that may state what they need, and the locks of such, sorted."""
        endings = (SCRIPT, SCRIPT_LOCK)
        return tuple(
            sorted(self.names - NAMES - {n for n in self.names if not n.endswith(endings)})
        )


def file_text(files: FileView, path: str) -> str:
    """The text of a lock or manifest. Raises Unreadable."""
    content = files.read(path)
    if content is None:
        raise Unreadable("can't be read")
    return decoded(content)


def joined(folder: str, relative: str) -> str:
    """Where a path that a file in `folder` names leads, "" where that is outside of the view."""
    if "\0" in relative or relative.startswith(("/", "~")):
        return ""
    path = posixpath.normpath(f"{folder}/{relative}" if folder else relative)
    return "" if path in (".", "..") or path.startswith("../") else path


def project_folders(files: FileView) -> Iterator[ProjectFolder]:
    """The folders of the view with a Python project or a lock, sorted by path."""
    found: dict[str, set[str]] = {}
    environments: set[str] = set()
    for entry in files.wanted():
        above, _, name = entry.path.rpartition("/")
        if name == "pyvenv.cfg":
            environments.add(above)
            continue
        use = shelf(entry.path)
        if use in (None, ONLY_INCLUDED) or foreign(entry.path):
            continue
        if use == REQUIREMENTS_FOLDER:
            above, name = above.rpartition("/")[0], f"{use}/{name}"
        found.setdefault(above, set()).add(name)
    for path in sorted(found):
        if environments.isdisjoint(_with_parents(path)):
            yield ProjectFolder(files, path, frozenset(found[path]))


def _with_parents(path: str) -> Iterator[str]:
    """The path and all folders above it, without the root: that may be an environment, too, but
    then it is the project's own (`python -m venv .`)."""
    while path:
        yield path
        path = path.rpartition("/")[0]
