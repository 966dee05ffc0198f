"""Orderings whose own tool is no program of a Debian machine: examples of their documentation; and
what is no version anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bom.versions import (
    ORDERINGS,
    alpine,
    debian,
    gems,
    maven,
    nuget,
    packagist,
    rpm,
    semver,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# apk-package(5), and versions of Alpine's own packages
ALPINE = [
    "0.9", "1.0_alpha", "1.0_alpha1", "1.0_beta", "1.0_pre2", "1.0_rc1", "1.0_rc1-r1", "1.0",
    "1.0-r1", "1.0-r10", "1.0_git20200101", "1.0_p1", "1.0_p2", "1.0a", "1.0b", "1.0.1", "1.1",
    "1.10", "2",
]  # fmt: skip
# learn.microsoft.com, "Package versioning": pre-releases are compared without case
NUGET = [
    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
    "1.0.0.1", "1.0.1", "1.0.1.5-beta", "1.0.1.5", "2.0",
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "ascending"), [(alpine.key, ALPINE), (nuget.key, NUGET)], ids=["alpine", "nuget"]
)
def test_versions_are_in_the_order_of_the_documentation(
    key: Callable[[str], Any], ascending: list[str]
) -> None:
    for place, one in enumerate(ascending):
        for other, two in enumerate(ascending):
            assert (key(one) < key(two)) == (place < other), (one, two)
            assert (key(one) == key(two)) == (place == other), (one, two)


def test_nuget_s_spellings_of_one_version_are_equal() -> None:
    assert nuget.key("1.0") == nuget.key("1.0.0.0") == nuget.key("1.0.0+build.5")
    assert nuget.key("1.0.0-Beta") == nuget.key("1.0.0-beta")


def test_a_go_version_is_ordered_with_its_v_and_without() -> None:
    assert semver.key("v1.2.3") == semver.key("1.2.3") == semver.key("1.2.3+incompatible")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (semver.key, "latest"),
        (semver.key, "1.2.3.4"),
        (debian.key, ""),
        (debian.key, "1.0 2"),
        (debian.key, "x:1.0"),
        (rpm.key, "1.0-1-1"),
        (gems.key, "main"),
        (alpine.key, "1.0-1"),
        (nuget.key, "v"),
        (packagist.key, "dev-main"),
        (packagist.key, "1.x-dev"),
        (maven.key, ""),
        (maven.key, "1-" * 600),
    ],
)
def test_what_is_no_version_is_never_guessed_at(key: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        key(text)


@pytest.mark.parametrize("ecosystem", ORDERINGS)
def test_every_ordering_takes_a_plain_version(ecosystem: str) -> None:
    key = ORDERINGS[ecosystem]
    assert key("1.9") < key("1.10")
