"""How severe advisories are: vectors with the scores that FIRST's calculators give."""

from __future__ import annotations

from typing import Any

import pytest

from bom.audit.model import Level
from bom.audit.severity import level_of, rating


@pytest.mark.parametrize(
    ("kind", "vector", "score"),
    [
        ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS_V3", "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS_V3", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L", 3.7),
        ("CVSS_V3", "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.6),
        ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H/E:P/RL:O", 9.9),
        ("CVSS_V2", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
        ("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
        ("CVSS_V2", "AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),
        ("CVSS_V2", "AV:N/AC:M/Au:N/C:N/I:P/A:N", 4.3),
    ],
)
def test_a_vector_has_its_base_score(kind: str, vector: str, score: float) -> None:
    found = rating({"severity": [{"type": kind, "score": vector}]})
    assert (found.score, found.level, found.vector) == (score, level_of(score), vector)


@pytest.mark.parametrize(
    ("holder", "level"),
    [
        ({}, Level.UNKNOWN),
        ({"severity": "high"}, Level.UNKNOWN),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:X"}]}, Level.UNKNOWN),
        ({"severity": [{"type": "CVSS_V3", "score": "9.8"}]}, Level.UNKNOWN),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L"}]}, Level.UNKNOWN),
        ({"severity": [{"type": "Ubuntu", "score": "negligible"}]}, Level.LOW),
        ({"database_specific": {"severity": "MODERATE"}}, Level.MEDIUM),
        ({"database_specific": {"severity": 7}}, Level.UNKNOWN),
        ({"ecosystem_specific": {"urgency": "not yet assigned"}}, Level.UNKNOWN),
    ],
)
def test_words_are_levels_and_all_else_is_unknown(holder: dict[str, Any], level: Level) -> None:
    assert rating(holder).level is level


def test_the_most_severe_of_several_counts() -> None:
    found = rating(
        {
            "severity": [{"type": "CVSS_V2", "score": "AV:N/AC:M/Au:N/C:N/I:P/A:N"}],
            "database_specific": {"severity": "CRITICAL"},
        }
    )
    assert found.level is Level.CRITICAL


def test_scores_have_the_levels_of_the_specification() -> None:
    assert [level_of(score).word for score in (0.0, 0.1, 3.9, 4.0, 6.9, 7.0, 8.9, 9.0, 10.0)] == [
        "none", "low", "low", "medium", "medium", "high", "high", "critical", "critical",
    ]  # fmt: skip
