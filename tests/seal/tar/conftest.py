"""Tars and gzipped tars made by hand, sealed, and bent."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from bom.errors import BadArtifact
from bom.model import Envelope
from bom.seal import recognise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat, Unsealed

BUNDLE = b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'
Entry = tuple[str, bytes]


class TarLab:
    """What the tests of the tar formats have in common."""

    files: tuple[Entry, ...] = (
        ("hello-1.0/README", b"hello\n"),
        ("hello-1.0/src/hello.py", b"print('hello')\n" * 40),
        ("hello-1.0/empty", b""),
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tar(self, files: Sequence[Entry] | None = None, form: int = tarfile.GNU_FORMAT) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name, content in self.files if files is None else files:
                row = tarfile.TarInfo(name)
                row.size, row.mtime = len(content), 1_700_000_000
                archive.addfile(row, io.BytesIO(content))
        return out.getvalue()

    def gz(self, data: bytes | None = None, level: int = 6) -> bytes:
        return gzip.compress(self.tar() if data is None else data, level, mtime=1_700_000_000)

    def write(self, data: bytes, name: str = "hello-1.0.tar") -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def format(self, path: Path) -> ArtifactFormat:
        found = recognise(path)
        assert found is not None
        return found

    def envelope(self, path: Path, *, bundle: bytes = BUNDLE) -> Envelope:
        """An envelope whose document says what `compose` would say of this file's bytes."""
        form = self.format(path)
        properties = form.parameters(path)
        document = {
            "metadata": {
                "component": {
                    "components": [
                        {
                            "type": "file",
                            "name": member.name,
                            "hashes": [{"alg": "SHA-256", "content": member.sha256}],
                        }
                        for member in form.members(path)
                    ],
                    "hashes": [
                        {"alg": "SHA-256", "content": sha256(path.read_bytes()).hexdigest()}
                    ],
                    "properties": [{"name": item.name, "value": item.value} for item in properties],
                }
            }
        }
        return Envelope(json.dumps(document).encode(), bundle)

    def seal(self, path: Path, *, bundle: bytes = BUNDLE) -> Path:
        out = path.with_name(f"sealed-{path.name}")
        self.format(path).seal(path, self.envelope(path, bundle=bundle), out)
        return out

    def unseal(self, form: ArtifactFormat, data: bytes) -> tuple[Unsealed, bytes]:
        built = bytearray()
        return form.unseal(io.BytesIO(data), built.extend), bytes(built)

    def codes(self, form: ArtifactFormat, envelope: Envelope, data: bytes) -> list[str]:
        """What `verify` would find: the seal's own findings, and what the signatures tell."""
        try:
            unsealed, built = self.unseal(form, data)
        except BadArtifact as error:
            return [error.code]
        codes = [finding.code for finding in unsealed.findings]
        if unsealed.envelope.bom != envelope.bom:
            codes.append("signature")
        if unsealed.envelope.bundle != envelope.bundle:
            codes.append("bundle")
        hashes = json.loads(envelope.bom)["metadata"]["component"]["hashes"]
        if sha256(built).hexdigest() != hashes[0]["content"]:
            codes.append("subject")
        return codes


@pytest.fixture
def lab(tmp_path: Path) -> TarLab:
    return TarLab(tmp_path)
