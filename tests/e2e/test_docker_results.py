"""Every output of a docker build but the image in the engine: sealed, verified, and taken again by
the clients that it is for."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, Key, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

NAME = "bom-test/results"
DPKG = """\
Package: hello
Status: install ok installed
Maintainer: Nobody <nobody@example.org>
Architecture: amd64
Version: 2.10-3

"""
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
DOCKERFILE = """\
FROM scratch AS system
COPY root /
FROM scratch AS wheel
COPY app-1.0-py3-none-any.whl /dist/
COPY message.txt /dist/
FROM scratch AS files
COPY message.txt /
FROM scratch AS many
COPY many /
FROM scratch AS empty
FROM files
"""


@dataclass(frozen=True)
class Project:
    """A project in git, with `bom` on one engine."""

    root: Path
    bom: Bom
    key: Key
    engine: dict[str, str]

    def build(
        self, *words: str, output: str = "", code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        own: list[str | Path] = ["build", "--key", self.key.private]
        own += ["-o", output] if output else []
        return self.bom(
            *(*own, "--", "docker", *words),
            cwd=self.root,
            code=code,
            more=variables,
        )

    def verify(self, name: str) -> None:
        done = self.bom("verify", name, "--key", self.key.public, cwd=self.root)
        assert done.stdout.startswith("good: ")

    def document(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bom("show", "--json", name, cwd=self.root).stdout)
        return found

    def docker(self, *words: str, engine: dict[str, str] | None = None, code: int = 0) -> str:
        done = subprocess.run(
            ["docker", *words],
            env=engine or self.engine,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def made(self) -> set[str]:
        """What git doesn't know: all that the build and `bom` left."""
        return set(git(self.root, "ls-files", "--others").split())


def project(root: Path, bom: Bom, key: Key, engine: dict[str, str]) -> Project:
    (root / "root" / "var" / "lib" / "dpkg").mkdir(parents=True)
    (root / "root" / "var" / "lib" / "dpkg" / "status").write_text(DPKG)
    (root / "root" / "etc").mkdir()
    (root / "root" / "etc" / "os-release").write_text(OS_RELEASE)
    (root / "many").mkdir()
    for number in range(51):
        (root / "many" / f"{number}.txt").write_text(f"{number}\n")
    (root / "message.txt").write_text("hello\n")
    (root / "Dockerfile").write_text(DOCKERFILE)
    (root / ".dockerignore").write_text("*.tar*\nout\n")
    with zipfile.ZipFile(root / "app-1.0-py3-none-any.whl", "w") as wheel:
        about = "app-1.0.dist-info"
        content = {
            f"{about}/METADATA": b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\n",
            f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: by-hand (1)\nTag: py3-none-any\n",
        }
        lines = [f"{about}/RECORD,,\n"]
        for name, data in content.items():
            wheel.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            lines.append(f"{name},sha256={digest},{len(data)}\n")
        wheel.writestr(f"{about}/RECORD", "".join(lines))
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "app")
    return Project(root, bom.on(engine), key, engine)


@pytest.fixture
def modern(bom: Bom, key: Key, need: Need, tmp_path: Path) -> Project:
    return project(tmp_path / "app", bom, key, need.engine("modern"))


@pytest.fixture
def classic(bom: Bom, key: Key, need: Need, tmp_path: Path) -> Project:
    """Docker 20.10 with its own client."""
    return project(tmp_path / "app", bom, key, need.engine("classic"))


@pytest.fixture
def tag(request: pytest.FixtureRequest, need: Need) -> Iterator[str]:
    """A name for this test alone, gone from both engines afterwards."""
    name = f"{NAME}-{abs(hash(request.node.name)) % 10**8}:1"
    yield name
    for kind in ("modern", "classic"):
        command = ["docker", "image", "rm", "--force", name]
        subprocess.run(command, env=need.engine(kind), capture_output=True, check=False)


def names(document: dict[str, Any]) -> set[str]:
    return {part["name"] for part in document["components"]}


