"""Every context and every input that a docker build can be given, on real engines: the command
runs as it stands, and what it was given stands in the facts."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import git
from tests.loopback import folder_served

from bom.builder.images import folder, ignore
from bom.builder.images.folder import LocalContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

ROUTES = ("buildx", "classic on 28", "buildkit in 20.10", "classic on 20.10")
DOCKERFILE = "FROM scratch\nCOPY . /\n"
BOM = (sys.executable, "-m", "bom", "build", "--unsigned", "-o", "../o.tar", "--")
PASSWORD = "hunter2-of-this-test"


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    engine = "modern" if request.param in ("buildx", "classic on 28") else "classic"
    environment: dict[str, str] = request.getfixturevalue(engine)
    if "classic" in request.param:
        environment = {**environment, "DOCKER_BUILDKIT": "0"}
    return request.param, environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.txt").write_text("app\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("src/app.txt")
    (root / "Dockerfile").write_text(DOCKERFILE)
    (root / "sub").mkdir()
    (root / "sub" / "Dev").write_text("FROM scratch\nCOPY src /dev\n")
    (root / ".dockerignore").write_text("run.sh\n")
    return root


class Made:
    """What one build left: its facts, and the files of its image."""

    def __init__(self, sealed: Path, told: str) -> None:
        self.told = told
        with tarfile.open(sealed) as tar:
            bom = tar.extractfile(".bom/bom.cdx.json")
            assert bom is not None
            self.text = bom.read().decode()
            manifest = tar.extractfile("manifest.json")
            assert manifest is not None
            self.files: set[str] = set()
            for layer in json.load(manifest)[0]["Layers"]:
                content = tar.extractfile(layer)
                assert content is not None
                with tarfile.open(fileobj=io.BytesIO(content.read())) as inside:
                    self.files |= {member.name for member in inside if member.isfile()}
        self._bom = json.loads(self.text)
        (self._formula,) = self._bom["formulation"]

    def materials(self) -> dict[tuple[str, str], str]:
        """(kind, name) -> digest, "" without one."""
        found = {}
        for item in self._formula["components"]:
            kinds = [p["value"] for p in item["properties"] if p["name"] == "bom-seal:material"]
            hashes = item.get("hashes", ())
            for kind in kinds:
                found[kind, item["name"]] = hashes[0]["content"] if hashes else ""
        return found

    def settings(self, name: str) -> list[str]:
        return sorted(
            item["value"]
            for flow in self._formula["workflows"]
            for given in flow["inputs"]
            for item in given.get("parameters", ())
            if item["name"] == name
        )

    def gaps(self, what: str) -> list[str]:
        texts = [item["text"] for item in self._bom["annotations"]]
        return [text for text in texts if text.startswith(f"{what}:")]


def build(
    root: Path,
    environment: dict[str, str],
    *words: str,
    stdin: bytes | None = None,
    code: int = 0,
) -> Made:
    """`bom build` of a command line, in a process of its own: with its own standard input."""
    out = root.parent / "o.tar"
    out.unlink(missing_ok=True)
    tag = f"bom-test/inputs:{os.getpid()}"
    command = ["docker", "build", "-q", "-t", tag, *words]
    done = subprocess.run(
        [*BOM, *command],
        cwd=root,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        input=stdin if stdin is not None else b"",
        capture_output=True,
        check=False,
        timeout=300,
    )
    told = done.stderr.decode()
    remove = ["docker", "image", "rm", "-f", tag]
    subprocess.run(remove, env=environment, capture_output=True, check=False)
    assert done.returncode == code, told
    return Made(out, told)


def test_what_came_from_standard_input_is_sealed_verified_and_loaded_again(
    project: Path, route: tuple[str, dict[str, str]]
) -> None:
    _, environment = route
    home = project.parent
    tag = f"bom-test/inputs-sealed:{os.getpid()}"

    def run(*words: str, data: bytes = b"", code: int = 0) -> str:
        done = subprocess.run(
            words, cwd=project, env=environment, input=data, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr.decode()
        return (done.stdout + done.stderr).decode()

    bom = (sys.executable, "-m", "bom")
    run(*bom, "key", "generate", "--out", str(home / "release"))
    key, public, out = home / "release.key", home / "release.pub", home / "app.tar"
    wrapped = (*bom, "build", "-o", str(out), "--key", str(key), "--")
    command = ("docker", "build", "-q", "-t", tag, "-")
    run(*wrapped, *command, data=packed(project))
    run(*bom, "verify", str(out), "--key", str(public))
    run("docker", "image", "rm", "-f", tag)
    assert tag in run("docker", "load", "-i", str(out))
    run("docker", "image", "rm", "-f", tag)
    (project / "copied").write_bytes(key.read_bytes())
    told = run(*wrapped, *command, data=packed(project), code=125)
    assert "lies where this build would pack it" in told


def packed(root: Path) -> bytes:
    return subprocess.run(
        ["tar", "-C", root, "-czf", "-", "."], check=True, capture_output=True
    ).stdout


def hexdigest(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


def whole(place: Path, text: str = "") -> str:
    value, _ = folder.digest(LocalContext(place, ignore.parse(text, "buildkit")))
    return value


def test_a_tar_from_standard_input_counts_whole_and_its_dockerfile_is_found(
    project: Path, route: tuple[str, dict[str, str]]
) -> None:
    _, environment = route
    made = build(project, environment, "-", stdin=packed(project))
    assert made.materials()["context", "-"] == whole(project)
    assert made.materials()["dockerfile", "Dockerfile"] == hexdigest(DOCKERFILE)
    # no builder applies an ignore file that lies in a tar
    assert {"run.sh", ".dockerignore", "src/app.txt"} <= made.files
    made = build(project, environment, "-f", "sub/Dev", "-", stdin=packed(project))
    assert made.materials()["dockerfile", "sub/Dev"]
    assert made.files == {"dev/app.txt"}
    assert made.gaps("dependency.compared")


def test_a_dockerfile_from_standard_input_with_a_context_and_without(
    project: Path, route: tuple[str, dict[str, str]]
) -> None:
    _, environment = route
    text = "FROM scratch\nCOPY src /only\n"
    made = build(project, environment, "-f", "-", ".", stdin=text.encode())
    assert made.materials()["dockerfile", "-"] == hexdigest(text)
    assert made.materials()["context", "."] == whole(project, "run.sh\n")
    assert made.files == {"only/app.txt"}
    assert made.settings("file") == ["-"]
    bare = "FROM scratch\nLABEL a=b\nCOPY . /\n"
    made = build(project, environment, "-", stdin=bare.encode())
    assert made.materials() == {("dockerfile", "-"): hexdigest(bare)}


@contextmanager
def served(project: Path, place: Path) -> Iterator[tuple[str, str]]:
    """The project over HTTP, as a repository, a tar and single files: the URL with a password in
    it, and the commit."""
    work = place / "work"
    shutil.copytree(project, work, symlinks=True)
    git(work, "init", "-q")
    git(work, "checkout", "-q", "-b", "main")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "x")
    commit = git(work, "rev-parse", "HEAD").strip()
    out = place / "served"
    out.mkdir()
    git(place, "clone", "-q", "--bare", str(work), str(out / "app.git"))
    git(out / "app.git", "update-server-info")
    (out / "app.tar.gz").write_bytes(packed(project))
    (out / "Remote").write_text("FROM scratch\nCOPY src /remote\n")
    (out / "data.txt").write_text("data\n")
    with folder_served(out) as url:
        yield url.replace("http://", f"http://me:{PASSWORD}@").rstrip("/"), commit


def test_a_repository_and_a_url_stand_by_what_buildx_fetched(
    project: Path, tmp_path: Path, modern: dict[str, str]
) -> None:
    with served(project, tmp_path) as (url, commit):
        plain = url.replace(f"me:{PASSWORD}@", "")
        packed_digest = hashlib.sha256((tmp_path / "served" / "app.tar.gz").read_bytes())
        for place, dockerfile, digest in (
            ("app.git#main", "Dockerfile", commit),
            ("app.tar.gz", "sub/Dev", packed_digest.hexdigest()),
        ):
            made = build(project, modern, "-f", dockerfile, f"{url}/{place}")
            assert made.materials()["context", f"{plain}/{place}"] == digest
            text = (project / dockerfile).read_text()
            assert made.materials()["dockerfile", dockerfile] == hexdigest(text)
            assert any(name.endswith("app.txt") for name in made.files)
            assert PASSWORD not in made.text
            assert "xxxxx" not in made.text
            assert not made.gaps("context.digest")
        made = build(project, modern, "-f", f"{url}/Remote", ".")
        text = "FROM scratch\nCOPY src /remote\n"
        assert made.materials()["dockerfile", f"{plain}/Remote"] == hexdigest(text)
        assert made.files == {"remote/app.txt"}
        assert PASSWORD not in made.text
        given = text.encode()
        made = build(project, modern, "-f", "-", f"{url}/app.git", stdin=given)
        assert made.materials()["dockerfile", "-"] == hexdigest(text)
        assert made.materials()["context", f"{plain}/app.git"] == commit


@pytest.mark.parametrize("route", ROUTES[1:], indirect=True)
def test_what_other_builders_fetch_is_a_gap(
    project: Path, tmp_path: Path, route: tuple[str, dict[str, str]]
) -> None:
    name, environment = route
    with served(project, tmp_path) as (url, _):
        plain = url.replace(f"me:{PASSWORD}@", "")
        places = ["app.tar.gz"]
        if name == "classic on 20.10":  # its client clones, with the git at hand
            places.append("app.git#main")
        for place in places:
            made = build(project, environment, f"{url}/{place}")
            assert made.materials()["context", f"{plain}/{place}"] == ""
            assert made.gaps("context.digest")
            assert made.gaps("dockerfile.digest")
            assert PASSWORD not in made.text
        (project / "Dockerfile").write_text(f"FROM scratch\nADD {url}/data.txt /\n")
        made = build(project, environment, ".")
        assert made.materials()["context", f"{plain}/data.txt"] == ""
        assert len(made.gaps("context.digest")) == 1
        assert PASSWORD not in made.text


@pytest.mark.parametrize("route", ["buildx", "classic on 20.10"], indirect=True)
def test_the_dockerfile_beside_its_context_and_links(
    project: Path, route: tuple[str, dict[str, str]]
) -> None:
    name, environment = route
    (project / "Outer").write_text(DOCKERFILE)
    (project / "Outer.dockerignore").write_text("app.txt\n")
    (project / "src" / "more.txt").write_text("more\n")
    (project / "src" / "out").symlink_to("../../elsewhere")
    (project / "alias").symlink_to("src")
    made = build(project, environment, "-f", "Outer", "alias")
    kept = {"more.txt"} if name == "buildx" else {"more.txt", "app.txt"}
    # where the Dockerfile lies elsewhere, the classic client packs it into the context
    assert {path for path in made.files if path.endswith(".txt")} == kept
    rules = "app.txt\n" if name == "buildx" else ""
    assert made.materials()["context", "src"] == whole(project / "src", rules)
    assert bool(made.materials().get(("dockerignore", "Outer.dockerignore"))) == bool(rules)


def test_named_contexts_images_and_downloads_are_all_named(
    project: Path, tmp_path: Path, modern: dict[str, str], need: Need
) -> None:
    base = need.base_image(modern)
    name, _, tag = base.rpartition(":")
    text = f"""# check=skip=all
