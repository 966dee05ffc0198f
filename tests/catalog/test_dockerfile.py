"""Which images a Dockerfile builds on."""

from __future__ import annotations

import pytest

from bom.catalog.images.dockerfile import images


def found(text: str, target: str = "", **arguments: str) -> list[tuple[str, str]]:
    return [(item.name, item.kind) for item in images(text, arguments, target)]


def test_the_last_stages_image_is_the_base_and_the_others_only_build() -> None:
    text = """
FROM golang:1.22 AS build
RUN go build
FROM debian:12 AS unused
FROM alpine:3 AS tools
FROM --platform=$BUILDPLATFORM python:3.11 as base
FROM base
COPY --from=build /x /x
COPY --chown=1 --from=tools /y /y
"""
    assert found(text) == [
        ("alpine:3", "build-image"),
        ("golang:1.22", "build-image"),
        ("python:3.11", "base-image"),
    ]


def test_a_target_leaves_out_what_comes_after_it() -> None:
    text = "FROM a AS one\nFROM b AS two\nFROM c\n"
    assert found(text, "one") == [("a", "base-image")]
    assert found(text, "TWO") == [("b", "base-image")]
    assert found(text, "0") == [("a", "base-image")]


def test_scratch_is_no_image() -> None:
    assert found("FROM scratch\nCOPY . /\n") == []


def test_stages_are_copied_from_by_number_and_images_by_name() -> None:
    text = "FROM a\nFROM b\nCOPY --from=0 /x /\nCOPY --from=ghcr.example/c:1 /x /\n"
    assert found(text) == [
        ("a", "build-image"),
        ("b", "base-image"),
        ("ghcr.example/c:1", "build-image"),
    ]


def test_mounts_take_from_images_too() -> None:
    text = "FROM b\nRUN --network=none --mount=type=bind,from=tools:2,target=/t /t/run\n"
    assert found(text) == [("b", "base-image"), ("tools:2", "build-image")]


def test_the_frontend_is_an_image_of_the_build() -> None:
    text = "# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nRUN x `\n FROM b\n"
    assert found(text) == [("a", "base-image"), ("docker/dockerfile:1", "build-image")]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("$NAME:$TAG", "python:3"),
        ("${NAME}:${TAG}", "python:3"),
        ("${NONE:-python}:${EMPTY:-3}", "python:3"),
        ("${NONE-python}:${TAG:+4}", "python:4"),
        ("python:3${NONE:+x}${EMPTY:+x}", "python:3"),
        ('"${NAME}"', "python"),
        ("${NONE:-${NAME", "${NONE:-${NAME"),
    ],
)
def test_arguments_before_from_are_put_in(reference: str, expected: str) -> None:
    text = f"ARG NAME=python\nARG TAG=2\nARG EMPTY=\nFROM {reference}\n"
    assert found(text, TAG="3") == [(expected, "base-image")]


def test_a_default_may_use_an_earlier_argument() -> None:
    assert found("ARG V=3\nARG IMAGE=python:${V}-slim\nFROM $IMAGE\n") == [
        ("python:3-slim", "base-image")
    ]


def test_a_variable_that_is_not_known_stands_as_it_is_and_says_so() -> None:
    (item,) = images("FROM python:${VERSION}\n", {})
    assert (item.name, item.resolved) == ("python:${VERSION}", False)


def test_here_documents_and_comments_hold_no_instructions() -> None:
    text = """# FROM x
FROM a
RUN <<EOF
FROM b
EOF
COPY <<-"END" /etc/x
FROM c
\tEND
RUN echo \\
# FROM d
 FROM e
RUN <<ONE cat <<TWO
FROM f
ONE
FROM g
TWO
"""
    assert found(text) == [("a", "base-image")]


@pytest.mark.parametrize(
    "text",
    ["", "FROM", "FROM \\", "RUN x", "COPY --from=x y z", "FROM a AS", "RUN <<EOF\nFROM b", "\x00"],
)
def test_a_broken_dockerfile_is_read_without_an_error(text: str) -> None:
    images(text, {})


def test_stages_that_name_each_other_end() -> None:
    text = "FROM b AS a\nFROM a AS b\nFROM b AS a\nFROM a\nCOPY --from=3 / /\n"
    assert found(text) == [("3", "build-image"), ("b", "base-image")]