def materials(document: dict[str, Any]) -> set[str]:
    """The kinds of what the build took in."""
    inputs = document["formulation"][0]["workflows"][0]["inputs"]
    refs = [entry["resource"]["ref"] for entry in inputs if "resource" in entry]
    return {ref.split(":")[1] for ref in refs if ref.startswith("material:")}


# --- an image's archive -------------------------------------------------------------------------


def test_an_oci_archive_is_sealed_in_place_and_loads_again(
    modern: Project, tag: str, need: Need
) -> None:
    words = ("build", "-q", "--target=system", "-t", tag, "-o", "type=oci,dest=app.tar", ".")
    modern.build(*words)
    modern.verify("app.tar")
    assert modern.made() == {"app.tar", "app.tar.sigstore.jsonl"}
    document = modern.document("app.tar")
    assert "hello" in names(document)
    assert {"dockerfile", "context"} <= materials(document)
    stated = {e["name"]: e["value"] for e in document["metadata"]["component"]["properties"]}
    modern.docker("load", "-i", "app.tar")
    layers = json.loads(modern.docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", tag))
    assert stated["bom-seal:image:layer"].split()[1] in layers
    told = subprocess.run(
        [need("skopeo"), "inspect", f"oci-archive:{modern.root}/app.tar"],
        check=True,
        capture_output=True,
    )
    assert json.loads(told.stdout)["Digest"] == stated["bom-seal:image:manifest"]
    podman = [need("podman"), "load", "-q", "-i", f"{modern.root}/app.tar"]
    loaded = subprocess.run(podman, check=True, capture_output=True, text=True).stdout
    subprocess.run([podman[0], "rmi", "-f", loaded.split()[-1]], check=True, capture_output=True)


def test_a_docker_archive_is_sealed_in_place_and_both_engines_load_it(
    modern: Project, tag: str, need: Need
) -> None:
    modern.build(
        "buildx", "build", "-q", "-t", tag, "-o", "type=docker,dest=out/app.tar", ".", code=1
    )
    (modern.root / "out").mkdir()
    modern.build("buildx", "build", "-q", "-t", tag, "-o", "type=docker,dest=out/app.tar", ".")
    modern.verify("out/app.tar")
    for engine in (modern.engine, need.engine("classic")):
        modern.docker("load", "-i", "out/app.tar", engine=engine)
        modern.docker("image", "inspect", tag, engine=engine)


def test_bom_build_puts_the_sealed_archive_elsewhere_where_it_is_told_to(modern: Project) -> None:
    modern.build("build", "-q", "-o", "type=oci,dest=app.tar", ".", output="sealed.tar")
    modern.verify("sealed.tar")
    with tarfile.open(modern.root / "app.tar") as archive:
        assert archive.getnames()[0] == "blobs"
    modern.bom("strip", "sealed.tar", "-o", "stripped.tar", cwd=modern.root)
    assert (modern.root / "stripped.tar").read_bytes() == (modern.root / "app.tar").read_bytes()


def test_several_outputs_are_each_sealed(modern: Project, tag: str) -> None:
    outputs = ("-o", "type=oci,dest=a.tar", "-o", "type=tar,dest=b.tar", "-o", "out", "--load")
    modern.build("build", "-q", "-t", tag, *outputs, ".", output="image.tar")
    for name in ("a.tar", "b.tar", "out/message.txt", "image.tar"):
        modern.verify(name)
    modern.docker("image", "inspect", tag)


def test_attestations_in_an_archive_stay_in_it(modern: Project) -> None:
    asked = ("build", "-q", "--provenance=mode=max", "-o", "type=oci,dest=app.tar", ".")
    done = modern.build(*asked)
    assert "attestations" not in done.stderr
    modern.verify("app.tar")
    with tarfile.open(modern.root / "app.tar") as archive:
        texts = [
            file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None and member.size < 100_000
        ]
    assert any(b"in-toto" in text for text in texts)


def test_the_users_id_and_metadata_files_are_read_and_left(modern: Project) -> None:
    own = ("--iidfile=id.txt", "--metadata-file=meta.json")
    modern.build("build", "-q", *own, "-o", "type=oci,dest=app.tar", ".")
    assert modern.made() == {"app.tar", "app.tar.sigstore.jsonl", "id.txt", "meta.json"}
    assert (modern.root / "id.txt").read_text().startswith("sha256:")
    assert "containerimage.digest" in json.loads((modern.root / "meta.json").read_text())


# --- a file system in a tar ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["modern", "classic"])
def test_a_file_system_is_sealed_as_a_tar_and_imports_again(
    kind: str, request: pytest.FixtureRequest, tag: str
) -> None:
    built: Project = request.getfixturevalue(kind)
    built.build("build", "-q", "--target=system", "-o", "type=tar,dest=root.tar", ".")
    built.verify("root.tar")
    assert built.made() == {"root.tar", "root.tar.sigstore.jsonl"}
    document = built.document("root.tar")
    assert "hello" in names(document)
    assert {"dockerfile", "context"} <= materials(document)
    scanned = json.loads(built.bom("scan", "root.tar", cwd=built.root).stdout)
    assert names(scanned) == names(document)
    built.docker("import", "root.tar", tag)
    built.docker("image", "inspect", tag)


def test_file_systems_for_several_platforms_in_one_tar_say_what_is_not_looked_for(
    modern: Project,
) -> None:
    both = "linux/amd64,linux/arm64"
    output = ("-o", "type=tar,dest=root.tar")
    modern.build("build", "-q", "--platform", both, "--target=system", *output, ".")
    modern.verify("root.tar")
    shown = modern.bom("show", "root.tar", cwd=modern.root).stdout
    for platform in both.split(","):
        assert f"image.platform: {platform}: its file system is in a folder" in shown


# --- a file system in a folder ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["modern", "classic"])
def test_files_in_a_folder_get_the_bom_beside_them(
    kind: str, request: pytest.FixtureRequest
) -> None:
    built: Project = request.getfixturevalue(kind)
    (built.root / "out").mkdir()
    (built.root / "out" / "kept.txt").write_text("not of this build\n")
    for _ in range(2):
        built.build("build", "-q", "--target=files", "-o", "out", ".")
        built.verify("out/message.txt")
        assert built.made() == {
            "out/kept.txt",
            "out/message.txt",
            "out/message.txt.bom.cdx.json",
            "out/message.txt.bom.cdx.json.sigstore.json",
            "out/message.txt.sigstore.jsonl",
        }
    assert {"dockerfile", "context"} <= materials(built.document("out/message.txt"))


def test_a_package_in_a_folder_is_sealed_itself(modern: Project) -> None:
    modern.build("build", "-q", "--target=wheel", "-o", "type=local,dest=out", ".")
    modern.verify("out/dist/app-1.0-py3-none-any.whl")
    with zipfile.ZipFile(modern.root / "out/dist/app-1.0-py3-none-any.whl") as wheel:
        assert "app-1.0.dist-info/sboms/bom-seal.cdx.json" in wheel.namelist()
    assert (modern.root / "out/dist/message.txt").read_text() == "hello\n"
    assert not list(modern.root.glob("out/dist/message.txt.*"))


def test_too_many_files_are_refused_with_what_to_do(modern: Project) -> None:
    done = modern.build("build", "-q", "--target=many", "-o", "out", ".", code=125)
    assert "wrote 51 files into out" in done.stderr
    assert "hint: seal them as one: -o type=tar,dest=FILE" in done.stderr
    assert modern.made() == {f"out/{number}.txt" for number in range(51)}
    named = modern.bom(
        *("build", "--key", modern.key.private, "--artifact", "out/7.txt", "--"),
        *("docker", "build", "-q", "--target=many", "-o", "out", "."),
        cwd=modern.root,
    )
    assert "sealed out/7.txt" in named.stderr
    modern.verify("out/7.txt")


def test_a_build_that_writes_no_file_is_no_silent_success(modern: Project) -> None:
    done = modern.build("build", "-q", "--target=empty", "-o", "out", ".", code=125)
    assert "the build wrote no file into out" in done.stderr


# --- nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("buildx", "build", "-q", "-o", "type=cacheonly", "."), "leaves nothing but the cache"),
        (("build", "--check", "."), "checks the Dockerfile"),
        (("build", "--call=targets", "."), "builds nothing"),
        (("buildx", "build", "--print=outline", "."), "builds nothing"),
        (("build", "--help"), "prints a help text"),
    ],
)
def test_what_leaves_nothing_runs_as_it_is_and_says_so(
    words: tuple[str, ...], reason: str, modern: Project
) -> None:
    plain = modern.docker(*words)
    own: list[str | Path] = ["build", "--key", modern.key.private, "--result=result.json"]
    done = modern.bom(*own, "--", "docker", *words, cwd=modern.root)
    assert done.stdout == plain
    assert "warning: nothing is sealed: " in done.stderr
    assert reason in done.stderr
    result = json.loads((modern.root / "result.json").read_text())
    assert (result["exit_code"], result["artifacts"]) == (0, [])
    assert modern.made() == {"result.json"}


