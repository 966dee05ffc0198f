"""The schema check tells CycloneDX's own valid and invalid documents apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bom.compose import validate

if TYPE_CHECKING:
    from tests.conftest import Need


@pytest.mark.parametrize("version", validate.SPEC_VERSIONS)
def test_the_specifications_own_documents_are_told_apart(need: Need, version: str) -> None:
    folder = need.vectors("cyclonedx") / version
    wrong = [
        path.name
        for path in sorted(folder.glob("*.json"))
        if bool(validate.errors(json.loads(path.read_bytes()))) != path.name.startswith("invalid-")
    ]
    assert wrong == []


def test_an_unknown_spec_version_is_an_error() -> None:
    assert validate.errors({"specVersion": "9.9"}) == [
        "specVersion is '9.9', not one of 1.4, 1.5, 1.6, 1.7"
    ]
