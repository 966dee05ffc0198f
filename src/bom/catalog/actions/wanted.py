"""Which files of a view are GitHub's workflows and actions, by their paths alone."""

from __future__ import annotations

from typing import Final

from bom.catalog.python.wanted import foreign

ACTIONS: Final = frozenset(["action.yml", "action.yaml"])
WORKFLOWS: Final = ".github/workflows/"
_ENDINGS: Final = (".yml", ".yaml")
_OTHERS: Final = frozenset(["vendor", "gems", "testdata"])


def wants(path: str) -> bool:
    """Whether the file is a project's workflow or action."""
    folder, _, name = path.rpartition("/")
    workflow = f"{folder}/".endswith(f"/{WORKFLOWS}") or f"{folder}/" == WORKFLOWS
    if not (name in ACTIONS or (workflow and name.endswith(_ENDINGS))):
        return False
    return not foreign(path) and _OTHERS.isdisjoint(folder.split("/"))
