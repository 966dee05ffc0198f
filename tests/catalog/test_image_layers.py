"""Layers put together: whiteouts, links, replaced folders, hostile entries, archive documents."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bom.catalog.image import ImageCataloguer, ImageContents
from bom.errors import BadArtifact
from bom.model import Dependency, Gap

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def member(name: str, content: bytes | None = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content or b"")
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content or b""


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=0o755)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, errors="surrogateescape") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Layout:
    """An OCI layout with docker's manifest.json, as Docker 28 saves one."""

    files: dict[str, bytes] = field(default_factory=dict)

    def blob(self, data: bytes) -> dict[str, Any]:
        self.files[f"blobs/sha256/{sha(data)}"] = data
        return {"digest": f"sha256:{sha(data)}", "size": len(data)}

    def document(self, value: object, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, **self.blob(json.dumps(value).encode())}

    def image(
        self, layers: list[bytes], *, stored: list[bytes] | None = None, arch: str = "amd64"
    ) -> dict[str, Any]:
        config = {
            "os": "linux",
            "architecture": arch,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha(layer)}" for layer in layers]},
            "history": [{"created_by": f"step {n}"} for n, _ in enumerate(layers)],
        }
        manifest = {
            "schemaVersion": 2,
            "config": self.document(config, CONFIG_TYPE),
            "layers": [self.blob(layer) for layer in stored or layers],
        }
        return self.document(manifest, MANIFEST_TYPE)

    def docker(self, manifest: dict[str, Any], tags: list[str]) -> dict[str, Any]:
        stated = json.loads(self.files[path(manifest)])
        return {
            "Config": path(stated["config"]),
            "RepoTags": tags,
            "Layers": [path(layer) for layer in stated["layers"]],
        }

    def archive(
        self, manifests: list[dict[str, Any]], docker: list[dict[str, Any]] | None
    ) -> bytes:
        files = dict(self.files)
        files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        if docker is not None:
            files["manifest.json"] = json.dumps(docker).encode()
        return tar(*(member(name, content) for name, content in files.items()))


