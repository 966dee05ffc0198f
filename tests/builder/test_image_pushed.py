"""An image that a build pushed, read back from a registry, without a build."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.sources.registries import INDEX, Handler, Registry, Store

from bom.archive.image_identity import identify_all
from bom.builder.images import image, platforms
from bom.builder.images.image import Export, locate
from bom.builder.images.provenance import Reported
from bom.builder.images.pushed import KeptOrPushed, PushedImages
from bom.builder.images.store import StoredImage
from bom.catalog.image import ImageCataloguer
from bom.compose import validate
from bom.compose.bom import Evidence, document
from bom.errors import BadArtifact, BomError
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bom.builder.images.image import Target
    from bom.catalog.image import ImageContents

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def layer(files: dict[str, str]) -> bytes:
    """A layer with these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def distribution(name: str, version: str, code: str) -> dict[str, str]:
    """An installed Python distribution with one module."""
    site = "usr/lib/python3/dist-packages"
    return {
        f"{site}/{name}/__init__.py": code,
        f"{site}/{name}-{version}.dist-info/METADATA": METADATA.format(name=name, version=version),
        f"{site}/{name}-{version}.dist-info/RECORD": f"{name}/__init__.py,,\n",
    }


SHARED = layer(distribution("shared", "1.0", "x = 1\n"))
LAYERS = {
    "amd64": layer({**distribution("native", "2.0", "x = 'amd64'\n"), "Pipfile.lock": "{broken"}),
    "arm64": layer(distribution("native", "2.0", "x = 'arm64'\n")),
}


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Holds `1` for one platform, and `both` for two with an attestation about the first."""
    store = Store()
    store.image(SHARED, tag="1")
    images = [store.image(SHARED, LAYERS[arch], arch=arch) for arch in ("arm64", "amd64")]
    statement = store.image(b'{"_type":"https://in-toto.io/Statement/v0.1"}', arch="unknown")
    marks = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": images[0]["digest"],
    }
    about = {**statement, "platform": {"os": "unknown", "architecture": "unknown"}}
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [*images, {**about, "annotations": marks}],
    }
    store.manifest(index, INDEX, "both")
    with Registry(store) as server:
        yield server


def digest_of(registry: Registry, tag: str) -> str:
    return f"sha256:{hashlib.sha256(registry.store.manifests[tag][0]).hexdigest()}"


def pushed(registry: Registry, *tags: str) -> tuple[PushedImages, tuple[str, ...]]:
    names = tuple(f"{registry.host}/team/app:{tag}" for tag in tags)
    return PushedImages(names, {"HOME": "/nowhere"}), names


def read(store: PushedImages, target: Target) -> bytes:
    return b"".join(store.export(target.names, target.platform))


def found(data: bytes) -> tuple[ImageContents, ...]:
    with ImageCataloguer() as cataloguer:
        cataloguer.feed(data)
        return cataloguer.finish_all()


def export(data: bytes, path: Path) -> Export:
    first, *others = found(data)
    return Export(path, hashlib.sha256(data).hexdigest(), len(data), first, tuple(others))


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            member.name: (archive.extractfile(member) or io.BytesIO()).read()
            for member in archive.getmembers()
        }


def test_an_image_is_read_back_by_its_digest_under_all_its_tags(registry: Registry) -> None:
    registry.store.manifests["2"] = registry.store.manifests["1"]
    store, names = pushed(registry, "1", "2")
    target = locate(store, names, Reported(digest=digest_of(registry, "1")))
    data = read(store, target)
    (contents,) = found(data)
    assert contents.identity.manifest == digest_of(registry, "1")
    assert contents.identity.tags == names
    held = members(data)
    assert json.loads(held["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads(held["manifest.json"])[0]["RepoTags"] == list(names)
    for name, content in held.items():
        if name.startswith("blobs/"):
            assert hashlib.sha256(content).hexdigest() == name.rpartition("/")[2]
    assert len(data) % 10240 == 0
    assert read(store, target) == data
    store.close()


def test_a_platforms_image_comes_out_of_an_index_without_the_others(registry: Registry) -> None:
    store, _ = pushed(registry, "both")
    stored = store.inspect(digest_of(registry, "both"))
    assert stored is not None
    assert {item.platform for item in stored.manifests} == {"linux/amd64", "linux/arm64"}
    data = b"".join(store.export((stored.id,), "linux/arm64"))
    (contents,) = found(data)
    assert contents.identity.platform == "linux/arm64"
    assert contents.identity.attestations == ()
    store.close()


def test_all_platforms_come_with_the_index_as_it_was_pushed(registry: Registry) -> None:
    store, names = pushed(registry, "both")
    index = digest_of(registry, "both")
    target = locate(store, names, Reported(digest=index))
    data = read(store, target)
    arm, amd = sorted(found(data), key=lambda item: item.identity.platform, reverse=True)
    assert (arm.identity.platform, amd.identity.platform) == ("linux/arm64", "linux/amd64")
    assert arm.identity.index == amd.identity.index == index
    assert len(arm.identity.attestations) == 1
    assert amd.identity.attestations == ()
    image.check([amd.identity, arm.identity], target, Reported(digest=index), names)
    with pytest.raises(BomError, match="moved"):
        image.check([amd.identity], target, Reported(digest=index), names)
    named = json.loads(members(data)["manifest.json"])
    assert [item["Config"] for item in named] == [f"blobs/{amd.identity.config}".replace(":", "/")]
    store.close()


def test_each_platforms_packages_stand_apart_and_other_bytes_are_no_finding(
    registry: Registry, tmp_path: Path
) -> None:
    store, names = pushed(registry, "both")
    data = read(store, locate(store, names, Reported(digest=digest_of(registry, "both"))))
    whole = export(data, tmp_path / "app.tar")
    facts = platforms.inside(whole, names)
    refs = {item.component.bom_ref for item in facts if isinstance(item, Dependency)}
    for platform in ("linux/amd64", "linux/arm64"):
        assert {
            f"image:{platform}",
            f"{platform}:pkg:pypi/native@2.0",
            f"{platform}:pkg:pypi/shared@1.0",
        } <= refs
    assert not [item for item in facts if isinstance(item, Finding)]
    gaps = [item for item in facts if isinstance(item, Gap) and "Pipfile.lock" in item.where]
    assert {item.where.partition(":")[0] for item in gaps} == {"linux/amd64"}
    subject = platforms.subject("app.tar", whole, names)
    assert f"@{digest_of(registry, 'both')}" in subject.purl
    made = document(Evidence(subject, facts, signed=False))
    assert validate.errors(made) == []
    graph = {entry["ref"]: entry["dependsOn"] for entry in made["dependencies"]}
    assert graph["subject"] == ["image:linux/amd64", "image:linux/arm64"]
    assert "linux/arm64:pkg:pypi/native@2.0" in graph["image:linux/arm64"]
    hashes = {
        part["bom-ref"]: part["hashes"] for part in made["components"] if "native" in str(part)
    }
    assert hashes["linux/amd64:pkg:pypi/native@2.0"] != hashes["linux/arm64:pkg:pypi/native@2.0"]
    store.close()


def test_an_image_for_one_platform_says_nothing_of_platforms(
    registry: Registry, tmp_path: Path
) -> None:
    store, names = pushed(registry, "1")
    data = read(store, locate(store, names, Reported(digest=digest_of(registry, "1"))))
    facts = platforms.inside(export(data, tmp_path / "app.tar"), names)
    refs = {item.component.bom_ref for item in facts if isinstance(item, Dependency)}
    assert refs == {"pkg:pypi/shared@1.0"}
    store.close()


def test_a_tag_that_names_another_image_by_now_is_refused(registry: Registry) -> None:
    reported = Reported(digest=digest_of(registry, "1"))
    registry.store.manifests["moved"] = registry.store.manifests["both"]
    store, names = pushed(registry, "1", "moved")
    with pytest.raises(BomError, match=r"the tag .*:moved moved while the build ran"):
        locate(store, names, reported)
    store.close()


def test_a_blob_that_is_not_what_its_digest_says_is_refused(registry: Registry) -> None:
    store, names = pushed(registry, "both")
    target = locate(store, names, Reported(digest=digest_of(registry, "both")))
    (digest,) = (name for name, data in registry.store.blobs.items() if b"in-toto" in data)
    registry.store.blobs[digest] = registry.store.blobs[digest].replace(b"v0.1", b"v9.9")
    with pytest.raises(BadArtifact, match="another blob than the digest names"):
        read(store, target)
    store.close()


def test_an_image_that_is_not_there_is_none_and_no_other_registry_is_asked(
    registry: Registry,
) -> None:
    store, (name,) = pushed(registry, "1")
    assert store.inspect("sha256:" + "0" * 64) is None
    assert store.inspect("python:3.11-slim") is None
    assert store.inspect(name) is not None
    store.close()


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"manifests": 7}', b"\xff", b'{"config": 1}'])
def test_a_registry_that_sends_nonsense_gives_an_error(registry: Registry, body: bytes) -> None:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    registry.store.manifests[digest] = (body, INDEX)
    store, _ = pushed(registry, "1")
    with pytest.raises(BomError):
        store.inspect(digest)
    store.close()


def test_a_registry_that_wants_credentials_is_told_them_once_asked(tmp_path: Path) -> None:
    store = Store()
    store.image(SHARED, tag="1")
    with Registry(store, user="name:word") as server:
        config: dict[str, Any] = {"auths": {server.host: {"auth": "bmFtZTp3b3Jk"}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        name = f"{server.host}/team/app:1"
        known = PushedImages((name,), {"DOCKER_CONFIG": str(tmp_path)})
        assert known.inspect(name) is not None
        known.close()
        unknown = PushedImages((name,), {"DOCKER_CONFIG": str(tmp_path / "none")})
        with pytest.raises(BomError) as caught:
            unknown.inspect(name)
        assert caught.value.hint == f"docker login {server.host}"
        unknown.close()


class Engine:
    """An engine that holds these images by name."""

    def __init__(self, images: dict[str, str]) -> None:
        self._images = images
        self.closed = False

    def inspect(self, name: str) -> StoredImage | None:
        known = self._images.get(name)
        return StoredImage(known, 1, (), (), is_index=False) if known else None

    def export(self, names: Sequence[str], platform: str = "") -> Iterator[bytes]:
        yield b"the engine's"

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("tagged", "kept"), [("same", True), ("another", False), ("", False), ("no image", False)]
)
def test_the_engine_is_asked_only_where_it_holds_the_very_image_under_its_tags(
    registry: Registry, tagged: str, *, kept: bool
) -> None:
    digest = digest_of(registry, "1")
    source, names = pushed(registry, "1")
    images = {digest: digest, names[0]: {"same": digest, "": ""}.get(tagged, "sha256:other")}
    if tagged == "no image":
        del images[digest]
    engine = Engine(images)
    store = KeptOrPushed(engine, source, names)  # type: ignore[arg-type]
    target = locate(store, names, Reported(digest=digest))
    data = b"".join(store.export(target.names))
    assert (data == b"the engine's") is kept
    if not kept:
        assert found(data)[0].identity.manifest == digest
    store.close()
    assert engine.closed


def test_an_index_with_two_images_for_one_platform_is_ambiguous(registry: Registry) -> None:
    store = registry.store
    images = [store.image(SHARED), store.image(LAYERS["amd64"])]
    store.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}, INDEX, "twice")
    source, names = pushed(registry, "twice")
    target = locate(source, names, Reported(digest=digest_of(registry, "twice")))
    with pytest.raises(BadArtifact, match="several images for one platform"):
        found(read(source, target))
    source.close()


@pytest.mark.parametrize("arch", ["", "x" * 5000, "am\nd64", "<b>", "a:pkg", "\u202e"])
def test_a_platform_that_is_none_makes_no_refs(registry: Registry, arch: str) -> None:
    store = registry.store
    images = [store.image(SHARED), store.image(LAYERS["amd64"], arch=arch)]
    listed = [{**item, "platform": {"os": "linux", "architecture": "arm64"}} for item in images]
    store.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, INDEX, "odd")
    source, names = pushed(registry, "odd")
    target = locate(source, names, Reported(digest=digest_of(registry, "odd")))
    with pytest.raises(BadArtifact, match="states no platform"):
        found(read(source, target))
    source.close()


def test_nothing_of_a_registrys_answer_is_followed_elsewhere(registry: Registry) -> None:
    asked: list[str] = []

    def answer(handler: Handler) -> bool:
        asked.append(handler.path)
        return handler.redirect("http://192.0.2.1/elsewhere")

    registry.answer = answer
    store, (name,) = pushed(registry, "1")
    with pytest.raises(BomError, match="leads away from https"):
        store.inspect(name)
    assert len(asked) == 1
    store.close()


def test_what_manifest_json_names_has_to_be_in_the_index(registry: Registry) -> None:
    from bom.archive.image import ImageReader
    from bom.catalog import WANTED

    store, names = pushed(registry, "both")
    data = read(store, locate(store, names, Reported(digest=digest_of(registry, "both"))))
    reader = ImageReader(WANTED)
    reader.feed(data)
    archive = reader.finish()
    (other,) = json.loads(archive.documents["manifest.json"])
    other["Layers"] = other["Layers"][:1]
    archive.documents["manifest.json"] = json.dumps([other]).encode()
    with pytest.raises(BadArtifact, match=r"manifest\.json names an image that index\.json"):
        identify_all(archive)
    store.close()