def test_a_failed_check_passes_its_code_on(modern: Project) -> None:
    (modern.root / "Dockerfile").write_text("FROM scratch\nCOPY message.txt /\nMAINTAINER x\n")
    modern.build("build", "--check", ".", code=1)


def test_a_file_that_is_waited_for_and_can_not_be_made_stops_the_build(modern: Project) -> None:
    words = ("build", "-q", "-o", "type=cacheonly", ".")
    done = modern.build(*words, output="app.tar", code=125)
    assert "error: app.tar can't be made" in done.stderr
    done = modern.build("build", "--check", ".", output="app.tar")
    assert "app.tar is not written" in done.stderr


def test_an_image_on_standard_output_is_refused_before_the_build(modern: Project) -> None:
    for output in ("type=oci", "type=docker,dest=-", "-"):
        done = modern.build("build", "-q", "-o", output, ".", code=125)
        assert done.stdout == ""
        assert "can't be sealed" in done.stderr
        assert "dest=app.tar" in done.stderr


# --- what the clients themselves refuse ---------------------------------------------------------


def test_what_the_client_refuses_ends_with_its_own_words_and_code(modern: Project) -> None:
    done = modern.build("build", "-q", "--iidfile=id.txt", "-o", "out", ".", code=1)
    assert "incompatible with image ID file" in done.stderr
    assert "bom:" not in done.stderr
    done = modern.build("build", "-q", "-o", "type=oci,dest=none/app.tar", ".", code=1)
    assert "no such file or directory" in done.stderr


