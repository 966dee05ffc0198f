"""Two image archives: documents and layers by what they are for, digests never."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from tests.compare.archives import EPOCH, Entry, compared, image, tar, told

if TYPE_CHECKING:
    from pathlib import Path

BASE = tar(Entry("etc/os-release", b"NAME=Example\n"))
TIMES = (
    tar(Entry("etc/built", b"built 2024-01-01T10:00:00Z\n")),
    tar(Entry("etc/built", b"built 2024-02-03T11:12:13Z\n")),
)


def test_a_file_in_a_layer_is_named_and_no_digest_that_follows_from_it(tmp_path: Path) -> None:
    found = compared(tmp_path, *(image([BASE, layer]) for layer in TIMES))
    assert told(found) == [("timestamp", "layer 2 > etc/built")]
    assert found.verdict == "different"


def test_layers_are_the_same_packed_or_not(tmp_path: Path) -> None:
    found = compared(tmp_path, image([BASE, TIMES[0]], packed=True), image([BASE, TIMES[1]]))
    assert ("timestamp", "layer 2 > etc/built") in told(found)
    assert ("unknown", "layer 1") in told(found)
    assert found.differences[-2].evidence == "compressed with gzip -> nothing"


def test_gzip_layers_are_walked(tmp_path: Path) -> None:
    found = compared(tmp_path, *(image([BASE, layer], packed=True) for layer in TIMES))
    assert told(found) == [("timestamp", "layer 2 > etc/built")]


def test_creation_and_history_are_times_that_normalising_takes_away(tmp_path: Path) -> None:
    archives = [
        image(
            [BASE],
            config={
                "created": f"2024-01-0{n}T00:00:00Z",
                "history": [{"created": f"2024-01-0{n}T00:00:00Z", "created_by": "COPY"}],
            },
        )
        for n in (1, 2)
    ]
    found = compared(tmp_path, *archives)
    assert told(found) == [
        ("timestamp", "configuration > created"),
        ("timestamp", "configuration > history[0].created"),
    ]
    assert found.verdict == "normalised"
    assert "the image's creation time and history" in found.normalised


def test_a_variable_of_the_image_is_content(tmp_path: Path) -> None:
    archives = [image([BASE], config={"config": {"Env": [f"BUILD_HOST={n}"]}}) for n in ("a", "b")]
    found = compared(tmp_path, *archives)
    assert found.verdict == "different"
    assert [item.path for item in found.differences] == ["configuration > config.Env[0]"]


def test_the_classic_builder_leaves_its_containers_name_once(tmp_path: Path) -> None:
    archives = [
        image(
            [BASE],
            config={"container": n * 64, "container_config": {"Hostname": n * 12, "Image": n}},
        )
        for n in ("a", "b")
    ]
    found = compared(tmp_path, *archives)
    assert told(found) == [("hostname", "configuration > container")]


def test_digests_in_steps_follow_from_what_is_copied(tmp_path: Path) -> None:
    archives = [
        image(
            [BASE, layer],
            config={
                "history": [
                    {"created_by": "/bin/sh -c #(nop) FROM scratch"},
                    {"created_by": f"COPY file:{n * 64} in /etc", "comment": f"FROM {n * 12}"},
                ]
            },
        )
        for layer, n in zip(TIMES, "ab", strict=True)
    ]
    assert told(compared(tmp_path, *archives)) == [("timestamp", "layer 2 > etc/built")]
    alone = [
        image([BASE], config={"history": [{"created_by": f"COPY file:{n * 64} in /"}]})
        for n in "ab"
    ]
    found = compared(tmp_path, *alone)
    assert [item.path for item in found.differences] == ["configuration > history[0].created_by"]


def test_another_engine_is_another_tool(tmp_path: Path) -> None:
    archives = [image([BASE], config={"docker_version": v}) for v in ("20.10.24", "20.10.25")]
    found = compared(tmp_path, *archives)
    assert told(found) == [("tool-version", "configuration > docker_version")]
    assert found.differences[0].evidence == "docker 20.10.24 -> 20.10.25"


def test_a_layer_more_is_told_with_its_step(tmp_path: Path) -> None:
    found = compared(tmp_path, image([BASE]), image([BASE, TIMES[0]]))
    assert found.verdict == "different"
    layers = [item for item in found.differences if item.path == "layer 2"]
    assert [item.evidence for item in layers] == ["a layer that only the second has: step 1"]


def test_the_number_of_an_owner_is_content_of_an_image(tmp_path: Path) -> None:
    layers = [tar(Entry("a", b"x", {"uid": uid})) for uid in (0, 1000)]
    found = compared(tmp_path, *(image([layer]) for layer in layers))
    assert (found.verdict, told(found)) == ("different", [("owner", "layer 1 > a")])
    assert "--chown" in found.differences[0].remedy


def test_times_of_entries_in_layers_are_normalised(tmp_path: Path) -> None:
    layers = [tar(Entry("a", b"x", {"mtime": EPOCH + n})) for n in (1, 2)]
    found = compared(tmp_path, *(image([layer]) for layer in layers))
    assert (found.verdict, told(found)) == ("normalised", [("timestamp", "layer 1 > a")])


def test_tags_are_compared(tmp_path: Path) -> None:
    found = compared(tmp_path, image([BASE], tags=["a/b:1"]), image([BASE], tags=["a/b:2"]))
    assert [item.path for item in found.differences] == ["tags"]


def test_a_tar_with_a_manifest_of_its_own_is_no_image(tmp_path: Path) -> None:
    one, two = (
        tar(Entry("manifest.json", b'{"name": "web app"}'), Entry("x", data))
        for data in (b"built 2024-01-01T10:00:00Z", b"built 2024-02-03T11:12:13Z")
    )
    assert told(compared(tmp_path, one, two)) == [("timestamp", "x")]


def test_an_image_that_is_itself_compressed_is_walked(tmp_path: Path) -> None:
    packed = [gzip.compress(image([BASE, layer]), mtime=0) for layer in TIMES]
    found = compared(tmp_path, *packed, name="image.tar.gz")
    assert told(found) == [("timestamp", "layer 2 > etc/built")]


def test_platforms_are_compared_each_with_its_own(tmp_path: Path) -> None:
    def archive(arm: bytes) -> bytes:
        import hashlib

        entries: list[Entry] = []

        def blob(data: bytes) -> dict[str, object]:
            digest = hashlib.sha256(data).hexdigest()
            entries.append(Entry(f"blobs/sha256/{digest}", data))
            return {"digest": f"sha256:{digest}", "size": len(data)}

        manifests = []
        for architecture, layer in (("amd64", BASE), ("arm64", arm)):
            config = {"os": "linux", "architecture": architecture, "rootfs": {"diff_ids": []}}
            manifest = {"config": blob(json.dumps(config).encode()), "layers": [blob(layer)]}
            manifests.append(blob(json.dumps(manifest).encode()))
        index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        unique = {entry.name: entry for entry in entries}
        return tar(Entry("index.json", index), *unique.values())

    found = compared(tmp_path, *(archive(layer) for layer in TIMES))
    assert told(found) == [("timestamp", "linux/arm64 > layer 1 > etc/built")]
