"""Two clones that differ in what differs between two machines, whose images are built with
--normalize: the sealed files are the same bytes, and the engine has the image that is in them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import pytest
from tests.containers import Containers
from tests.e2e.builds import ENGINES, Bom, git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Key

pytestmark = pytest.mark.e2e

NAME = "bom-test/same-image"
# Bake reads a compose file too, where there is one: each form gets its own. A compose project is
# called after its folder otherwise, and that goes into a label of the image.
FILES = {
    "bake": (
        "docker-bake.hcl",
        f'target "default" {{\n  tags = ["{NAME}:bake"]\n  no-cache = true\n}}\n',
    ),
    "compose": (
        "compose.yaml",
        f"name: same\nservices:\n  app:\n    image: {NAME}:compose\n    build: .\n",
    ),
}
SMALL = """\
FROM scratch AS start
COPY app /srv/app
FROM start
LABEL a=b
COPY message.txt /srv/message.txt
"""
# With a package by pip, one by apt, bytecode in another layer than its source, files that a step
# writes, and a stage of its own to build in.
LARGE = """\
FROM {base} AS build
COPY packages /packages
RUN mkdir /out && python3 -c "open('/out/made', 'w').write('made')" && ln /out/made /out/linked
FROM {base}
COPY packages /packages
RUN echo "deb [trusted=yes] file:/packages/apt ./" >/etc/apt/sources.list \\
 && apt-get -q update && apt-get -q install -y note \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/cache/ldconfig/aux-cache \\
    /var/log/apt /var/log/dpkg.log /var/lib/dpkg/status-old
RUN pip install --no-index --break-system-packages --root-user-action=ignore \\
    --find-links /packages demo
COPY app /srv/app
COPY --from=build /out /srv/out
RUN python3 -m compileall -q /srv/app
"""
WHEEL = {
    "demo/__init__.py": "X = 1\n",
    "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "demo-1.0.dist-info/RECORD": "demo/__init__.py,,\ndemo-1.0.dist-info/METADATA,,\n"
    "demo-1.0.dist-info/WHEEL,,\ndemo-1.0.dist-info/RECORD,,\n",
}
CONTROL = """\
Package: note
Version: 1.0
Architecture: all
Maintainer: t <t@example.invalid>
Description: a note
"""


@dataclass(frozen=True)
class Machine:
    """Where and how one of the two builds runs."""

    folder: str
    umask: int
    variables: Mapping[str, str] = field(default_factory=dict)


MACHINES = (
    Machine("a", 0o022, {"TZ": "America/New_York", "LANG": "C", "USER": "ada"}),
    Machine(
        "somewhere else/by a longer name",
        0o077,
        {"TZ": "Asia/Kathmandu", "LANG": "de_DE.UTF-8", "USER": "somebody", "HOSTNAME": "other"},
    ),
)


def project(folder: Path, dockerfile: str, form: str = "") -> Path:
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("import demo\nprint(demo.X)\n")
    (folder / "app" / "other.py").write_text("y = 2\n")
    (folder / "message.txt").write_text("hello\n")
    (folder / "Dockerfile").write_text(dockerfile)
    if form in FILES:
        name, text = FILES[form]
        (folder / name).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "app")
    return folder


def packages(folder: Path, need: Need) -> None:
    """A wheel, and a repository of apt with one package."""
    (folder / "apt").mkdir(parents=True)
    with zipfile.ZipFile(folder / "demo-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in WHEEL.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    root = folder.parent.parent / "note"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr/share/note").mkdir(parents=True)
    (root / "usr/share/note/text").write_text("a note\n")
    (root / "DEBIAN/control").write_text(CONTROL)
    deb = folder / "apt" / "note.deb"
    subprocess.run([need("dpkg-deb"), "-b", str(root), str(deb)], check=True, capture_output=True)
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    stated = f"Filename: ./note.deb\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
    (folder / "apt" / "Packages").write_text(CONTROL + stated)


def built_twice(
    bom: Bom, key: Key, source: Path, command: Sequence[str], options: Sequence[str] = ()
) -> list[Path]:
    """The sealed files of both machines. The clones are made with one umask: that of the files of
    a context gets into an image, and is content there."""
    sealed = []
    for number, machine in enumerate(MACHINES):
        home = source.parent / str(number)
        clone = home / machine.folder
        clone.parent.mkdir(parents=True)
        git(source.parent, "clone", "-q", "--no-hardlinks", str(source), str(clone))
        for path in clone.rglob("*"):  # no two checkouts are of one second
            os.utime(path, (1_790_000_000 + number,) * 2, follow_symlinks=False)
        before = os.umask(machine.umask)
        try:
            out = home / "app.tar"
            own: tuple[str | Path, ...]
            own = ("build", "--normalize", "-o", out, "--key", key.private, *options)
            bom(*own, "--", *command, cwd=clone, more=dict(machine.variables))
        finally:
            os.umask(before)
        sealed.append(out)
    return sealed


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def documents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Docker's manifest and the configuration that it names."""
    with tarfile.open(path) as tar:
        files = {item.name: tar.extractfile(item) for item in tar if item.isfile()}
        manifest = json.loads(_read(files["manifest.json"]))[0]
        return manifest, json.loads(_read(files[manifest["Config"]]))


