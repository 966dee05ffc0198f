"""What every test of the catalogue also checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bom import catalog
from bom.catalog.concern import concerned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bom.catalog.protocol import Ecosystem, FileView


@pytest.fixture(autouse=True)
def _who_is_not_asked_has_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever view a test makes, the ecosystems that the catalogue passes over would have told
    nothing of it."""

    def checked(ecosystems: Iterable[Ecosystem], view: FileView) -> tuple[Ecosystem, ...]:
        everyone = tuple(ecosystems)
        asked = concerned(everyone, view)
        for ecosystem in everyone:
            if ecosystem not in asked:
                assert list(ecosystem.installed(view)) == [], ecosystem.name
                assert list(ecosystem.declared(view)) == [], ecosystem.name
        return asked

    monkeypatch.setattr(catalog, "concerned", checked)
