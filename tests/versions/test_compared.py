"""Which of two versions is the newer one, by the type of a package URL."""

from __future__ import annotations

import pytest

from bom.versions import compared


@pytest.mark.parametrize(
    ("purl_type", "older", "newer"),
    [
        ("pypi", "1.0rc1", "1.0"),
        ("pypi", "1.9", "1.10"),
        ("npm", "1.0.0-beta.2", "1.0.0-beta.11"),
        ("golang", "v1.9.0", "v1.10.0"),
        ("deb", "1:1.0~rc1-1", "1:1.0-1"),
        ("apk", "1.2_alpha1-r0", "1.2-r0"),
        ("rpm", "1.0~rc1-1", "1.0-1"),
        ("maven", "1.0-SNAPSHOT", "1.0"),
        ("gem", "1.0.pre", "1.0"),
    ],
)
def test_the_ecosystem_decides(purl_type: str, older: str, newer: str) -> None:
    assert compared(purl_type, older, newer) == -1
    assert compared(purl_type, newer, older) == 1
    assert compared(purl_type, newer, newer) == 0


@pytest.mark.parametrize(("purl_type", "text"), [("generic", "1"), ("", "1"), ("npm", "latest")])
def test_what_is_not_known_is_never_guessed(purl_type: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compared(purl_type, text, "2")
