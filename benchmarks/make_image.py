"""make_image.py PATH KIND [--gzip]: an image archive as `docker save` writes it, the same in every
run: `python`, `node`, `polyglot` or `many`, of the sizes of docs/benchmarks.md.

Packages are as their managers leave them (dpkg's database with lists and md5sums, dist-info with
RECORD, node_modules with a lock, jars, gems, Go's build information), contents are made up.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import random
import struct
import tarfile
import zipfile
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOB: Final = 8 << 20  # bytes from which all contents are cut
CLASSES: Final = 60  # contents of one jar
PARTS: Final = 2000  # contents of one program


@dataclass(frozen=True, slots=True)
class Kind:
    """How many packages of each ecosystem, files and bytes an image has; `loose` files belong to
    nobody."""

    megabytes: int
    files: int
    debian: int
    python: int = 0
    npm: int = 0
    jars: int = 0
    gems: int = 0
    modules: int = 0
    loose: int = 0


KINDS: Final = {
    "python": Kind(280, 12_700, debian=105, python=40),
    "node": Kind(1_460, 102_000, debian=145, npm=976),
    "polyglot": Kind(1_400, 64_000, debian=145, python=60, npm=900, jars=200, gems=41, modules=60),
    "many": Kind(1_880, 133_000, debian=145, loose=120_000),
}


def scaled(kind: Kind, scale: float) -> Kind:
    """The same packages with fewer files and bytes."""
    files, loose = int(kind.files * scale), int(kind.loose * scale)
    return replace(kind, megabytes=int(kind.megabytes * scale), files=files, loose=loose)


Entry = tuple[str, bytes, int]  # path, content, mode


class Contents:
    """Contents whose sizes are spread as those of real files are, like text to a compressor."""

    def __init__(self, seed: int, total: int, files: int) -> None:
        self._source = random.Random(seed)
        words = [self._source.randbytes(4).hex() for _ in range(4000)]
        text = bytearray()
        while len(text) < BLOB:
            text += " ".join(self._source.choices(words, k=4096)).encode() + b"\n"
        self._blob = bytes(text[:BLOB])
        weights = [self._source.lognormvariate(0, 1.6) for _ in range(files)]
        whole = sum(weights)
        self._sizes = iter([int(weight * total / whole) for weight in weights])

    def next(self) -> bytes:
        size = next(self._sizes, 1000)
        start = self._source.randrange(BLOB // 2)
        mark = b"%d\n" % self._source.getrandbits(60)  # no two files are the same
        piece = mark + self._blob[start : start + size]
        return (piece + self._blob * (size // BLOB))[: max(size, 1)]


def shares(files: int, packages: int) -> list[int]:
    """Files for each package, some with many more than others."""
    source = random.Random(packages)
    weights = [source.lognormvariate(0, 1.0) for _ in range(packages)]
    whole = sum(weights)
    return [max(3, int(weight * files / whole)) for weight in weights]


def debian(contents: Contents, packages: int, files: int) -> Iterator[Entry]:
    release = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
    yield "etc/debian_version", b"12.0\n", 0o644
    yield "usr/lib/os-release", release, 0o644
    status = []
    for number, share in enumerate(shares(files, packages)):
        name = f"libpackage{number}"
        listed, sums = ["/."], []
        for index in range(share):
            path = f"usr/lib/{name}/part{index // 40}/file{index}.so"
            content = contents.next()
            listed.append(f"/{path}")
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
            sums.append(f"{digest}  {path}\n")
            yield path, content, 0o644
        notice = f"usr/share/doc/{name}/copyright"
        yield notice, _copyright(name), 0o644
        listed.append(f"/{notice}")
        yield f"var/lib/dpkg/info/{name}.list", "\n".join(listed).encode() + b"\n", 0o644
        yield f"var/lib/dpkg/info/{name}.md5sums", "".join(sums).encode(), 0o644
        depends = f"Depends: libpackage{number // 2} (>= 1.0)\n" if number else ""
        status.append(
            f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: libs\n"
            f"Maintainer: Packagers <packagers@example.org>\nArchitecture: amd64\n"
            f"Source: package{number // 3}\nVersion: 1.{number}-1+b1\n{depends}"
            f"Description: part {number}\n a made up package\n"
        )
    yield "var/lib/dpkg/status", "\n".join(status).encode(), 0o644


def _copyright(name: str) -> bytes:
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {name}\n\nFiles: *\nCopyright: 2020 somebody\nLicense: MIT\n"
    ).encode()


def python(contents: Contents, packages: int, files: int) -> Iterator[Entry]:
    site = "usr/local/lib/python3.11/site-packages"
    for number, share in enumerate(shares(files, packages)):
        name, version = f"pypackage{number}", f"2.{number}.0"
        rows = []
        for index in range(share):
            path = f"{name}/sub{index // 30}/module{index}.py"
            content = contents.next()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            rows.append(f"{path},sha256={digest.decode()},{len(content)}\n")
            yield f"{site}/{path}", content, 0o644
        info = f"{name}-{version}.dist-info"
        needs = f"Requires-Dist: pypackage{number // 2}\n" if number else ""
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n{needs}"
        rows += [f"{info}/METADATA,,\n", f"{info}/RECORD,,\n"]
        yield f"{site}/{info}/METADATA", metadata.encode(), 0o644
        yield f"{site}/{info}/INSTALLER", b"pip\n", 0o644
        yield f"{site}/{info}/RECORD", "".join(rows).encode(), 0o644


def npm(contents: Contents, packages: int, files: int) -> Iterator[Entry]:
    locked: dict[str, object] = {}
    for number, share in enumerate(shares(files, packages)):
        scope = f"@scope{number % 7}/" if number % 5 == 0 else ""
        name, version = f"{scope}nodepackage{number}", f"3.{number}.1"
        above = f"node_modules/nodepackage{number - 1}/" if number % 11 == 3 else ""
        folder = f"{above}node_modules/{name}"
        manifest: dict[str, object] = {"name": name, "version": version, "license": "MIT"}
        if number % 11 == 1:
            manifest["dependencies"] = {f"nodepackage{number + 1}": "^3.0.0"}
        for index in range(share):
            yield f"app/{folder}/lib/part{index // 25}/file{index}.js", contents.next(), 0o644
        yield f"app/{folder}/package.json", json.dumps(manifest, indent=2).encode(), 0o644
        digest = base64.b64encode(hashlib.sha512(name.encode()).digest()).decode()
        locked[folder] = {
            "version": version,
            "resolved": f"https://registry.example.org/{name}/-/{number}-{version}.tgz",
            "integrity": f"sha512-{digest}",
            "license": "MIT",
        }
    lock = {"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
    whole = json.dumps({**lock, "packages": {"": {"name": "app"}, **locked}}, indent=2)
    yield "app/package.json", b'{"name": "app", "version": "1.0.0"}', 0o644
    yield "app/package-lock.json", whole.encode(), 0o644
    yield (
        "app/node_modules/.package-lock.json",
        json.dumps({**lock, "packages": locked}, indent=2).encode(),
        0o644,
    )


def jars(contents: Contents, count: int) -> Iterator[Entry]:
    for number in range(count):
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

            def add(name: str, data: bytes, into: zipfile.ZipFile = archive) -> None:
                into.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)

            add("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n")
            place = f"META-INF/maven/org.example.part{number % 9}/artifact{number}"
            properties = (
                f"groupId=org.example.part{number % 9}\nartifactId=artifact{number}\n"
                f"version=4.{number}\n"
            )
            add(f"{place}/pom.properties", properties.encode())
            for index in range(CLASSES):
                add(f"org/example/part{number}/Class{index}.class", contents.next())
        yield f"opt/service/lib/artifact{number}-4.{number}.jar", out.getvalue(), 0o644


def gems(contents: Contents, count: int) -> Iterator[Entry]:
    top = "usr/local/bundle"
    for number in range(count):
        name, version = f"rubygem{number}", f"5.{number}.0"
        for index in range(40):
            yield f"{top}/gems/{name}-{version}/lib/part{index}.rb", contents.next(), 0o644
        spec = (
            f"# -*- encoding: utf-8 -*-\n# stub: {name} {version} ruby lib\n\n"
            f'Gem::Specification.new do |s|\n  s.name = "{name}".freeze\n'
            f'  s.version = "{version}"\n  s.licenses = ["MIT".freeze]\nend\n'
        )
        yield f"{top}/specifications/{name}-{version}.gemspec", spec.encode(), 0o644


def programs(contents: Contents, modules: int) -> Iterator[Entry]:
    """Three ELF programs with Go's build information (debug/buildinfo, inline format)."""
    for number in range(3):
        lines = [
            f"path\texample.org/program{number}",
            f"mod\texample.org/program{number}\tv1.0.0\t",
        ]
        for index in range(number, modules, 3):
            digest = base64.b64encode(hashlib.sha256(b"%d" % index).digest()).decode()
            lines.append(f"dep\texample.org/module{index}\tv1.{index}.0\th1:{digest}")
        text = "\n".join(lines).encode() + b"\n"
        filler = b"".join(contents.next() for _ in range(PARTS))
        yield f"usr/local/bin/program{number}", elf(b"go1.24.1", text, filler), 0o755


