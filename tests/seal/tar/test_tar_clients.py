"""Sealed tars, sdists, npm packages and images in the hands of the tools that people use."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from tests.loopback import folder_served

from bom.errors import CannotSeal
from bom.seal.tar import TarFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bom.model import Envelope
    from bom.seal.protocol import ArtifactFormat, Unsealed

pytestmark = pytest.mark.e2e

Entry = tuple[str, bytes]
FORMATS = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT, "ustar": tarfile.USTAR_FORMAT}

# A build backend inside the sdist, so that installing it needs nothing from anywhere.
BACKEND = b"""
import zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, info = "sealed_demo-1.2-py3-none-any.whl", "sealed_demo-1.2.dist-info/"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("sealed_demo.py", open("sealed_demo.py").read())
        wheel.writestr(info + "METADATA", open("PKG-INFO").read())
        lines = ("Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any", "")
        wheel.writestr(info + "WHEEL", "\\n".join(lines))
        rows = [row.filename + ",,\\n" for row in wheel.infolist()]
        wheel.writestr(info + "RECORD", "".join(rows) + info + "RECORD,,\\n")
    return name
"""
SDIST: tuple[Entry, ...] = (
    ("sealed_demo-1.2/PKG-INFO", b"Metadata-Version: 2.2\nName: sealed-demo\nVersion: 1.2\n"),
    ("sealed_demo-1.2/backend.py", BACKEND),
    (
        "sealed_demo-1.2/pyproject.toml",
        b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        b'[project]\nname = "sealed-demo"\nversion = "1.2"\n',
    ),
    ("sealed_demo-1.2/sealed_demo.py", b"ANSWER = 42\n"),
)


class Need(Protocol):
    def __call__(self, tool: str) -> str: ...
    def engine(self, kind: str) -> dict[str, str]: ...


class TarLab(Protocol):
    """The fixture of conftest.py, as its users see it."""

    folder: Path

    def tar(self, files: Sequence[Entry] | None = None, form: int = ...) -> bytes: ...
    def gz(self, data: bytes | None = None, level: int = ...) -> bytes: ...
    def write(self, data: bytes, name: str = ...) -> Path: ...
    def envelope(self, path: Path, *, bundle: bytes = ...) -> Envelope: ...
    def seal(self, path: Path, *, bundle: bytes = ...) -> Path: ...
    def unseal(self, form: ArtifactFormat, data: bytes) -> tuple[Unsealed, bytes]: ...
    def codes(self, form: ArtifactFormat, envelope: Envelope, data: bytes) -> list[str]: ...


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "npm_"))}
    done = subprocess.run(
        list(map(str, command)),
        env=clean | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL under which loopback serves it."""
    folder = tmp_path / "served"
    folder.mkdir()
    with folder_served(folder) as url:
        yield folder, url.rstrip("/")


# --- tars ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS.keys())
def test_gnu_tar_lists_and_unpacks_it(lab: TarLab, need: Need, form: int) -> None:
    tar = need("tar")
    plain = lab.tar([("top/a", b"a"), ("top/sub/b", b"b")], form)
    for path in (lab.write(plain, "x.tar"), lab.write(lab.gz(plain), "x.tar.gz")):
        sealed = lab.seal(path)
        assert run(tar, "-tf", sealed).split() == [
            "top/.bom/bom.cdx.json",
            "top/.bom/bom.cdx.json.sigstore.json",
            "top/a",
            "top/sub/b",
        ]
        out = lab.folder / f"out-{path.name}"
        out.mkdir()
        run(tar, "-xf", sealed, "-C", out, "--strip-components=1")
        found = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
        assert found == [".bom/bom.cdx.json", ".bom/bom.cdx.json.sigstore.json", "a", "sub/b"]
        with tarfile.open(sealed) as archive:
            assert [row.name for row in archive][2:] == ["top/a", "top/sub/b"]


