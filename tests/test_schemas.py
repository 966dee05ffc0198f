"""The schemas in schemas/ are what the models say."""

from __future__ import annotations

from pathlib import Path

from bom.report.schemas import schemas

FOLDER = Path(__file__).resolve().parents[1] / "schemas"


def test_the_committed_schemas_are_the_models_schemas() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert committed == schemas(), "run `make schemas`"