def test_exporters_that_an_old_engine_lacks_end_with_its_own_words(classic: Project) -> None:
    done = classic.build("build", "-q", "-o", "type=oci,dest=app.tar", ".", code=1)
    assert 'exporter "oci" could not be found' in done.stderr
    assert "bom:" not in done.stderr


def test_without_buildkit_an_old_client_ignores_outputs_and_the_image_is_sealed(
    classic: Project, tag: str
) -> None:
    words = ("build", "-q", "-t", tag, "--target=files", "-o", "out", ".")
    classic.build(*words, output="app.tar", DOCKER_BUILDKIT="0")
    classic.verify("app.tar")
    assert not (classic.root / "out").exists()


def test_without_buildkit_a_new_client_refuses_outputs(modern: Project) -> None:
    words = ("build", "-q", "-o", "out", ".")
    plain = modern.docker(*words, engine={**modern.engine, "DOCKER_BUILDKIT": "0"}, code=125)
    done = modern.build(*words, output="app.tar", code=125, DOCKER_BUILDKIT="0")
    assert plain == done.stdout == ""
    assert not (modern.root / "app.tar").exists()


def test_equal_builds_of_a_file_system_give_equal_boms(modern: Project) -> None:
    (modern.root / ".gitignore").write_text("out\n")
    git(modern.root, "add", ".gitignore")
    git(modern.root, "commit", "-q", "-m", "outputs")
    found = []
    for _ in range(2):
        modern.build("build", "-q", "--target=files", "-o", "out", ".")
        found.append(hashlib.sha256((modern.root / "out/message.txt.bom.cdx.json").read_bytes()))
    assert found[0].digest() == found[1].digest()