def _read(file: IO[bytes] | None) -> bytes:
    assert file is not None
    return file.read()


@dataclass(frozen=True)
class Engine:
    kind: str
    environment: dict[str, str]
    bom: Bom

    def docker(self, *words: str) -> str:
        done = subprocess.run(
            ["docker", *words], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, need: Need, bom: Bom) -> Iterator[Engine]:
    environment = need.engine(request.param)
    made = Engine(request.param, environment, bom.on(environment))
    yield made
    for name in made.docker("image", "ls", "-q", NAME).split():
        made.docker("image", "rm", "--force", name)


def test_an_image_with_packages_and_bytecode_is_the_same_from_two_machines(
    engine: Engine, key: Key, need: Need, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    packages(source / "packages", need)
    project(source, LARGE.format(base=need.base_image(engine.environment)))
    tag = f"{NAME}:large"
    build = ("docker", "build", "-q", "--no-cache", "--network=host", "-t", tag, ".")
    one, two = built_twice(engine.bom, key, source, build)
    if digest(one) != digest(two):
        pytest.fail(engine.bom("diff", one, two, cwd=tmp_path, code=None).stdout)
    engine.bom("verify", one, "--key", key.public, cwd=tmp_path)
    # the engine has this very image under its name, and Python compiles nothing in it
    layers = json.loads(engine.docker("image", "inspect", tag))[0]["RootFS"]["Layers"]
    assert layers == documents(one)[1]["rootfs"]["diff_ids"]
    script = (
        'python3 -v /srv/app/main.py && python3 -v -c \'import sys; sys.path[:0] = ["/srv/app"];'
        " import other' ; cat /srv/out/linked"
    )
    done = subprocess.run(
        ["docker", "run", "--rm", "--network=none", tag, "sh", "-c", f"({script}) 2>&1"],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "other.cpython-311.pyc matches /srv/app/other.py" in done.stdout
    assert "demo/__pycache__/__init__.cpython-311.pyc matches" in done.stdout
    assert "# wrote" not in done.stdout
    assert done.stdout.endswith("made")


@pytest.mark.parametrize("form", ["tagged", "dest", "bake", "compose", "image"])
def test_every_form_of_a_build_is_normalised(
    form: str, engine: Engine, key: Key, tmp_path: Path
) -> None:
    if engine.kind == "classic" and form in ("dest", "bake", "compose"):
        pytest.skip("the client of 20.10 has neither")
    source = project(tmp_path / "source", SMALL, form)
    tag = f"{NAME}:{form}"
    build = ["docker", "build", "-q", "--no-cache", "-t", tag]
    options: list[str] = []
    if form == "dest":
        build += ["-o", f"type=oci,dest=made.tar,name={tag}"]
    if form == "bake":
        build = ["docker", "buildx", "bake", "--load"]
    if form == "compose":
        build = ["docker", "compose", "build", "--no-cache"]
    if form == "image":
        options = ["--image", tag]
        build = ["sh", "-c", " ".join([*build, "."])]
    elif form not in ("bake", "compose"):
        build.append(".")
    one, two = built_twice(engine.bom, key, source, build, options)
    assert digest(one) == digest(two)
    with tarfile.open(one) as tar:
        times = {item.mtime for item in tar}
    assert times == {0}
    if form == "dest":
        return
    manifest, config = documents(one)
    found = json.loads(engine.docker("image", "inspect", tag))[0]
    assert found["RootFS"]["Layers"] == config["rootfs"]["diff_ids"]
    assert config["created"] == "2026-01-01T00:00:00Z"
    assert len(manifest["Layers"]) == 2


def test_the_classic_builder_without_buildkit_is_normalised(
    engine: Engine, key: Key, tmp_path: Path
) -> None:
    if engine.kind != "classic":
        pytest.skip("it is the old engine's")
    source = project(tmp_path / "source", SMALL)
    bom = Bom(engine.bom.home, {**engine.bom.environment, "DOCKER_BUILDKIT": "0"})
    build = ("docker", "build", "-q", "--no-cache", "-t", f"{NAME}:old", ".")
    one, two = built_twice(bom, key, source, build)
    assert digest(one) == digest(two)
    assert "container_config" not in documents(one)[1]


def test_what_was_changed_and_what_there_was_is_told(
    engine: Engine, key: Key, tmp_path: Path
) -> None:
    source = project(tmp_path / "source", SMALL)
    tag = f"{NAME}:told"
    result = tmp_path / "result.json"
    engine.bom(
        *("build", "--normalize", "-o", tmp_path / "app.tar", "--key", key.private),
        *("--result", result, "--", "docker", "build", "-q", "--no-cache", "-t", tag, "."),
        cwd=source,
    )
    shown = json.loads(engine.bom("show", "--json", tmp_path / "app.tar", cwd=tmp_path).stdout)
    stated = json.dumps(shown)
    for aspect in ("times", "configuration", "bytecode"):
        assert f'{{"name": "bom-seal:normalised", "value": "{aspect}"}}' in stated
    record = ""
    for line in (tmp_path / "app.tar.sigstore.jsonl").read_text().splitlines():
        record += base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"]).decode()
    assert "normalised.times" in record
    assert "original.sha256" in record
    original = json.loads(result.read_text())["artifacts"][0]
    assert original["original_sha256"] != original["built_sha256"]


def test_a_build_that_pushes_is_refused_before_it_runs(
    engine: Engine, key: Key, tmp_path: Path
) -> None:
    if engine.kind == "classic":
        pytest.skip("the client of 20.10 doesn't push while it builds")
    source = project(tmp_path / "source", SMALL)
    done = engine.bom(
        *("build", "--normalize", "-o", tmp_path / "app.tar", "--key", key.private, "--"),
        *("docker", "buildx", "build", "--push", "-t", "127.0.0.1:9/app:1", "."),
        cwd=source,
        code=125,
    )
    assert "error: an image that the build pushes itself can't be normalised" in done.stderr
    assert "hint: " in done.stderr
    assert not (tmp_path / "app.tar").exists()


@pytest.mark.parametrize("program", ["podman", "buildah"])
@pytest.mark.parametrize("form", ["docker", "oci"])
def test_an_image_of_podman_and_buildah_is_normalised_under_all_its_names(
    program: str, form: str, bom: Bom, key: Key, need: Need, tmp_path: Path
) -> None:
    need(program)
    containers = Containers.at(tmp_path / "containers")
    try:
        source = project(tmp_path / "source", SMALL)
        settings = {"CONTAINERS_STORAGE_CONF": containers.environment["CONTAINERS_STORAGE_CONF"]}
        wrapped = Bom(bom.home, {**bom.environment, **settings})
        tags = [f"{NAME}:{number}" for number in range(3)]
        build = [program, "build", "-q", "--no-cache", f"--format={form}"]
        build += [word for tag in tags for word in ("-t", tag)]
        one, two = built_twice(wrapped, key, source, [*build, "."])
        assert digest(one) == digest(two)
        ids = {containers.image_id(tag) for tag in tags}
        assert len(ids) == 1
        with tarfile.open(one) as tar:
            names = {name.rpartition("/")[2].removesuffix(".json") for name in tar.getnames()}
        assert ids <= names
    finally:
        containers.remove()
