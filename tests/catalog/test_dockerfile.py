"""Which images a Dockerfile builds on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom.catalog.images.dockerfile import Download, Mount, Terms, images, mentions, taking


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
    assert found(text) == [("b", "base-image")]
    assert found("FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nCOPY --from=x / /\n") == [
        ("a", "build-image"),
        ("b", "base-image"),
    ]


def test_what_only_looks_like_a_here_document_hides_nothing() -> None:
    text = """FROM a AS one
RUN echo $((1<<SHIFT)) "x <<END" cat<<EOF
RUN cat <<< word
FROM b
COPY --from=one / /
"""
    assert found(text) == [("a", "build-image"), ("b", "base-image")]


def test_two_escapes_at_the_end_of_a_line_join_nothing() -> None:
    assert found("FROM a\nRUN echo \\\\\nFROM b\n") == [("b", "base-image")]


def test_a_tab_ends_the_keyword_too() -> None:
    assert found("from\ta as x\nFROM\tb\nCOPY\t--from=x / /\n") == [
        ("a", "build-image"),
        ("b", "base-image"),
    ]


def test_the_frontend_is_the_builds_where_an_argument_names_it() -> None:
    text = "#!/usr/bin/env x\n# syntax=docker/dockerfile:1 more\nFROM a\n"
    assert found(text)[1] == ("docker/dockerfile:1", "build-image")
    assert found(text, BUILDKIT_SYNTAX="own/frontend:2")[1] == ("own/frontend:2", "build-image")


def test_the_classic_builder_knows_no_frontend_and_no_here_documents() -> None:
    text = "# syntax=docker/dockerfile:1\nFROM a\nRUN cat <<EOF\nFROM b\n"
    (item,) = images(text, {}, terms=Terms("classic", platform="linux/amd64"))
    assert item.name == "b"


def test_a_builds_own_value_is_taken_as_it_is_and_a_default_expanded() -> None:
    text = "ARG A=x\nARG B=$A-y\nFROM $B\n"
    assert found(text) == [("x-y", "base-image")]
    assert found(text, B="z$A") == [("z$A", "base-image")]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("i:${V%.*}", "i:3.11.4"),
        ("i:${V%%.*}", "i:3"),
        ("i:${V#*.}", "i:11.4.1"),
        ("i:${V##*.}", "i:1"),
        ("i:${V:?wanted}", "i:3.11.4.1"),
    ],
)
def test_parts_of_a_value_can_be_cut_off(reference: str, expected: str) -> None:
    assert found(f"ARG V=3.11.4.1\nFROM {reference}\n") == [(expected, "base-image")]


def test_the_platform_arguments_are_there_without_being_declared() -> None:
    text = "FROM --platform=$BUILDPLATFORM go-$BUILDARCH AS b\nFROM i:$TARGETARCH$TARGETVARIANT\n"
    text += "COPY --from=b / /\n"
    terms = Terms(platform="linux/arm/v7", builder_platform="linux/amd64")
    names = [item.name for item in images(text, {}, terms=terms)]
    assert names == ["go-amd64", "i:armv7"]
    assert [item.resolved for item in images(text, {})] == [False, False]
    both = Terms(platform="linux/amd64,linux/arm64")
    assert [item.resolved for item in images(text, {}, terms=both)] == [False, False]


def test_a_trigger_of_a_stage_takes_effect_where_another_starts_from_it() -> None:
    text = "FROM a AS one\nONBUILD COPY --from=tools:1 / /\nONBUILD ADD https://x.example/f /\n"
    assert found(text) == [("a", "base-image")]
    text += "FROM one\n"
    assert found(text) == [("a", "base-image"), ("tools:1", "build-image")]
    assert taking(text, {}).downloads == (Download("https://x.example/f"),)


def test_named_contexts_stand_in_for_images_and_stages() -> None:
    text = "FROM alpine:latest AS base\nFROM docker.io/library/python AS tools\n"
    text += "FROM base\nCOPY --from=tools / /\nCOPY --from=files / /\n"
    terms = Terms(named={"alpine": "other:1", "files": "", "tools": "mine@sha256:" + "a" * 64})
    assert [(item.name, item.kind) for item in images(text, {}, terms=terms)] == [
        ("mine@sha256:" + "a" * 64, "build-image"),
        ("other:1", "base-image"),
    ]


def test_the_stages_that_the_final_one_comes_from_are_told_as_a_target_names_them() -> None:
    text = """
FROM gcc:12 AS Compiler
FROM scratch
FROM alpine AS unused
FROM compiler AS again
FROM debian AS twice
FROM debian AS twice
FROM debian
COPY --from=again /a /
COPY --from=1 /b /
COPY --from=4 /c /
RUN --mount=from=twice,target=/t true
"""
    assert taking(text, {}).stages == ("Compiler", "1", "again", "4", "twice")
    assert taking(text, {}, "again").stages == ("Compiler",)
    assert taking(text, {}, "unused").stages == ()
    named = Terms(named={"again": "alpine:3"})
    assert taking(text, {}, "", named).stages == ("1", "4", "twice")
    assert taking("", {}).stages == ()


def test_secrets_agents_and_downloads_of_the_stages_that_are_needed() -> None:
    text = """
FROM a AS unused
RUN --mount=type=secret,id=never x
FROM a AS one
RUN --mount=type=secret,id=npm,required=true --mount=type=ssh x
RUN --mount=type=secret,target=/run/secrets/other --mount=type=cache,target=/c x
FROM b
ARG V=2
ENV BASE=https://x.example/v$V
COPY --from=one / /
ADD --checksum=sha256:12 $BASE/f.tgz /
ADD ["https://x.example/g", "/"]
ADD local.tar /
"""
    made = taking(text, {"V": "3"})
    assert made.mounts == (
        Mount("secret", "npm", required=True),
        Mount("secret", "other"),
        Mount("ssh", "default"),
    )
    assert made.downloads == (
        Download("https://x.example/g"),
        Download("https://x.example/v3/f.tgz", "sha256:12"),
    )


# fmt: off
_PARTS = st.sampled_from((
    "FROM a", " AS b", "\n", "\\\n", "COPY --from=", "0", "b", "$V", "${V%", "}", "ARG V=", "<<E",
    "RUN --mount=type=secret,id=", "ONBUILD ", "ENV ", "ADD http://x ", "# syntax=", "'", '"',
))
# fmt: on


@given(st.lists(_PARTS | st.text(max_size=4), max_size=40).map("".join), st.text(max_size=4))
def test_any_text_is_read_without_an_error(text: str, target: str) -> None:
    for frontend in ("buildkit", "classic", "buildah"):
        taking(text, {"V": target}, target, Terms(frontend, {"b": ""}, "linux/arm/v7", "linux"))
    mentions(text)