def path(descriptor: dict[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def saved(*layers: bytes, stored: list[bytes] | None = None) -> bytes:
    layout = Layout()
    manifest = layout.image(list(layers), stored=stored)
    return layout.archive([manifest], [layout.docker(manifest, ["demo/app:1"])])


def read(archive: bytes, piece: int = 1 << 16) -> ImageContents:
    with ImageCataloguer() as cataloguer:
        for start in range(0, len(archive), piece):
            cataloguer.feed(archive[start : start + piece])
        return cataloguer.finish()


def listing(*layers: bytes) -> dict[str, str]:
    """Path to content digest, link target, or type."""
    view = read(saved(*layers)).view
    return {
        entry.path: entry.sha256 or (f"-> {entry.link}" if entry.link else entry.type)
        for entry in view.entries()
    }


# --- layers -------------------------------------------------------------------------------------


def test_a_whiteout_removes_what_lower_layers_hold_and_nothing_beside_it() -> None:
    found = listing(
        tar(member("a/x", b"1"), member("a/y", b"2"), member("a/z/deep", b"3")),
        tar(member("a/.wh.x"), member("a/.wh.z")),
    )
    assert found == {"a": "directory", "a/y": sha(b"2")}


def test_a_whiteout_counts_for_lower_layers_only_whatever_the_order_and_is_told_of() -> None:
    contents = read(saved(tar(member("f", b"old")), tar(member("f", b"new"), member(".wh.f"))))
    assert [(e.path, e.sha256) for e in contents.view.entries()] == [("f", sha(b"new"))]
    assert [item.what for item in contents.observations if isinstance(item, Gap)] == ["image.file"]


def test_an_opaque_whiteout_empties_a_folder_but_keeps_what_its_own_layer_adds() -> None:
    found = listing(
        tar(member("d/old", b"1"), member("d/e/older", b"2")),
        tar(member("d/new", b"3"), member("d/.wh..wh..opq")),
    )
    assert found == {"d": "directory", "d/new": sha(b"3")}


def test_entries_go_through_the_symbolic_links_of_a_merged_usr() -> None:
    found = listing(
        tar(folder("usr/lib"), link("lib", "usr/lib"), link("abs", "/usr/lib")),
        tar(member("lib/one", b"1"), member("abs/two", b"2")),
        tar(member("lib/.wh.one")),
    )
    assert found["usr/lib/two"] == sha(b"2")
    assert "usr/lib/one" not in found
    assert found["lib"] == "-> usr/lib"


def test_a_folder_over_a_link_or_file_replaces_it_and_a_file_over_a_folder_too() -> None:
    found = listing(
        tar(folder("real"), member("real/kept", b"k"), link("l", "real"), folder("d/sub")),
        tar(folder("l"), member("l/new", b"n"), member("d", b"file")),
    )
    assert found == {
        "real": "directory",
        "real/kept": sha(b"k"),
        "l": "directory",
        "l/new": sha(b"n"),
        "d": sha(b"file"),
    }


def test_a_hard_link_has_its_targets_content_also_over_layers() -> None:
    found = listing(tar(member("a", b"1"), hard("b", "a")), tar(hard("c", "/b"), member(".wh.a")))
    assert found == {"b": sha(b"1"), "c": sha(b"1")}


def test_each_file_names_the_layer_it_came_in_with() -> None:
    first, second = tar(member("a", b"1"), member("b", b"2")), tar(member("b", b"3"))
    contents = read(saved(first, second))
    layers = {entry.path: entry.layer for entry in contents.view.entries()}
    assert layers == {"a": f"sha256:{sha(first)}", "b": f"sha256:{sha(second)}"}
    assert [layer.created_by for layer in contents.identity.layers] == ["step 0", "step 1"]


def test_a_layer_that_stands_twice_in_an_image_applies_twice() -> None:
    layer = tar(member("a", b"1"))
    assert listing(layer, tar(member(".wh.a")), layer) == {"a": sha(b"1")}


@pytest.mark.parametrize("piece", [1, 7, 511, 513, 100_000])
def test_pieces_of_any_size_give_the_same(piece: int) -> None:
    archive = saved(tar(member("etc/os-release", b"ID=debian\nVERSION_ID=12\n")))
    contents = read(archive, piece)
    assert contents.os_release is not None
    assert (contents.os_release.name, contents.os_release.version) == ("debian", "12")
    assert Dependency(contents.os_release) in contents.observations


def test_gzip_layers_in_one_or_several_members_are_read_and_their_diff_ids_checked() -> None:
    layer = tar(member("a", b"1" * 5000))
    split = gzip.compress(layer[:700]) + gzip.compress(layer[700:])
    for stored in (gzip.compress(layer), split):
        contents = read(saved(layer, stored=[stored]))
        assert [entry.path for entry in contents.view.entries()] == ["a"]
        assert contents.identity.layers[0].digest == f"sha256:{sha(stored)}"
        assert contents.identity.layers[0].diff_id == f"sha256:{sha(layer)}"


def test_a_layer_that_cant_be_read_is_a_gap_and_nothing_is_told_of_the_rest() -> None:
    layer = tar(member("a", b"1"))
    contents = read(saved(layer, stored=[b"\xfd7zXZ\0" + bytes(600)]))
    assert list(contents.view.entries()) == []
    assert [item.what for item in contents.observations if isinstance(item, Gap)] == [
        "image.packages"
    ]


# --- hostile layers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        tar(member("../etc/passwd", b"x")),
        tar(member("a/../../b", b"x")),
        tar(hard("a", "nowhere")),
        tar(hard("a", "../../etc/passwd")),
        tar(member("a", b"x"), member("a/b", b"y")),
        tar(link("a", "b"), link("b", "a"), member("a/c", b"x")),
        tar(member("x" * 5000, b"x"), form=tarfile.PAX_FORMAT),
        tar(member("a", b"x"))[:700],
        b"\x1f\x8b" + bytes(600),
        gzip.compress(tar(member("a", b"x")))[:-12],
        b"\x28\xb5\x2f\xfd" + bytes(600),
    ],
    ids=range(11),
)
def test_a_layer_that_no_engine_would_load_is_refused_in_words(layer: bytes) -> None:
    with pytest.raises(BadArtifact) as caught:
        read(saved(layer))
    assert caught.value.code in ("damaged", "truncated")
    assert caught.value.reason