def test_what_gnu_tar_writes_is_sealed(lab: TarLab, need: Need) -> None:
    tree = lab.folder / "tree" / "src"
    tree.mkdir(parents=True)
    (tree / ("n" * 150)).write_bytes(b"long")
    (tree / "link").symlink_to("n" * 150)
    os.link(tree / ("n" * 150), tree / "hard")
    with (tree / "holes").open("wb") as file:
        file.truncate(5_000_000)
    form = TarFormat()
    for kind in ("v7", "ustar", "oldgnu", "gnu", "posix"):
        path = lab.folder / f"{kind}.tar"
        # The two old formats have neither sparse members nor names of that length.
        what = ["src/holes"] if kind in ("v7", "ustar") else ["-S", "src"]
        run(need("tar"), f"--format={kind}", "-cf", path, "-C", tree.parent, *what)
        sealed = lab.seal(path)
        assert lab.codes(form, lab.envelope(path), sealed.read_bytes()) == []
        listed = run(need("tar"), "-tf", sealed).splitlines()
        assert listed[2:] == run(need("tar"), "-tf", path).splitlines()


def test_a_git_archive_is_sealed_and_unpacked(lab: TarLab, need: Need) -> None:
    git, tree = need("git"), lab.folder / "tree"
    tree.mkdir()
    (tree / "a").write_text("a")
    settings = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    run(git, "init", "-q", tree)
    run(git, "add", "-A", cwd=tree)
    run(git, *settings, "commit", "-q", "-m", "a", cwd=tree)
    for name in ("x.tar", "x.tar.gz"):
        path = lab.folder / name
        run(git, "archive", "--prefix=x-1/", "-o", path, "HEAD", cwd=tree)
        sealed = lab.seal(path)
        out = lab.folder / f"out-{name}"
        out.mkdir()
        run(need("tar"), "-xf", sealed, "-C", out, "--strip-components=1")
        assert (out / "a").read_text() == "a"
        assert (out / ".bom" / "bom.cdx.json").is_file()


# --- sdists --------------------------------------------------------------------------------------


def _sdist(lab: TarLab, form: int, folder: Path) -> Path:
    sealed = lab.seal(lab.write(lab.gz(lab.tar(SDIST, form)), "built.tar.gz"))
    target = folder / "sealed_demo-1.2.tar.gz"
    target.write_bytes(sealed.read_bytes())
    return target


