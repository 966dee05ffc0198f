"""Image archives made by hand, in both forms, and their layers taken apart again."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = 1_800_000_000  # when these images are built
EPOCH = 1_700_000_000
OLD = 1_600_000_000


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **more: Any) -> Entry:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mtime = NOW
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


Entry = tuple[tarfile.TarInfo, bytes]


def folder(name: str, **more: Any) -> Entry:
    return entry(name, b"", tarfile.DIRTYPE, **more)


def layer(*entries: Entry, form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Image:
    """What goes into an archive. `form`: "gzip", or "" for plain layers."""

    layers: Sequence[bytes]
    config: dict[str, Any] = field(default_factory=dict)
    form: str = ""
    created: str = "2027-01-15T08:00:00.123456789Z"

    def document(self) -> dict[str, Any]:
        return {
            "architecture": "amd64",
            "os": "linux",
            "created": self.created,
            "config": {"Env": ["A=1"]},
            "history": [{"created": self.created, "created_by": "RUN x"} for _ in self.layers],
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{sha(item)}" for item in self.layers],
            },
            **self.config,
        }

    def blobs(self) -> list[bytes]:
        return [gzip.compress(item) if self.form else item for item in self.layers]


def _archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def docker(path: Path, image: Image, tags: Sequence[str] = ("app:1",)) -> Path:
    """As the classic store saves it."""
    config = json.dumps(image.document()).encode()
    blobs = image.blobs()
    names = [f"{sha(b'id' + blob)}/layer.tar" for blob in blobs]
    manifest = [{"Config": f"{sha(config)}.json", "RepoTags": list(tags), "Layers": names}]
    files = {}
    for name, blob in zip(names, blobs, strict=True):
        files[name.replace("layer.tar", "VERSION")] = b"1.0"
        files[name] = blob
    files[f"{sha(config)}.json"] = config
    files["manifest.json"] = json.dumps(manifest).encode()
    return _archive(path, files)


def layout(
    path: Path, image: Image, *, attested: bool = False, notes: dict[str, str] | None = None
) -> Path:
    """As the containerd store saves it, with an index around the manifest."""
    files: dict[str, bytes] = {}

    def put(data: bytes, media: str, **more: Any) -> dict[str, Any]:
        files[f"blobs/sha256/{sha(data)}"] = data
        return {"mediaType": media, "digest": f"sha256:{sha(data)}", "size": len(data), **more}

    oci = "application/vnd.oci.image."
    end = "tar+gzip" if image.form else "tar"
    layers = [put(blob, f"{oci}layer.v1.{end}") for blob in image.blobs()]
    if notes:
        layers[0]["annotations"] = notes
    config = put(json.dumps(image.document()).encode(), f"{oci}config.v1+json")
    made = {"schemaVersion": 2, "config": config, "layers": layers}
    manifest = put(json.dumps(made).encode(), f"{oci}manifest.v1+json")
    manifest["annotations"] = {"config.digest": config["digest"]}
    manifests = [manifest]
    if attested:
        about = put(b'{"config":{},"layers":[]}', f"{oci}manifest.v1+json")
        about["annotations"] = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": manifest["digest"],
        }
        manifests.append(about)
    index = put(
        json.dumps({"schemaVersion": 2, "manifests": manifests}).encode(), f"{oci}index.v1+json"
    )
    index["annotations"] = {
        "io.containerd.image.name": "docker.io/library/app:1",
        "org.opencontainers.image.created": image.created,
    }
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [index]}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    return _archive(path, files)


class Opened:
    """A normalised archive."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            self.names = tar.getnames()
            found = [(item, tar.extractfile(item)) for item in tar if item.isfile()]
            self.files = {item.name: file.read() for item, file in found if file}
        if "manifest.json" in self.files:
            self.manifest = json.loads(self.files["manifest.json"])[0]
            self.config = json.loads(self.files[self.manifest["Config"]])
            self.layers = [self.files[name] for name in self.manifest["Layers"]]
            return
        self.index = json.loads(self.files["index.json"])
        self.inner = self._blob(self.index["manifests"][0])
        self.manifest = self._blob(self.inner["manifests"][0])
        self.config = self._blob(self.manifest["config"])
        self.layers = [self.files[_name(item["digest"])] for item in self.manifest["layers"]]

    def _blob(self, descriptor: dict[str, Any]) -> Any:
        data = self.files[_name(descriptor["digest"])]
        assert len(data) == descriptor["size"]
        assert f"sha256:{sha(data)}" == descriptor["digest"]
        return json.loads(data)

    def entries(self, number: int = 0) -> list[tarfile.TarInfo]:
        data = self.layers[number]
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return list(tar)

    def paths(self, number: int = 0) -> list[str]:
        return [item.name for item in self.entries(number)]

    def content(self, name: str, number: int = 0) -> bytes:
        data = self.layers[number]
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()


def _name(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")
