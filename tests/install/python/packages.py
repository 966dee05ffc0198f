"""Tiny packages, made byte by byte: wheels, sdists, indexes that serve them, and what they lock."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WHEN = (2026, 1, 1, 0, 0, 0)


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str],
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    tag: str = "py3-none-any",
) -> Path:
    """A wheel with these files; a name that begins with `INFO/` lies in its dist-info."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Provides-Extra: {extra}\n" for extra in extras)
    metadata += "".join(f"Requires-Dist: {item}\n" for item in requires)
    pure = f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: {tag}\n"
    content = {path.replace("INFO/", f"{stem}.dist-info/"): text for path, text in files.items()}
    content |= {f"{stem}.dist-info/METADATA": metadata, f"{stem}.dist-info/WHEEL": pure}
    content[f"{stem}.dist-info/RECORD"] = record(content) + f"{stem}.dist-info/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in content.items():
            entry = zipfile.ZipInfo(member, WHEN)
            entry.external_attr = (0o100755 if ".data/scripts/" in member else 0o100644) << 16
            archive.writestr(entry, text)
    return path


def record(content: Mapping[str, str]) -> str:
    rows = ""
    for path, text in content.items():
        raw = hashlib.sha256(text.encode()).digest()
        digest = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        rows += f"{path},sha256={digest},{len(text.encode())}\n"
    return rows


def sdist(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    content = {"PKG-INFO": info.encode(), **files}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, data in content.items():
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size, entry.mtime = len(data), 1767225600
            archive.addfile(entry, io.BytesIO(data))
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{stem}.tar.gz"
    made.write_bytes(gzip.compress(out.getvalue(), mtime=0))
    return made


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def index(folder: Path, files: Sequence[Path], *, stated: Mapping[str, str] | None = None) -> Path:
    """A simple index (PEP 503) in `folder`. `stated`: the digest that a link states, by file name;
    without it no link states any."""
    names: dict[str, list[Path]] = {}
    for file in files:
        names.setdefault(file.name.split("-")[0].replace("_", "-").lower(), []).append(file)
    for name, own in names.items():
        page = folder / "simple" / name
        page.mkdir(parents=True, exist_ok=True)
        links = ""
        for file in own:
            (page / file.name).write_bytes(file.read_bytes())
            digest = f"#sha256={stated[file.name]}" if stated and file.name in stated else ""
            links += f'<a href="{file.name}{digest}">{file.name}</a>\n'
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return folder


def uv_lock(entries: Sequence[tuple[str, str, Sequence[Path], str]], own: str) -> str:
    """A uv.lock. `entries`: name, version, files, and what stands in its table besides; `own`: the
    same of the project itself."""
    text = 'version = 1\nrevision = 3\nrequires-python = ">=3.9"\n'
    text += f'\n[[package]]\nname = "app"\nversion = "1.0"\nsource = {{ editable = "." }}\n{own}'
    for name, version, files, more in entries:
        text += f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        text += 'source = { registry = "https://packages.example.org/simple" }\n'
        wheels = [file for file in files if file.suffix == ".whl"]
        for file in files:
            if file.suffix != ".whl":
                text += f"sdist = {_file(file)}\n"
        if wheels:
            text += "wheels = [\n" + "".join(f"    {_file(file)},\n" for file in wheels) + "]\n"
        text += more
    return text


def _file(file: Path) -> str:
    url = f"https://packages.example.org/files/{file.name}"
    return f'{{ url = "{url}", hash = "sha256:{sha256(file)}" }}'
