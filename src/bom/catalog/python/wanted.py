"""Which files of a view the Python ecosystem reads, by their paths alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import PurePosixPath

# --- what tells of installed distributions -------------------------------------------------------

SITE_FOLDERS: Final = frozenset(["site-packages", "dist-packages"])
VENDOR_FOLDERS: Final = frozenset(["_vendor", "_vendored"])
VENDOR_LISTS: Final = frozenset(["vendor.txt", "vendored.txt"])
SBOMS: Final = "sboms"  # PEP 770
EGG: Final = ".egg"
_FILES: Final = frozenset(
    [
        "INSTALLER",
        "METADATA",
        "PKG-INFO",
        "RECORD",
        "WHEEL",
        "direct_url.json",
        "installed-files.txt",
        "namespace_packages.txt",
        "requires.txt",
        "top_level.txt",
    ]
)
RECORDS: Final = frozenset({*_FILES, *VENDOR_LISTS, "pyvenv.cfg"})
RECORD_ENDINGS: Final = (".egg-info", ".egg-link", EGG)
WITHIN: Final = (f".dist-info/{SBOMS}/",)


def tells_of_installed(path: PurePosixPath) -> bool:
    """Whether the file tells of an installed distribution."""
    name, above = path.name, path.parent
    if name in _FILES:
        return above.name.endswith((".dist-info", ".egg-info")) or (
            above.name == "EGG-INFO" and above.parent.name.endswith(EGG)
        )
    if name.endswith(RECORD_ENDINGS):
        return above.name in SITE_FOLDERS
    if name in VENDOR_LISTS:
        return above.name in VENDOR_FOLDERS
    if above.name == SBOMS:
        return above.parent.name.endswith(".dist-info") and name.endswith(".json")
    return name == "pyvenv.cfg"


# --- manifests and locks of projects -------------------------------------------------------------

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
REQUIREMENTS_FOLDER: Final = "requirements"
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

# What a file is for its project (`shelf`).
ONLY_INCLUDED: Final = "-"
HERE: Final = "."
SCRIPT: Final = ".py"


def wants(path: str) -> bool:
    """Whether a project's folder at the file's place would be read for it."""
    return bool(shelf(path)) and not foreign(path)


def makes_project(path: str) -> bool:
    """Whether a file at the path makes its folder a project: what others include and scripts
    don't."""
    if path.rpartition("/")[2] == "setup.py":
        return True
    return shelf(path) == HERE and not path.endswith((SCRIPT, SCRIPT_LOCK))


def foreign(path: str) -> bool:
    """Whether what lies at `path` belongs to something installed, to a cache or to a tool."""
    return path.startswith(_SYSTEM) or not _FOREIGN.isdisjoint(path.split("/")[:-1])


def shelf(path: str) -> str | None:
    """What a file is for its project: `.` for one that states something, `requirements` for one
    of that folder, `-` for one that others include; None for anything else."""
    above, _, name = path.rpartition("/")
    if name in NAMES:
        return HERE
    if name.endswith(SCRIPT):
        return HERE if f"{above[above.rfind('/') + 1 :]}/" in SCRIPTS else None
    if not name.endswith(ENDINGS):
        return None
    if above == REQUIREMENTS_FOLDER or above.endswith(f"/{REQUIREMENTS_FOLDER}"):
        return REQUIREMENTS_FOLDER if name.endswith(".txt") else ONLY_INCLUDED
    if name.endswith(SCRIPT_LOCK) or REQUIREMENTS.fullmatch(name) or NAMED_PYLOCK.fullmatch(name):
        return HERE
    return ONLY_INCLUDED if _INCLUDED.fullmatch(name) else None