def _installer(need: Need, client: str, target: Path) -> list[str | Path]:
    if client == "uv":
        tool: list[str | Path] = [need("uv"), "pip", "install", "--no-cache"]
        return [*tool, "--python", sys.executable, "--target", target]
    return [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--target", target]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("client", ["pip", "uv"])
def test_a_sealed_sdist_installs_from_disk_and_from_an_index(
    lab: TarLab, need: Need, served: tuple[Path, str], form: int, client: str
) -> None:
    folder, url = served
    page = folder / "simple" / "sealed-demo"
    page.mkdir(parents=True)
    sdist = _sdist(lab, form, page)
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    (page / "index.html").write_text(
        f'<!DOCTYPE html><html><body><a href="{sdist.name}#sha256={digest}">{sdist.name}</a>'
    )
    disk, index = lab.folder / "disk", lab.folder / "index"
    run(*_installer(need, client, disk), "--no-index", sdist)
    options = ["--index-url", f"{url}/simple/", "--no-binary", "sealed-demo"]
    run(*_installer(need, client, index), *options, "sealed-demo==1.2")
    for target in (disk, index):
        assert (target / "sealed_demo.py").read_bytes() == b"ANSWER = 42\n"


# --- npm -----------------------------------------------------------------------------------------


def test_a_sealed_npm_package_installs_from_disk_and_over_http(
    lab: TarLab, need: Need, served: tuple[Path, str]
) -> None:
    npm = need("npm")
    source = lab.folder / "source"
    source.mkdir()
    (source / "package.json").write_text('{"name":"sealed-demo","version":"1.2.0","main":"i.js"}')
    (source / "i.js").write_text("module.exports = 42\n")
    quiet = {"npm_config_cache": str(lab.folder / "cache"), "npm_config_update_notifier": "false"}
    run(npm, "pack", "--pack-destination", lab.folder, cwd=source, **quiet)
    built = lab.folder / "sealed-demo-1.2.0.tgz"
    sealed = lab.seal(built)
    with tarfile.open(sealed) as archive:
        assert archive.getnames()[0] == "package/.bom/bom.cdx.json"
    folder, url = served
    (folder / sealed.name).write_bytes(sealed.read_bytes())
    for number, what in enumerate((str(sealed), f"{url}/{sealed.name}")):
        project = lab.folder / f"project-{number}"
        project.mkdir()
        run(
            npm, "install", "--offline" if number == 0 else "--no-audit", what, cwd=project, **quiet
        )
        assert run(need("node"), "-p", "require('sealed-demo')", cwd=project).strip() == "42"
        lock = json.loads((project / "package-lock.json").read_text())
        (row,) = (v for k, v in lock["packages"].items() if k.endswith("sealed-demo"))
        assert row["integrity"].startswith("sha512-")


# --- images --------------------------------------------------------------------------------------


class Engine:
    def __init__(self, kind: str, environment: dict[str, str]) -> None:
        self.kind = kind
        self.environment = environment

    def docker(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            ["docker", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inspect(self, tag: str) -> dict[str, Any]:
        value: list[dict[str, Any]] = json.loads(self.docker("image", "inspect", tag))
        return value[0]


@pytest.fixture(params=["modern", "classic"])
def engine(request: pytest.FixtureRequest, need: Need) -> Engine:
    return Engine(request.param, need.engine(request.param))


@pytest.fixture
def saved(lab: TarLab, engine: Engine) -> Iterator[tuple[str, Path]]:
    """A two-layer image from scratch, its tag and what `docker save` made of it."""
    tag = f"bom-test/tiny-{secrets.token_hex(4)}:1"
    context = lab.folder / "context"
    context.mkdir()
    (context / "a").write_bytes(os.urandom(3000))
    (context / "b").write_bytes(os.urandom(2000))
    (context / "Dockerfile").write_text('FROM scratch\nCOPY a /\nCOPY b /\nCMD ["/a"]\n')
    engine.docker("build", "-q", "-t", tag, context)
    out = lab.folder / "image.tar"
    engine.docker("save", "-o", out, tag)
    yield tag, out
    engine.docker("image", "rm", "-f", tag)


def _layers(path: Path) -> tuple[list[str], list[str]]:
    """The names of the layers of a saved image, and their diff IDs."""
    with tarfile.open(path) as archive:

        def read(name: str) -> Any:
            file = archive.extractfile(name)
            assert file is not None
            return json.load(file)

        (row,) = read("manifest.json")
        return row["Layers"], read(row["Config"])["rootfs"]["diff_ids"]


def _document(path: Path) -> dict[str, object]:
    """What the BOM of this image would say of its layers."""
    names, diff_ids = _layers(path)
    values = []
    with tarfile.open(path) as archive:
        for number, (name, diff_id) in enumerate(zip(names, diff_ids, strict=True)):
            file = archive.extractfile(name)
            assert file is not None
            data = file.read()
            digest = hashlib.sha256(data).hexdigest()
            values.append(f"{number:03d} {diff_id} sha256:{digest} {len(data)}")
    properties = [{"name": "bom-seal:image:layer", "value": value} for value in values]
    return {"metadata": {"component": {"properties": properties}}}


def test_the_engine_that_saved_a_sealed_image_loads_it_as_the_same_image(
    lab: TarLab, engine: Engine, saved: tuple[str, Path]
) -> None:
    tag, path = saved
    before = engine.inspect(tag)
    sealed = lab.seal(path)
    engine.docker("image", "rm", "-f", tag)
    assert tag in engine.docker("load", "-i", sealed)
    after = engine.inspect(tag)
    assert (after["Id"], after["RootFS"]) == (before["Id"], before["RootFS"])
    assert lab.unseal(TarFormat(), sealed.read_bytes())[1] == path.read_bytes()
    assert TarFormat().members(path) == ()


def test_the_other_engine_loads_it_with_equal_diff_ids(
    lab: TarLab, engine: Engine, need: Need, saved: tuple[str, Path]
) -> None:
    tag, path = saved
    kind = "classic" if engine.kind == "modern" else "modern"
    other = Engine(kind, need.engine(kind))
    other.docker("load", "-i", lab.seal(path))
    try:
        assert other.inspect(tag)["RootFS"] == engine.inspect(tag)["RootFS"]
    finally:
        other.docker("image", "rm", "-f", tag)


def test_skopeo_reads_it(lab: TarLab, need: Need, saved: tuple[str, Path]) -> None:
    _, path = saved
    skopeo = need("skopeo")
    sealed = lab.seal(path)
    whole = json.loads(run(skopeo, "inspect", f"docker-archive:{sealed}"))
    assert whole["Layers"] == json.loads(run(skopeo, "inspect", f"docker-archive:{path}"))["Layers"]
    config = json.loads(run(skopeo, "inspect", "--config", f"docker-archive:{sealed}"))
    assert config["rootfs"]["diff_ids"] == _layers(path)[1]


def test_damage_names_the_layer(lab: TarLab, saved: tuple[str, Path]) -> None:
    _, path = saved
    sealed, document = lab.seal(path), _document(path)
    assert TarFormat().damage(sealed, document) == ()
    name = _layers(path)[0][1]
    with tarfile.open(sealed) as archive:
        position = archive.getmember(name).offset_data + 1000
    data = bytearray(sealed.read_bytes())
    data[position] ^= 1
    sealed.write_bytes(data)
    (finding,) = TarFormat().damage(sealed, document)
    assert finding.where == name
    assert finding.message.startswith("layer 1 (")
    with tarfile.open(sealed) as archive:
        start = archive.getmember(name).offset_data
    sealed.write_bytes(data[: start + 100])
    codes = {finding.code for finding in TarFormat().damage(sealed, document)}
    assert "truncated" in codes


def test_an_image_whose_two_tables_of_contents_disagree_is_not_sealed(
    lab: TarLab, engine: Engine, saved: tuple[str, Path]
) -> None:
    _, path = saved
    TarFormat().parameters(path)
    bent = lab.folder / "bent.tar"
    out = io.BytesIO()
    with tarfile.open(path) as archive, tarfile.open(fileobj=out, mode="w") as other:
        names = archive.getnames()
        for row in archive:
            file = archive.extractfile(row) if row.isreg() else None
            data = file.read() if file else b""
            if row.name == "manifest.json":
                (listed,) = json.loads(data)
                data = json.dumps([listed | {"Layers": listed["Layers"][:1]}]).encode()
            row.size = len(data)
            other.addfile(row, io.BytesIO(data))
    bent.write_bytes(out.getvalue())
    if "index.json" not in names:
        assert engine.kind == "classic"  # one table only: nothing to disagree with
        TarFormat().parameters(bent)
        return
    with pytest.raises(CannotSeal, match="different images"):
        TarFormat().parameters(bent)


def test_an_oci_layout_that_skopeo_writes_is_sealed_and_read(
    lab: TarLab, need: Need, saved: tuple[str, Path]
) -> None:
    _, path = saved
    skopeo = need("skopeo")
    layout = lab.folder / "oci.tar"
    policy = ("--insecure-policy",)
    run(skopeo, *policy, "copy", f"docker-archive:{path}", f"oci-archive:{layout}:tiny")
    sealed = lab.seal(layout)
    with tarfile.open(sealed) as archive:
        assert archive.getnames()[0] == ".bom/bom.cdx.json"
    found = json.loads(run(skopeo, "inspect", "--config", f"oci-archive:{sealed}:tiny"))
    assert found["rootfs"]["diff_ids"] == _layers(path)[1]
    assert lab.codes(TarFormat(), lab.envelope(layout), sealed.read_bytes()) == []


def test_gzip_of_an_image_loads_too(lab: TarLab, engine: Engine, saved: tuple[str, Path]) -> None:
    tag, path = saved
    packed = lab.write(gzip.compress(path.read_bytes()), "image.tar.gz")
    sealed = lab.seal(packed)
    with tarfile.open(sealed) as archive:
        assert archive.getnames()[0] == ".bom/bom.cdx.json"
    assert tag in engine.docker("load", "-i", sealed)