def elf(version: bytes, modules: bytes, text: bytes) -> bytes:
    marked = b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6" + modules
    marked += b"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2"
    info = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    info += _varint(len(version)) + version + _varint(len(marked)) + marked
    start = 64 + 56
    text += bytes(-(start + len(text)) % 16)  # the information stands at a multiple of 16
    names = b"\0.text\0.go.buildinfo\0.shstrtab\0"
    at = start + len(text)
    strings = at + len(info)
    table = strings + len(names)
    base = 0x400000
    header = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + start, 64, table, 0, 64, 56, 1, 64, 4, 3)
    )
    load = struct.pack("<IIQQQQQQ", 1, 6, 0, base, base, table, table, 4096)

    def section(name: int, kind: int, flags: int, offset: int, size: int) -> bytes:
        address = base + offset if flags else 0
        return struct.pack("<IIQQQQIIQQ", name, kind, flags, address, offset, size, 0, 0, 16, 0)

    sections = (
        bytes(64)
        + section(1, 1, 6, start, len(text))
        + section(7, 1, 3, at, len(info))
        + section(21, 3, 0, strings, len(names))
    )
    return header + load + text + info + names + sections


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def loose(contents: Contents, files: int) -> Iterator[Entry]:
    for number in range(files):
        yield f"srv/data/{number // 500:03d}/item{number:06d}.dat", contents.next(), 0o644


