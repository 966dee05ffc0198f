"""How severe an advisory is: base scores of CVSS v3 (specification 3.1, section 7.1) and v2 (guide,
section 3.2.1), the levels of CVSS v4 and of distributions that are stated as words.

A v4 vector alone has no score here: that takes FIRST's table of 270 equivalence classes.
"""

from __future__ import annotations

import math
from typing import Final

from bom.audit.model import Level, Rating
from bom.report.foreign import Json, as_object, as_objects, as_text

_WORDS: Final = {
    "none": Level.NONE,
    "negligible": Level.LOW,  # Ubuntu
    "unimportant": Level.LOW,  # Debian
    "low": Level.LOW,
    "moderate": Level.MEDIUM,
    "medium": Level.MEDIUM,
    "important": Level.HIGH,
    "high": Level.HIGH,
    "critical": Level.CRITICAL,
}
_PLACES: Final = (
    ("database_specific", "severity"),  # GitHub
    ("ecosystem_specific", "severity"),
    ("ecosystem_specific", "urgency"),  # Debian
)
_V3: Final = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_V3_PRIVILEGES: Final = {
    "U": {"N": 0.85, "L": 0.62, "H": 0.27},
    "C": {"N": 0.85, "L": 0.68, "H": 0.5},
}
_V2: Final = {
    "AV": {"L": 0.395, "A": 0.646, "N": 1.0},
    "AC": {"H": 0.35, "M": 0.61, "L": 0.71},
    "Au": {"M": 0.45, "S": 0.56, "N": 0.704},
    "C": {"N": 0.0, "P": 0.275, "C": 0.660},
    "I": {"N": 0.0, "P": 0.275, "C": 0.660},
    "A": {"N": 0.0, "P": 0.275, "C": 0.660},
}


def rating(holder: Json) -> Rating:
    """The most severe that an OSV entry, or one of its `affected`, states of itself."""
    stated = [
        _scored(as_text(entry.get("type")), as_text(entry.get("score")))
        for entry in as_objects(holder.get("severity"))
    ]
    for place, name in _PLACES:
        word = as_text(as_object(holder.get(place)).get(name))
        stated.append(Rating(_WORDS.get(word.lower(), Level.UNKNOWN)))
    return max(stated, default=Rating())


def level_of(score: float) -> Level:
    """CVSS v3.1, section 5."""
    for most, found in (
        (0.0, Level.NONE),
        (3.9, Level.LOW),
        (6.9, Level.MEDIUM),
        (8.9, Level.HIGH),
    ):
        if score <= most:
            return found
    return Level.CRITICAL


def _scored(kind: str, text: str) -> Rating:
    if kind in ("CVSS_V3", "CVSS_V2"):
        try:
            score = _score3(text) if kind == "CVSS_V3" else _score2(text)
        except (KeyError, ValueError):
            return Rating(vector=text)
        return Rating(level_of(score), score, text)
    if kind == "CVSS_V4":
        return Rating(vector=text)
    return Rating(_WORDS.get(text.lower(), Level.UNKNOWN))


def _metrics(vector: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in vector.split("/"):
        name, colon, value = part.partition(":")
        if not colon or name in found:
            raise ValueError(vector)
        found[name] = value
    return found


def _score3(vector: str) -> float:
    """Raises KeyError or ValueError for what is no vector of CVSS v3."""
    given = _metrics(vector)
    if given.pop("CVSS") not in ("3.0", "3.1"):
        raise ValueError(vector)
    value = {name: table[given[name]] for name, table in _V3.items()}
    scope = given["S"]
    privileges = _V3_PRIVILEGES[scope][given["PR"]]
    missed = 1 - (1 - value["C"]) * (1 - value["I"]) * (1 - value["A"])
    if scope == "U":
        impact = 6.42 * missed
    else:
        impact = 7.52 * (missed - 0.029) - 3.25 * (missed - 0.02) ** 15
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * value["AV"] * value["AC"] * privileges * value["UI"]
    total = impact + exploitability
    return _rounded_up(min(total if scope == "U" else 1.08 * total, 10))


def _rounded_up(value: float) -> float:
    """Appendix A: to one decimal, upwards, without what floating point adds."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10


def _score2(vector: str) -> float:
    """Raises KeyError or ValueError for what is no vector of CVSS v2."""
    given = _metrics(vector.strip("()"))
    value = {name: table[given[name]] for name, table in _V2.items()}
    impact = 10.41 * (1 - (1 - value["C"]) * (1 - value["I"]) * (1 - value["A"]))
    exploitability = 20 * value["AV"] * value["AC"] * value["Au"]
    factor = 1.176 if impact else 0.0
    return round((0.6 * impact + 0.4 * exploitability - 1.5) * factor + 1e-9, 1)
