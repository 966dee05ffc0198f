"""Folders that are OCI layouts: only what belongs to the image that is meant is read."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.catalog.test_image_layers import INDEX_TYPE, Layout, member, tar

from bom import sources
from bom.builder.protocol import Silent
from bom.errors import BomError
from bom.model import Dependency
from bom.registry.blobs import ImageBlobs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATUS = b"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
ROOT = tar(
    member("etc/os-release", b'ID=debian\nVERSION_ID="12"\n'),
    member("var/lib/dpkg/status", STATUS),
)
OTHER = tar(member("a", b"1"))
TOOL = "pkg:deb/debian/tool@1?arch=amd64&distro=debian-12"


def written(folder: Path, layout: Layout, manifests: list[dict[str, Any]]) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "blobs/sha256").mkdir(parents=True)
    for name, content in layout.files.items():
        (folder / name).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return folder


def found(folder: Path, platform: str = "") -> sources.Found:
    return sources.read(folder, Silent(), {}, platform)


def purls(result: sources.Found) -> list[str]:
    items = [item for item in result.observations if isinstance(item, Dependency)]
    return [item.component.purl for item in items if item.component.purl]


def test_a_layout_with_one_image_is_that_image_by_the_folders_name(tmp_path: Path) -> None:
    layout = Layout()
    image = layout.image([ROOT])
    tagged = {**image, "annotations": {"org.opencontainers.image.ref.name": "1.4"}}
    result = found(written(tmp_path / "app", layout, [tagged]))
    assert purls(result) == [TOOL]
    assert (result.subject.package_name, result.subject.purl) == ("app", "")
    assert result.image is not None and result.image.identity.tags == ("1.4",)
    assert result.image.identity.manifest == image["digest"]


def test_a_full_name_in_a_layout_is_the_images_name(tmp_path: Path) -> None:
    layout = Layout()
    image = layout.image([ROOT])
    named = {**image, "annotations": {"io.containerd.image.name": "r.example.org/team/app:1.4"}}
    result = found(written(tmp_path / "app", layout, [named]))
    assert (result.subject.package_name, result.subject.package_version) == (
        "r.example.org/team/app",
        "1.4",
    )


def test_of_several_platforms_one_has_to_be_chosen_and_only_that_one_is_read(
    tmp_path: Path,
) -> None:
    layout = Layout()
    one, two = (layout.image([layer], arch=a) for a, layer in (("amd64", ROOT), ("arm64", OTHER)))
    index = layout.document({"manifests": [one, two]}, INDEX_TYPE)
    folder = written(tmp_path / "app", layout, [index])
    with pytest.raises(BomError) as caught:
        found(folder)
    assert "linux/amd64, linux/arm64" in caught.value.reason
    assert "--platform linux/amd64" in caught.value.hint
    for layer in json.loads(layout.files["blobs/" + two["digest"].replace(":", "/")])["layers"]:
        (folder / "blobs" / layer["digest"].replace(":", "/")).unlink()
    assert purls(found(folder, "linux/amd64")) == [TOOL]
    with pytest.raises(BomError, match="lacks the blob"):
        found(folder, "linux/arm64")
    with pytest.raises(BomError, match="no image for linux/386"):
        found(folder, "linux/386")


def test_several_images_for_one_platform_are_named(tmp_path: Path) -> None:
    layout = Layout()
    tags = ("old", "new")
    images = [
        {**layout.image([layer]), "annotations": {"org.opencontainers.image.ref.name": tag}}
        for tag, layer in zip(tags, (ROOT, OTHER), strict=True)
    ]
    for platform in ("", "linux/amd64"):
        with pytest.raises(BomError, match="several images: old, new"):
            found(written(tmp_path / "app", layout, images), platform)


@pytest.mark.parametrize("change", ["flip", "cut", "grow", "link", "folder", "gone"])
@pytest.mark.parametrize("which", ["manifest", "config", "layer"])
def test_a_blob_that_is_not_what_its_name_says_is_an_error(
    tmp_path: Path, which: str, change: str
) -> None:
    layout = Layout()
    image = layout.image([ROOT])
    folder = written(tmp_path / "app", layout, [image])
    manifest = json.loads((folder / "blobs" / image["digest"].replace(":", "/")).read_bytes())
    digests = {
        "manifest": image["digest"],
        "config": manifest["config"]["digest"],
        "layer": manifest["layers"][0]["digest"],
    }
    path = folder / "blobs" / digests[which].replace(":", "/")
    data = path.read_bytes()
    path.unlink()
    match change:
        case "flip":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        case "cut":
            path.write_bytes(data[:-1])
        case "grow":
            path.write_bytes(data + b" ")
        case "link":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    with pytest.raises(BomError) as caught:
        found(folder)
    assert caught.value.exit_code == 2 and caught.value.reason.isprintable()


_KEYS = [
    "manifests",
    "digest",
    "size",
    "mediaType",
    "platform",
    "os",
    "architecture",
    "annotations",
    "config",
    "layers",
    "vnd.docker.reference.type",
    "org.opencontainers.image.ref.name",
]
_WORDS = st.sampled_from(["sha256:" + "a" * 64, "sha256:" + "b" * 64, INDEX_TYPE, "linux"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5)
        | st.fixed_dictionaries({"manifests": st.lists(inner, max_size=4)})
        | st.fixed_dictionaries({"digest": _WORDS, "mediaType": _WORDS, "platform": inner})
    ),
    max_leaves=25,
)


class _Answers:
    """A store that gives one and the same document for everything."""

    where = "store"

    def __init__(self, document: bytes) -> None:
        self._document = document

    def document(self, digest: str, limit: int) -> bytes:
        return self._document[:limit]

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        yield self._document


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_JSON, _JSON, st.sampled_from(["", "linux/amd64"]))
def test_arbitrary_documents_choose_an_image_or_fail_in_words(
    top: object, inner: object, platform: str
) -> None:
    image = ImageBlobs(_Answers(json.dumps(inner).encode()))
    try:
        chosen = image.choose(json.dumps(top).encode(), platform, "linux/arm64")
    except BomError as error:
        assert error.reason
    else:
        assert chosen.digest.startswith("sha256:")