ARG TAG={tag}.x.y
FROM --platform=$BUILDPLATFORM {name}:${{TAG%%.x*}} AS tools
RUN --mount=type=secret,id=npm,required=true --mount=type=secret,id=maybe \\
    test -s /run/secrets/npm && echo $((1<<FOO))
COPY <<EOF /text
FROM nothing:1
EOF
FROM other AS final
ONBUILD COPY --from=never:1 / /
COPY --from=tools /etc/passwd /p
COPY --from=more / /more
COPY --from=fetched src /fetched
COPY --from=0 /etc/group /g
"""
    (project / "Dockerfile").write_text(text)
    (project / "token").write_text("s3cr3t-of-npm\n")
    with served(project, tmp_path) as (url, commit):
        plain = url.replace(f"me:{PASSWORD}@", "")
        (project / "Dockerfile").write_text(text + f"ADD {url}/data.txt /data\n")
        made = build(
            project,
            {**modern, "MAYBE": "s3cr3t-in-variable", "LEVEL": "s3cr3t-in-variable!"},
            *("--network=host", "--secret", "id=npm,src=token", "--secret", "id=maybe,env=MAYBE"),
            *("--build-arg", "LEVEL", "--build-context", f"other=docker-image://{base}"),
            *("--build-context", "more=src", "--build-context", f"fetched={url}/app.git"),
            ".",
        )
    found = made.materials()
    assert [key for key in found if key[0].endswith("-image")] == [("base-image", base)]
    assert len(found["base-image", base]) == 64
    assert found["context", "more=src"] == whole(project / "src")
    assert found["context", f"fetched={plain}/app.git"] == commit
    assert found["context", f"{plain}/data.txt"] == hexdigest("data\n")
    assert not made.gaps("base-image.digest")
    assert made.settings("secret") == ["maybe", "npm"]
    assert made.settings("secret-mount") == ["id=maybe", "id=npm,required=true"]
    assert made.settings("LEVEL") == ["[redacted]"]
    assert "the secret npm lies in the build context" in made.told
    for secret in ("s3cr3t", PASSWORD, "token", "MAYBE"):
        assert secret not in str(made.materials()) + str(made.settings("command"))


@pytest.mark.parametrize("route", ROUTES, indirect=True)
def test_every_image_is_named_by_every_builder(
    project: Path, route: tuple[str, dict[str, str]], need: Need
) -> None:
    name, environment = route
    base = need.base_image(environment)
    bare, _, tag = base.rpartition(":")
    (project / "Dockerfile").write_text(f"""\
