"""What a build reports of itself, and what is made of it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from bom.builder.images import materials, provenance
from bom.catalog.images.dockerfile import ImageReference
from bom.errors import BomError
from bom.model import Gap, Hash, Material

if TYPE_CHECKING:
    from pathlib import Path

A = "sha256:" + "a" * 64
B = "sha256:" + "b" * 64


def read(folder: Path, metadata: Any, image_id: str = A) -> provenance.Reported:
    (folder / "id").write_text(image_id)
    (folder / "metadata").write_text(
        metadata if isinstance(metadata, str) else json.dumps(metadata)
    )
    return provenance.read(folder / "id", folder / "metadata")


def test_both_versions_of_slsa_are_read(tmp_path: Path) -> None:
    uri = "pkg:docker/python@3.11?platform=linux%2Famd64"
    source = {"uri": uri, "digest": {"sha256": "c" * 64}}
    for statement in (
        {"materials": [source]},
        {"buildDefinition": {"resolvedDependencies": [source]}},
    ):
        found = read(tmp_path, {"containerimage.digest": B, "buildx.build.provenance": statement})
        assert found.digests == (B, A)
        assert found.sources == (
            provenance.Source(
                uri,
                (Hash("SHA-256", "c" * 64),),
                "python:3.11",
                "linux/amd64",
            ),
        )


@pytest.mark.parametrize(
    ("uri", "image"),
    [
        ("pkg:docker/alpine@3?platform=linux%2Fs390x", "alpine:3"),
        ("pkg:docker/docker/dockerfile@1", "docker/dockerfile:1"),
        ("pkg:docker/localhost:5000/a/b@1", "localhost:5000/a/b:1"),
        (f"pkg:docker/alpine?digest={A}&platform=linux%2Famd64", f"alpine@{A}"),
        (f"pkg:docker/alpine@3?digest={A.replace(':', '%3A')}", f"alpine:3@{A}"),
        ("pkg:docker/", ""),
        ("pkg:docker/UPPER@1", ""),
    ],
)
def test_buildkits_names_of_images_are_read(tmp_path: Path, uri: str, image: str) -> None:
    found = read(tmp_path, {"buildx.build.provenance": {"materials": [{"uri": uri}]}})
    assert found.sources is not None
    assert [source.image for source in found.sources] == [image]


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "{",
        "[]",
        "null",
        '{"containerimage.digest": 1}',
        '{"buildx.build.provenance": []}',
        '{"buildx.build.provenance": {"materials": {}}}',
        "[" * 10_000,
        '{"a":' * 10_000,
    ],
)
def test_a_metadata_file_of_another_shape_is_refused(tmp_path: Path, metadata: str) -> None:
    with pytest.raises(BomError, match="not as buildx writes it"):
        read(tmp_path, metadata)


@pytest.mark.parametrize("image_id", ["sha256:" + "A" * 64, "x", "é", A + A, "sha256:"])
def test_an_id_file_without_an_id_is_refused(tmp_path: Path, image_id: str) -> None:
    with pytest.raises(BomError, match="holds no image ID"):
        read(tmp_path, {}, image_id)


def test_a_build_that_reports_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BomError, match="did not say which image"):
        provenance.read(tmp_path / "none", tmp_path / "none either")
    with pytest.raises(BomError, match="did not say which image"):
        read(tmp_path, {"containerimage.digest": "sha256:short"}, "")


def test_an_image_that_the_provenance_names_has_its_digest() -> None:
    sources = (provenance.Source("u", (Hash("SHA-256", "c" * 64),), "python:3.11"),)
    references = (ImageReference("docker.io/library/python:3.11", "base-image"),)
    assert list(materials.image_materials(references, sources)) == [
        Material(
            "base-image",
            "python:3.11",
            (Hash("SHA-256", "c" * 64),),
            "3.11",
            f"pkg:oci/python@sha256:{'c' * 64}?tag=3.11",
        )
    ]


def test_an_image_without_provenance_is_a_gap_unless_the_dockerfile_pins_it() -> None:
    references = (
        ImageReference("python", "base-image"),
        ImageReference(f"alpine:3@{A}", "build-image"),
    )
    facts = list(materials.image_materials(references, None))
    assert Material("base-image", "python:latest", (), "latest") in facts
    assert Material("build-image", "alpine:3", (Hash("SHA-256", "a" * 64),), "3") in facts
    assert [(gap.what, gap.where) for gap in facts if isinstance(gap, Gap)] == [
        ("base-image.digest", "python:latest")
    ]


def test_an_image_that_the_provenance_leaves_out_is_a_gap() -> None:
    references = (ImageReference("python:$V", "base-image", resolved=False),)
    gaps = [x for x in materials.image_materials(references, ()) if isinstance(x, Gap)]
    assert [gap.why for gap in gaps] == ["its name has a variable that is not known"]


def test_what_the_builder_fetched_by_url_is_a_material_without_credentials() -> None:
    sources = (
        provenance.Source("https://user:hunter2@host.example/x.tgz", (Hash("SHA-256", "c" * 64),)),
    )
    (fact,) = materials.image_materials((), sources)
    assert isinstance(fact, Material)
    assert "hunter2" not in fact.name
    assert fact.digests


def test_names_that_make_no_purl_have_none(tmp_path: Path) -> None:
    hostile = 'pkg:docker/%00%1b]0;x/<img src=x>@../..?platform="'
    source = {"uri": hostile, "digest": {"sha256": "c" * 64}}
    found = read(tmp_path, {"buildx.build.provenance": {"materials": [source]}})
    facts = list(materials.image_materials((), found.sources))
    assert [fact.purl for fact in facts if isinstance(fact, Material)] == [""]


def test_a_dockerfile_that_only_the_builder_has_is_read_from_its_provenance(tmp_path: Path) -> None:
    data = base64.b64encode(b"FROM scratch\n").decode()
    source = {"infos": [{"filename": "Dockerfile", "language": "Dockerfile", "data": data}]}
    for statement in (
        {
            "metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"source": source}},
            "invocation": {"environment": {"platform": "linux/arm64"}},
        },
        {
            "runDetails": {"metadata": {"buildkit_metadata": {"source": source}}},
            "buildDefinition": {"internalParameters": {"builderPlatform": "linux/arm64"}},
        },
    ):
        found = read(tmp_path, {"containerimage.digest": B, "buildx.build.provenance": statement})
        assert (found.dockerfile, found.platform) == (b"FROM scratch\n", "linux/arm64")


@pytest.mark.parametrize("data", [["!!"], ["RlJPTQ==", "UlVO"], []])
def test_a_dockerfile_that_is_not_stated_well_is_none(tmp_path: Path, data: list[str]) -> None:
    infos = [{"language": "Dockerfile", "data": item} for item in data]
    metadata = {"https://mobyproject.org/buildkit@v1#metadata": {"source": {"infos": infos}}}
    statement = {"metadata": metadata}
    found = read(tmp_path, {"containerimage.digest": B, "buildx.build.provenance": statement})
    assert found.dockerfile is None


def test_what_the_client_itself_sends_is_no_source(tmp_path: Path) -> None:
    sent = {"uri": "http://buildkit-session/abc", "digest": {"sha256": "c" * 64}}
    statement = {"materials": [sent]}
    found = read(tmp_path, {"containerimage.digest": B, "buildx.build.provenance": statement})
    assert found.sources == ()


def test_an_oci_layout_that_stands_for_an_image_is_told_by_its_digest() -> None:
    source = provenance.Source("pkg:oci/lay", (Hash("SHA-256", "a" * 64),), f"lay@{A}")
    (made,) = materials.image_materials([ImageReference("lay", "base-image")], [source])
    assert isinstance(made, Material)
    assert (made.kind, made.name, made.digests) == ("base-image", "lay", source.digests)
