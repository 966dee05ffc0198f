"""The images that Dockerfiles and Compose files name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.reading import check_laws, declared, gaps, mutated, put

from bom.catalog.images import Images
from bom.model import Hash, Occurrence

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "b" * 64
DOCKERFILE = f"""\
# syntax=docker/dockerfile:1
ARG BASE=python:3.12
FROM --platform=$BUILDPLATFORM golang:1.23 AS build
RUN <<END
FROM nothing
END
FROM scratch AS empty
COPY --from=build \\
   /x /x
FROM ${{BASE}}-slim@sha256:{DIGEST}
COPY --from=registry.example.org:5000/tools/uv:0.5 /uv /uv
RUN --mount=type=bind,from=build,target=/b true
"""
COMPOSE = """\
services:
  cache:
    image: ${CACHE:-redis:7} # the cache
  web:
    build: .
    image: own
  other:
    image: 'ghcr.io/example/other'
  unknown:
    image: $NOBODY
"""


def refs(root: Path) -> dict[str, tuple[str, tuple[Occurrence, ...]]]:
    return {
        item.component.bom_ref: (
            next((p.value for p in item.component.properties if p.name.endswith(":material")), ""),
            item.component.occurrences,
        )
        for found in declared(root, Images())
        for item in found.dependencies
    }


def test_every_image_of_every_stage_is_named_with_its_line(tmp_path: Path) -> None:
    put(tmp_path, "Dockerfile", DOCKERFILE)
    assert refs(tmp_path) == {
        "pkg:oci/dockerfile?repository_url=docker.io%2Fdocker%2Fdockerfile&tag=1": (
            "build-image",
            (Occurrence("Dockerfile", 1),),
        ),
        "pkg:oci/golang?tag=1.23": ("build-image", (Occurrence("Dockerfile", 3),)),
        f"pkg:oci/python@sha256:{DIGEST}?tag=3.12-slim": (
            "base-image",
            (Occurrence("Dockerfile", 10),),
        ),
        "pkg:oci/uv?repository_url=registry.example.org:5000%2Ftools%2Fuv&tag=0.5": (
            "build-image",
            (Occurrence("Dockerfile", 11),),
        ),
    }


def test_a_digest_is_a_hash_and_a_tag_is_a_gap(tmp_path: Path) -> None:
    put(tmp_path, "Dockerfile", DOCKERFILE)
    (found,) = declared(tmp_path, Images())
    assert all(item.role == "build" for item in found.dependencies)
    hashed = {
        item.component.name: file.hashes
        for item in found.dependencies
        for file in item.component.distributions
    }
    assert hashed == {"python": (Hash("SHA-256", DIGEST),)}
    lacking = {where for what, where in gaps(found.gaps) if what == "dependency.version"}
    assert lacking == {"docker/dockerfile", "golang", "registry.example.org:5000/tools/uv"}
    assert lacking == {where for what, where in gaps(found.gaps) if what == "dependency.hash"}


def test_what_compose_runs_and_doesn_t_build_is_named(tmp_path: Path) -> None:
    put(tmp_path, "deploy/compose.prod.yaml", COMPOSE)
    place = "deploy/compose.prod.yaml"
    assert refs(tmp_path) == {
        "pkg:oci/redis?tag=7": ("", (Occurrence(place, 3),)),
        "pkg:oci/other?repository_url=ghcr.io%2Fexample%2Fother&tag=latest": (
            "",
            (Occurrence(place, 8),),
        ),
    }
    (found,) = declared(tmp_path, Images())
    assert ("dependency.name", "$NOBODY") in gaps(found.gaps)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Dockerfile", True),
        ("Containerfile", True),
        ("Dockerfile.prod", True),
        ("prod.Dockerfile", True),
        ("prod.dockerfile", True),
        ("Dockerfile.dockerignore", False),
        ("Dockerfile.j2", False),
        ("MyDockerfile", False),
        ("node_modules/x/Dockerfile", False),
        ("vendor/x/Dockerfile", False),
        ("Dockerfile/x", False),
    ],
)
def test_files_count_by_the_usual_names(tmp_path: Path, name: str, *, read: bool) -> None:
    put(tmp_path, name, "FROM a:1\n")
    assert bool(refs(tmp_path)) is read


def test_images_of_one_name_and_other_folders_are_not_one(tmp_path: Path) -> None:
    put(tmp_path, "Dockerfile", "FROM redis:7\nFROM example/redis:7\nFROM library/redis:7\n")
    assert len(refs(tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Dockerfile", b"\xff\xfe"),
        ("Dockerfile", b"#" * 300_000),
        ("Dockerfile", b"FROM a\n" * 20_000),
        ("compose.yaml", b"[" * 10_000),
        ("compose.yaml", b"x: &a {b: c}\ny: *a\n"),
        ("compose.yaml", b"\0"),
    ],
)
def test_what_can_t_be_read_is_a_gap(tmp_path: Path, name: str, content: bytes) -> None:
    put(tmp_path, name, content)
    (found,) = declared(tmp_path, Images())
    assert found.dependencies == ()
    assert gaps(found.gaps) == {("dependency.declared", name)}


@pytest.mark.parametrize(
    "content",
    [
        "ARG A0=aaaaaaaaaa\n"
        + "".join(f"ARG A{n + 1}=$A{n}$A{n}\n" for n in range(60))
        + "FROM $A60\n",
        "RUN a\\\n" + "b\\\n" * 60_000,
        "FROM a AS b\n" + "COPY --from=b x y\n" * 4_000,
        "FROM " + "${a:-" * 40_000 + "\n",
    ],
)
def test_small_files_that_would_expand_without_end_take_no_time(
    tmp_path: Path, content: str
) -> None:
    put(tmp_path, "Dockerfile", content)
    started = time.monotonic()
    declared(tmp_path, Images())
    assert time.monotonic() - started < 10


@given(
    st.binary(max_size=400) | st.integers(0, 2**32).map(lambda s: mutated(DOCKERFILE.encode(), s))
)
def test_whatever_a_dockerfile_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Images(), {"Dockerfile": content})


@given(st.binary(max_size=400) | st.integers(0, 2**32).map(lambda s: mutated(COMPOSE.encode(), s)))
def test_whatever_a_compose_file_holds_the_laws_hold(content: bytes) -> None:
    check_laws(Images(), {"compose.yaml": content})
