"""What a Dockerfile asks apt for, read from the Dockerfile alone."""

from __future__ import annotations

import pytest

from bom.errors import BomError
from bom.lock.packages import Install, installs


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        ("apt-get update && apt-get install -y curl", ("curl",)),
        ("apt-get -qq install -y --no-install-recommends gcc libc6-dev", None),
        ("set -e; apt install curl=7.88.1-10+deb12u8; rm -rf /x", ("curl=7.88.1-10+deb12u8",)),
        ("DEBIAN_FRONTEND=noninteractive apt-get install -y curl", ("curl",)),
        ('["apt-get", "install", "-y", "curl"]', ("curl",)),
        ("apt-get install -y \\\n    curl \\\n    git:amd64", ("curl", "git:amd64")),
        ("(apt-get update; apt-get install -y curl) && true", ("curl",)),
    ],
)
def test_the_packages_of_an_install_are_found(run: str, asked: tuple[str, ...] | None) -> None:
    wanted = ("--no-install-recommends", "gcc", "libc6-dev") if asked is None else asked
    found = installs(f"FROM debian:12\nRUN {run}\n", "Dockerfile")
    assert found == [Install("Dockerfile", "debian:12", wanted)]


def test_stages_on_one_image_are_asked_for_together() -> None:
    text = (
        "FROM debian:12 AS one\nRUN apt-get install -y gcc\nFROM one AS two\n"
        "RUN apt-get install -y make\nFROM alpine\nRUN apk add curl\n"
    )
    assert installs(text, "D") == [Install("D", "debian:12", ("gcc", "make"))]


def test_the_defaults_of_arguments_are_put_in() -> None:
    text = "ARG BASE=debian:12\nFROM $BASE\nARG WHAT=curl\nRUN apt-get install -y ${WHAT}\n"
    assert installs(text, "D") == [Install("D", "debian:12", ("curl",))]


@pytest.mark.parametrize(
    "run",
    [
        "apt-get install -y $(cat packages.txt)",
        "apt-get install -y $PACKAGES",
        "apt-get install -y ./local.deb",
        "apt-get install -y 'curl;id'",
    ],
)
def test_a_package_that_cannot_be_known_is_refused(run: str) -> None:
    with pytest.raises(BomError) as caught:
        installs(f"FROM debian:12\nRUN {run}\n", "Dockerfile")
    assert caught.value.reason.startswith("Dockerfile:2: what apt-get installs can't be known: ")


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:12\nRUN <<EOF\napt-get install -y curl\nEOF\n",
        "FROM debian:12\nRUN sh -c 'apt-get install -y curl'\n",
    ],
)
def test_an_install_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(BomError, match="calls apt-get where it can't be followed"):
        installs(text, "Dockerfile")


def test_a_comment_asks_for_nothing() -> None:
    assert installs("FROM debian:12\n# apt-get install curl\nRUN true\n", "D") == []