ARG NAME={bare}
ARG TAG
FROM $NAME:${{TAG}} AS one
FROM one AS two
FROM scratch
COPY --from=two /etc/passwd /p
COPY --from={base} /etc/group /g
""")
    made = build(project, environment, "--build-arg", f"TAG={tag}", ".")
    images = {key: value for key, value in made.materials().items() if key[0].endswith("-image")}
    assert list(images) == [("build-image", base)]
    assert bool(images["build-image", base]) == (name == "buildx")
    assert bool(made.gaps("base-image.digest")) == (name != "buildx")


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (("-f", "-", "-"), b"FROM scratch\n", "can't be both"),
        (("-f", "none", "."), b"", "there is no none"),
        (("none",), b"", "is no folder"),
    ],
)
def test_what_cannot_be_built_is_refused_before_it_runs(
    project: Path,
    modern: dict[str, str],
    words: tuple[str, ...],
    stdin: bytes,
    told: str,
) -> None:
    done = subprocess.run(
        [*BOM, "docker", "build", *words],
        cwd=project,
        env=modern,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 125
    assert told in done.stderr.decode()
    assert "hint: " in done.stderr.decode()


def test_a_damaged_tar_is_the_builders_to_refuse(project: Path, modern: dict[str, str]) -> None:
    done = subprocess.run(
        [*BOM, "docker", "build", "-q", "-"],
        cwd=project,
        env=modern,
        input=packed(project)[:-40],
        capture_output=True,
        check=False,
    )
    assert done.returncode not in (0, 125)
    assert b"Traceback" not in done.stderr
    assert not (project.parent / "o.tar").exists()
