"""Wheels made by hand, member by member, so that each test can bend one."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bom.model import Envelope, Property
from bom.seal.wheel import WheelFormat

INFO = "demo-1.0.dist-info"
Member = tuple[str, bytes]


def _row(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


class Lab:
    """What the tests of the wheel's seal have in common."""

    info = INFO
    files: tuple[Member, ...] = (
        ("demo/__init__.py", b"def answer():\n    return 42\n"),
        ("demo/data.txt", b"data " * 200),
        (f"{INFO}/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        (
            f"{INFO}/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: lab 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.format = WheelFormat()

    def record(self, files: Sequence[Member]) -> bytes:
        return ("".join(_row(*file) for file in files) + f"{INFO}/RECORD,,\n").encode()

    def archive(
        self, members: Sequence[Member], *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
    ) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6)), content, method)
            archive.comment = comment
        return out.getvalue()

    def wheel(self, data: bytes | None = None) -> Path:
        """A wheel on disk; by default the small sound one."""
        if data is None:
            data = self.archive([*self.files, (f"{INFO}/RECORD", self.record(self.files))])
        path = self.folder / "demo-1.0-py3-none-any.whl"
        path.write_bytes(data)
        return path

    def document(self, properties: Sequence[Property], name: str = "demo") -> bytes:
        rows = [{"name": row.name, "value": row.value} for row in properties]
        component = {"name": name, "type": "library", "properties": rows}
        return json.dumps({"bomFormat": "CycloneDX", "metadata": {"component": component}}).encode()

    def seal(self, path: Path, bundle: bytes = b'{"bundle": true}\n') -> Path:
        """The sealed wheel, in a folder of its own."""
        bom = self.document(self.format.parameters(path))
        out = self.folder / "sealed" / path.name
        out.parent.mkdir(exist_ok=True)
        self.format.seal(path, Envelope(bom, bundle), out)
        return out

    def strip(self, sealed: Path) -> bytes:
        """The built bytes; the seal must be without findings."""
        built = bytearray()
        with sealed.open("rb") as source:
            unsealed = self.format.unseal(source, built.extend)
        assert unsealed.findings == ()
        return bytes(built)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


Sealer = Callable[[Path], Path]
