"""Names of images, as docker reads and shows them."""

from __future__ import annotations

import pytest

from bom.catalog.images.reference import familiar, oci_purl, split_tag

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("name", "shown", "bare", "tag"),
    [
        ("app", "app:latest", "app", "latest"),
        ("docker.io/library/python:3.11", "python:3.11", "python", "3.11"),
        ("index.docker.io/me/app", "me/app:latest", "me/app", "latest"),
        ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app", "latest"),
        ("host.example:5000/a/b:1", "host.example:5000/a/b:1", "host.example:5000/a/b", "1"),
        (f"app@{DIGEST}", f"app@{DIGEST}", "app", ""),
        (f"app:1@{DIGEST}", f"app:1@{DIGEST}", "app", "1"),
    ],
)
def test_a_name_is_shown_with_its_tag_and_taken_apart_again(
    name: str, shown: str, bare: str, tag: str
) -> None:
    assert familiar(name) == shown
    assert split_tag(shown) == (bare, tag)


def test_a_purl_names_the_registry_only_where_there_is_one() -> None:
    assert oci_purl("app", "1", DIGEST) == f"pkg:oci/app@{DIGEST}?tag=1"
    assert oci_purl("me/app", "", DIGEST) == f"pkg:oci/app@{DIGEST}"
    registry = "repository_url=host.example:5000%2Fme%2Fapp"
    named = oci_purl("host.example:5000/me/app", "1", DIGEST)
    assert named == f"pkg:oci/app@{DIGEST}?{registry}&tag=1"


def test_a_name_that_makes_no_purl_has_none() -> None:
    assert oci_purl("", "1", DIGEST) == ""