def test_devices_cycles_and_names_that_are_no_text_do_no_harm() -> None:
    found = listing(
        tar(
            member("dev/null", type=tarfile.CHRTYPE),
            member("pipe", type=tarfile.FIFOTYPE),
            link("loop", "loop"),
            link("var/lib/dpkg/status", "status"),
            member("odd\udcff\nname", b"1"),
            member("/absolute", b"2"),
        )
    )
    assert found["dev/null"] == found["pipe"] == "other"
    assert found["loop"] == "-> loop"
    assert found["odd\udcff\nname"] == sha(b"1")
    assert found["absolute"] == sha(b"2")


def test_a_sparse_file_has_no_hash() -> None:
    info, content = member("s", bytes(512))
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    found = listing(tar((info, content), form=tarfile.PAX_FORMAT))
    assert found == {"s": "file"}


# --- the archive's documents ----------------------------------------------------------------------


def test_attestations_are_no_images_and_the_index_is_told() -> None:
    layout = Layout()
    image = layout.image([tar(member("a", b"1"))])
    attestation = {
        **layout.document({"config": {}, "layers": []}, MANIFEST_TYPE),
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        "platform": {"os": "unknown", "architecture": "unknown"},
    }
    index = layout.document({"manifests": [image, attestation]}, INDEX_TYPE)
    identity = read(layout.archive([index], [layout.docker(image, ["b:2", "a:1"])])).identity
    assert identity.index == index["digest"]
    assert identity.manifest == image["digest"]
    assert identity.tags == ("a:1", "b:2")
    assert identity.platform == "linux/amd64"


def test_of_several_platforms_the_first_is_described_and_the_others_are_gaps() -> None:
    layout = Layout()
    one, two = (layout.image([tar(member(a, b"1"))], arch=a) for a in ("amd64", "arm64"))
    absent = {**one, "digest": "sha256:" + "0" * 64}
    index = layout.document({"manifests": [absent, one, two]}, INDEX_TYPE)
    contents = read(layout.archive([index], None))
    assert contents.identity.platform == "linux/amd64"
    assert [item.where for item in contents.observations if isinstance(item, Gap)] == [
        two["digest"]
    ]


def test_two_documents_that_tell_of_different_images_are_ambiguous() -> None:
    layout = Layout()
    one, two = layout.image([tar(member("a", b"1"))]), layout.image([tar(member("b", b"2"))])
    both = [layout.docker(one, []), layout.docker(two, [])]
    for archive in (
        layout.archive([one], [layout.docker(two, [])]),
        layout.archive([one], both),
    ):
        with pytest.raises(BadArtifact) as caught:
            read(archive)
        assert caught.value.code == "ambiguous-image"


def test_a_document_that_stands_twice_is_ambiguous() -> None:
    archive = saved(tar(member("a", b"1")))
    second = tar(member("./manifest.json", b"[]"))
    end = len(archive.rstrip(b"\0"))
    with pytest.raises(BadArtifact) as caught:
        read(archive[: end + -end % 512] + second)
    assert caught.value.code == "ambiguous-image"


def test_a_blob_that_is_not_what_its_name_says_is_found() -> None:
    layer = tar(member("a", b"1"))
    layout = Layout()
    manifest = layout.image([layer])
    for name in list(layout.files):
        changed = Layout(dict(layout.files))
        changed.files[name] = changed.files[name].replace(b"1", b"2").replace(b"step", b"stop")
        if changed.files[name] == layout.files[name]:
            continue
        with pytest.raises(BadArtifact) as caught:
            read(changed.archive([manifest], None))
        assert caught.value.code == "damaged"


