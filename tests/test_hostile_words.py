"""The hostile words are themselves in the BOM: an output that is tried with them is tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests import hostile_words

from bom.compose import validate
from bom.show import embedded
from bom.sign.keys import load_public
from bom.sign.trust import TrustedKey
from bom.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bom_full_of_them_is_valid_and_holds_every_word() -> None:
    made = hostile_words.document()
    assert not validate.errors(made)
    named = {part["name"] for part in made["components"]}
    assert named == set(hostile_words.WORDS.values())


def test_an_artifact_full_of_them_verifies(tmp_path: Path) -> None:
    artifact, public = hostile_words.sealed(tmp_path)
    verdict = verify(artifact, (TrustedKey("key", load_public(public)),))
    assert verdict.good, verdict.findings
    texts = json.dumps(json.loads(embedded(artifact)))
    assert all(json.dumps(word)[1:-1] in texts for word in hostile_words.WORDS.values())
