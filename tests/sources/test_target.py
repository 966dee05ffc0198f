"""What TARGET stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bom.errors import BomError
from bom.registry.name import RegistryImage
from bom.sources.target import EngineImage, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("app.tar", Path("app.tar")),
        ("./docker:app", Path("./docker:app")),
        (Path("docker:app"), Path("docker:app")),
        ("docker:app", EngineImage("app")),
        ("docker:r.example.org/a/b:1", EngineImage("r.example.org/a/b:1")),
        ("oci://r.example.org/app", RegistryImage("r.example.org", "app", "latest")),
        ("oci://localhost:5000/a/b-c.d__e:v1", RegistryImage("localhost:5000", "a/b-c.d__e", "v1")),
        ("oci://[::1]:5000/a:1", RegistryImage("[::1]:5000", "a", "1")),
        (f"oci://r.example.org/a@{DIGEST}", RegistryImage("r.example.org", "a", "", DIGEST)),
        (f"oci://r.example.org/a:1@{DIGEST}", RegistryImage("r.example.org", "a", "1", DIGEST)),
        ("oci://docker.io/debian:12", RegistryImage("docker.io", "library/debian", "12")),
        ("oci://index.docker.io/a/b", RegistryImage("docker.io", "a/b", "latest")),
    ],
)
def test_a_target_is_a_path_or_names_an_image(given: str | Path, meant: object) -> None:
    assert parse(given) == meant


@pytest.mark.parametrize(
    "given",
    [
        "docker:",
        "docker: ",
        "docker:a\nb",
        "oci://",
        "oci://host",
        "oci://host/",
        "oci:///app",
        "oci://host/App",
        "oci://host/a//b",
        "oci://host/../b",
        "oci://host/a:",
        "oci://host/a:b:c",
        "oci://host/a?x=1",
        "oci://host/a@sha256:12",
        "oci://host/a@md5:" + "a" * 32,
        "oci://ho st/a",
        "oci://host:port/a",
        "oci://host/" + "a" * 300,
        "oci://host/" + "a-" * 100 + "!",
    ],
)
def test_what_names_no_image_is_refused_in_words(given: str) -> None:
    with pytest.raises(BomError) as caught:
        parse(given)
    assert caught.value.hint


def test_credentials_in_a_target_are_refused_and_not_repeated() -> None:
    with pytest.raises(BomError) as caught:
        parse("oci://user:hunter2@registry.example.org/app")
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"