def layers(kind: Kind) -> Iterator[Iterator[Entry]]:
    """The contents of each layer, lowest first."""
    inside = kind.jars * CLASSES + 3 * PARTS * bool(kind.modules)  # contents that are no files
    contents = Contents(kind.files, kind.megabytes * 1_000_000, kind.files + inside)
    packages = kind.debian + kind.python + kind.npm
    left = kind.files - kind.loose - kind.jars - kind.gems * 41
    left -= 3 * packages  # lists, metadata

    def part(count: int) -> int:
        return left * count // packages

    yield debian(contents, kind.debian, part(kind.debian))
    if kind.python:
        yield python(contents, kind.python, part(kind.python))
    if kind.npm:
        yield npm(contents, kind.npm, part(kind.npm))
    if kind.jars:
        yield jars(contents, kind.jars)
        yield gems(contents, kind.gems)
        yield programs(contents, kind.modules)
    if kind.loose:
        yield loose(contents, kind.loose)


def write_layer(path: Path, entries: Iterator[Entry]) -> str:
    """A layer with its folders, sorted as docker has it; its diff ID."""
    made: set[str] = set()
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content, mode in sorted(entries, key=lambda entry: entry[0]):
            for folder in list(Path(name).parents)[-2::-1]:
                if folder.as_posix() not in made:
                    made.add(folder.as_posix())
                    member = tarfile.TarInfo(folder.as_posix())
                    member.type, member.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(member)
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, BytesIO(content))
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def compressed(path: Path) -> None:
    """The layer with gzip, as a containerd store saves it."""
    made = path.with_suffix(".gz")
    with (
        path.open("rb") as plain,
        made.open("wb") as out,
        gzip.GzipFile("", "wb", 6, out, mtime=0) as packed,
    ):
        while piece := plain.read(1 << 20):
            packed.write(piece)
    made.replace(path)


def main(path: Path, kind: Kind, gzipped: bool) -> None:
    made, diff_ids = [], []
    for number, entries in enumerate(layers(kind)):
        layer = path.with_name(f"{path.name}-layer{number}.tar")
        diff_ids.append(write_layer(layer, entries))
        made.append(layer)
        if gzipped:
            compressed(layer)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    stored = [f"layer{number}/layer.tar" for number in range(len(made))]
    manifest = [{"Config": name, "RepoTags": ["bench/image:1"], "Layers": stored}]
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for document, data in ((name, config), ("manifest.json", json.dumps(manifest).encode())):
            member = tarfile.TarInfo(document)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
        for layer, place in zip(made, stored, strict=True):
            archive.add(layer, place)
            layer.unlink()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("path", type=Path)
    options.add_argument("kind", choices=KINDS)
    options.add_argument("--gzip", action="store_true")
    options.add_argument("--scale", type=float, default=1.0, help="of files and bytes")
    chosen = options.parse_args()
    main(chosen.path, scaled(KINDS[chosen.kind], chosen.scale), chosen.gzip)
