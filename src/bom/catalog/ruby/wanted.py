"""Which files of a view the Ruby ecosystem reads, by their paths alone."""

from __future__ import annotations

from typing import Final

from bom.catalog.python.wanted import foreign
from bom.catalog.ruby.places import ENDING, record

# Manifest and lock by either of Bundler's two names.
_PAIRS: Final = (("Gemfile", "Gemfile.lock"), ("gems.rb", "gems.locked"))
LOCKS: Final = {lock: manifest for manifest, lock in _PAIRS}
NAMES: Final = frozenset(name for pair in _PAIRS for name in pair)
_OTHERS: Final = frozenset(["gems", "bundle", "rubygems-integration", "specifications"])


def wants(path: str) -> bool:
    """Whether the file specifies an installed gem, or is a project's manifest or lock."""
    return record(path) is not None or is_project_file(path)


def is_project_file(path: str) -> bool:
    """Whether the file is a project's own manifest or lock."""
    folder, _, name = path.rpartition("/")
    if name not in NAMES and not name.endswith(ENDING):
        return False
    return not foreign(path) and _OTHERS.isdisjoint(folder.split("/"))
