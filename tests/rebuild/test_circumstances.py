"""What is known of a second build."""

from __future__ import annotations

import locale
from pathlib import Path
from typing import Any, Final

from bom.rebuild.circumstances import of_rebuild

HERE: Final = "C.UTF-8"


def document(**variables: str) -> dict[str, Any]:
    """A BOM that records these variables."""
    listed = [{"name": name, "value": value} for name, value in variables.items()]
    workflow = {"inputs": [{"environmentVars": listed}]}
    return {"formulation": [{"workflows": [workflow]}]}


def test_a_recorded_locale_that_is_not_installed_is_the_c_librarys_own() -> None:
    before = locale.setlocale(locale.LC_ALL)
    for recorded, in_effect in ((HERE, HERE), ("xx_XX.UTF-8", "C"), ("x" * 10_000, "C")):
        known = of_rebuild(document(LC_ALL=recorded), Path("/x"), {}, (1, 2))
        assert known.locale == in_effect
        assert known.variables["LC_ALL"] == recorded
    assert of_rebuild(document(), Path("/x"), {"LANG": HERE}, (1, 2)).locale == HERE
    assert of_rebuild(document(), Path("/x"), {}, (1, 2)).locale == ""
    assert locale.setlocale(locale.LC_ALL) == before