def test_the_classic_stores_link_to_a_layer_that_stands_twice_is_followed() -> None:
    layer = tar(member("a", b"1"))
    config = json.dumps({"rootfs": {"diff_ids": [f"sha256:{sha(layer)}"] * 2}}).encode()
    entry = {"Config": f"{sha(config)}.json", "RepoTags": None}
    entry["Layers"] = ["one/layer.tar", "two/layer.tar"]  # type: ignore[assignment]
    contents = read(
        tar(
            link("two/layer.tar", "../one/layer.tar"),
            member("one/layer.tar", layer),
            member(f"{sha(config)}.json", config),
            member("manifest.json", json.dumps([entry]).encode()),
        )
    )
    assert len(contents.identity.layers) == 2
    assert contents.identity.manifest == ""


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        bytes(1024),
        b"no tar at all" * 100,
        tar(member("hello.txt", b"hi")),
        tar(member("manifest.json", b"[" * 100_000)),
        tar(member("manifest.json", b"{}")),
        tar(member("manifest.json", b'[{"Config": 1}]')),
        tar(member("manifest.json", b'[{"Config": "a", "Config": "b", "Layers": []}]')),
        tar(member("index.json", b'{"manifests": [{"digest": "sha256:zz"}]}')),
        tar(member("index.json", b'{"manifests": [[]]}')),
        tar(member("index.json", b'{"manifests": [{"digest": "\\ud800"}]}')),
        tar(member("manifest.json", b"[" + b"9" * 5000 + b"]")),
    ],
    ids=range(12),
)
def test_what_is_no_image_is_refused_in_words(archive: bytes) -> None:
    with pytest.raises(BadArtifact) as caught:
        read(archive)
    assert caught.value.reason


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 255))
def test_a_changed_byte_gives_another_answer_or_words_but_never_a_traceback(
    place: int, value: int
) -> None:
    rng = random.Random(1)
    archive = bytearray(saved(tar(member("a", rng.randbytes(2000)), folder("b"), link("c", "a"))))
    archive[place % len(archive)] = value
    try:
        read(bytes(archive))
    except BadArtifact as error:
        assert error.reason


def test_a_gzip_bomb_is_read_in_bounded_memory() -> None:
    import tracemalloc

    layer = tar(member("zeros", bytes(200 * 1024 * 1024)))
    archive = saved(layer, stored=[gzip.compress(layer, 1)])
    del layer
    tracemalloc.start()
    try:
        read(archive)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(archive) < 2 * 1024 * 1024
    assert peak < 40 * 1024 * 1024


def test_names_and_metadata_that_are_no_text_give_observations_that_are() -> None:
    site = "usr/local/lib/python3.11/site-packages"
    contents = read(
        saved(
            tar(
                member("etc/os-release", b'ID=debian\nPRETTY_NAME="\xff\x1b]0;x"\n'),
                member(
                    "var/lib/dpkg/status",
                    b"Package: a\nStatus: install ok installed\nVersion: 1\xfe\n"
                    b"Architecture: all\nMaintainer: \xff\n",
                ),
                member("var/lib/dpkg/info/a.list", b"/odd\xff\n"),
                member("odd\udcff", b"1"),
                member(
                    f"{site}/x\udcff-1.dist-info/METADATA", b"Name: x\nVersion: 1\nSummary: \xff"
                ),
                member(f"{site}/y\udcff-1.dist-info/METADATA", b"Name: \xff\nVersion: 1"),
            )
        )
    )
    assert len(contents.observations) > 3
    repr(contents.observations).encode("utf-8")
    json.dumps([repr(contents.os_release)]).encode("utf-8")
    for item in contents.observations:
        assert "\\udc" not in repr(item)
    hashed = [
        h for i in contents.observations if isinstance(i, Dependency) for h in i.component.hashes
    ]
    assert sha(b"1") in [h.value for h in hashed]
