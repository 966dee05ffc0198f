"""The folders of a view that hold a Python project or a lock of one, and what stands in them."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.stated import Unreadable, decoded, json_document, toml_document
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView

MANIFESTS: Final = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile")
LOCKS: Final = ("pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
NAMES: Final = frozenset({*MANIFESTS, *LOCKS})
ENDINGS: Final = (".txt", ".in", ".lock", ".toml")
# uv: `uv lock --script job.py` writes `job.py.lock` beside the script (PEP 723).
SCRIPT_LOCK: Final = ".py.lock"
# Where scripts with metadata in a comment are looked for; to look into every .py is too slow.
SCRIPTS: Final = ("scripts/", "tools/")
NAMED_PYLOCK: Final = re.compile(r"pylock\.([^.]+)\.toml")  # PEP 751, "File name"
# pip-tools' and uv's names; requirements.lock and requirements-dev.lock are rye's.
REQUIREMENTS: Final = re.compile(
    r"requirements([-_.][A-Za-z0-9._-]+)?\.(txt|lock)|.+[-_]requirements\.txt"
)
_REQUIREMENTS_FOLDER: Final = "requirements"
# What requirements files include, by the names that people give it.
_INCLUDED: Final = re.compile(r"(requirements|constraints|base)([-_.].*)?\.(txt|in)")
# What lies below a folder of one of these names is installed, a cache's or a tool's own.
_FOREIGN: Final = frozenset(
    [
        ".cache",
        ".eggs",
        ".git",
        ".hatch",
        ".hg",
        ".mypy_cache",
        ".nox",
        ".pixi",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        "__pycache__",
        "__pypackages__",
        "conda-meta",
        "dist-packages",
        "node_modules",
        "site-packages",
    ]
)
# Documentation and examples of packages that the system's package manager installed.
_SYSTEM: Final = ("usr/share/", "usr/lib/", "usr/lib64/", "lib/", "var/lib/")


def wanted(path: str) -> bool:
    """Whether a project's folder at the file's place would be read for it."""
    return bool(_shelf(path)) and not foreign(path)


def makes_project(path: str) -> bool:
    """Whether a file at the path makes its folder a project: what others include and scripts
    don't."""
    if path.rpartition("/")[2] == "setup.py":
        return True
    return _shelf(path) == _HERE and not path.endswith((_SCRIPT, SCRIPT_LOCK))


def foreign(path: str) -> bool:
    """Whether what lies at `path` belongs to something installed, to a cache or to a tool."""
    return path.startswith(_SYSTEM) or not _FOREIGN.isdisjoint(path.split("/")[:-1])


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
        inside = f"{_REQUIREMENTS_FOLDER}/"
        return tuple(
            sorted(n for n in self.names if n.startswith(inside) or REQUIREMENTS.fullmatch(n))
        )

    @property
    def named_pylocks(self) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.names if NAMED_PYLOCK.fullmatch(name)))

    @property
    def scripts(self) -> tuple[str, ...]:
        """The scripts that may state what they need, and the locks of such, sorted."""
        endings = (_SCRIPT, SCRIPT_LOCK)
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
        shelf = _shelf(entry.path)
        if shelf in (None, _ONLY_INCLUDED) or foreign(entry.path):
            continue
        if shelf == _REQUIREMENTS_FOLDER:
            above, name = above.rpartition("/")[0], f"{shelf}/{name}"
        found.setdefault(above, set()).add(name)
    for path in sorted(found):
        if environments.isdisjoint(_with_parents(path)):
            yield ProjectFolder(files, path, frozenset(found[path]))


_ONLY_INCLUDED: Final = "-"
_HERE: Final = "."
_SCRIPT: Final = ".py"


def _shelf(path: str) -> str | None:
    """What a file is for its project: `.` for one that states something, `requirements` for one
    of that folder, `-` for one that others include; None for anything else."""
    above, _, name = path.rpartition("/")
    if name in NAMES:
        return _HERE
    if name.endswith(_SCRIPT):
        return _HERE if f"{above[above.rfind('/') + 1 :]}/" in SCRIPTS else None
    if not name.endswith(ENDINGS):
        return None
    if above == _REQUIREMENTS_FOLDER or above.endswith(f"/{_REQUIREMENTS_FOLDER}"):
        return _REQUIREMENTS_FOLDER if name.endswith(".txt") else _ONLY_INCLUDED
    if name.endswith(SCRIPT_LOCK) or REQUIREMENTS.fullmatch(name) or NAMED_PYLOCK.fullmatch(name):
        return _HERE
    return _ONLY_INCLUDED if _INCLUDED.fullmatch(name) else None


def _with_parents(path: str) -> Iterator[str]:
    """The path and all folders above it, without the root: that may be an environment, too, but
    then it is the project's own (`python -m venv .`)."""
    while path:
        yield path
        path = path.rpartition("/")[0]
