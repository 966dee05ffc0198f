"""Images that a command makes its own way (`--image REF`): sealed only where it made them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import ENGINES, Bom, git

from bom.builder import builder_for
from bom.builder.indirect import prepare
from bom.builder.protocol import BuildRequest
from bom.config import Config
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

ONE, TWO = "bom-test/indirect-one:1", "bom-test/indirect-two:1"
MAKEFILE = f"""\
image:
\tdocker build -q -t {ONE} .
both: image
\tdocker build -q -t {TWO} --build-arg B=2 .
nothing:
\ttrue
failing: image
\tfalse
retag:
\tdocker tag {TWO} {ONE}
"""


# --- decided before the command -----------------------------------------------------------------


def test_images_that_are_named_win_over_what_the_command_is() -> None:
    command = ("docker", "build", ".")
    assert builder_for(command).name == "docker"
    assert builder_for(command, ("app:1",)).name == "indirect"
    assert builder_for(("make",)).name == "files"


def request_for(folder: Path, *images: str, **more: Any) -> BuildRequest:
    return BuildRequest(
        command=("true",),
        cwd=folder,
        root=folder,
        environment={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        config=Config(),
        images=images,
        **more,
    )


@pytest.mark.parametrize(
    "name", ["", " app", "sha256:" + "0" * 64, "app@sha256:" + "0" * 64, "docker://app", "a/", "-x",
             "x" * 500, "a\nb"],
)  # fmt: skip
def test_what_is_no_name_that_could_move_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BomError, match="is no name of an image"):
        prepare(request_for(tmp_path, name, output=tmp_path / "app.tar"))


def test_without_room_for_what_is_sealed_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(BomError, match="needs a file"):
        prepare(request_for(tmp_path, "app"))
    with pytest.raises(BomError, match="is no folder"):
        prepare(request_for(tmp_path, "app:1", "app:2", output=tmp_path / "app.tar"))
    with pytest.raises(BomError, match="exclude each other"):
        prepare(request_for(tmp_path, "app", output=tmp_path / "a.tar", artifacts=("dist/*",)))


def test_no_engine_is_said_before_the_command(tmp_path: Path) -> None:
    bom = Bom(tmp_path / "home", {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    words = ("build", "--unsigned", "-o", "app.tar", "--image", "app", "--", "touch", "ran")
    done = bom(*words, cwd=tmp_path, code=125)
    assert "error: no Docker engine answers" in done.stderr
    assert "hint: " in done.stderr
    assert not (tmp_path / "ran").exists()


# --- on engines ---------------------------------------------------------------------------------


class Project:
    """A project whose makefile builds images, on one engine."""

    def __init__(self, kind: str, engine: dict[str, str], folder: Path) -> None:
        self.kind, self.engine, self.root = kind, engine, folder / "project"
        self.root.mkdir()
        (self.root / "Dockerfile").write_text("FROM scratch\nARG B=1\nLABEL b=$B\nCOPY f /\n")
        (self.root / "f").write_text(f"{folder}\n")  # no image that was there before
        (self.root / "Makefile").write_text(MAKEFILE)
        (self.root / "package-lock.json").write_text(
            '{"name": "p", "lockfileVersion": 3, "packages": {"": {"name": "p"}}}'
        )
        (self.root / ".gitignore").write_text("*.tar*\nout/\n")
        git(self.root, "init", "-q")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "p")
        self._bom = Bom(folder / "home").on(engine)

    def bom(self, *words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self._bom(*words, cwd=self.root, code=code)

    def build(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.bom("build", "--unsigned", *words, code=code)

    def docker(self, *words: str, code: int | None = 0) -> str:
        done = subprocess.run(
            ["docker", *words], env=self.engine, capture_output=True, text=True, check=False
        )
        assert code is None or done.returncode == code, done.stderr
        return done.stdout.strip()

    def document(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bom("show", "--json", path).stdout)
        return found


@pytest.fixture(params=ENGINES)
def project(request: pytest.FixtureRequest, need: Need, tmp_path: Path) -> Iterator[Project]:
    need("make")
    made = Project(request.param, need.engine(request.param), tmp_path)
    yield made
    made.docker("image", "rm", "--force", ONE, TWO, code=None)


def texts(document: dict[str, Any]) -> list[str]:
    return [item["text"] for item in document["annotations"]]


@pytest.mark.e2e
def test_an_image_that_make_builds_is_sealed_cached_or_not(project: Project) -> None:
    words = ("-o", "app.tar", "--image", ONE, "--", "make", "image")
    project.build(*words)
    first = (project.root / "app.tar").read_bytes()
    document = project.document("app.tar")
    gaps = texts(document)
    for what in ("context.digest: the build context", "dockerfile.digest: the Dockerfile"):
        assert any(text.startswith(what) and "isn't seen" in text for text in gaps), gaps
    commit = git(project.root, "rev-parse", "HEAD").strip()
    assert commit in json.dumps(document["metadata"]["component"]["pedigree"])
    identity = project.docker("image", "inspect", "-f", "{{.Id}}", ONE)
    project.build(*words)  # all from the cache: the same image, made again
    assert project.docker("image", "inspect", "-f", "{{.Id}}", ONE) == identity
    assert (project.root / "app.tar").read_bytes() == first
    project.docker("image", "rm", "--force", ONE)
    assert ONE in project.docker("load", "-i", str(project.root / "app.tar"))


@pytest.mark.e2e
def test_an_image_that_lay_there_before_is_not_this_commands(project: Project) -> None:
    words = ("-o", "app.tar", "--image", ONE, "--")
    assert f"no image {ONE}" in project.build(*words, "make", "nothing", code=125).stderr
    project.docker("build", "-q", "-t", ONE, str(project.root))
    done = project.build(*words, "make", "nothing", code=125)
    assert f"error: {ONE} was not made by this command" in done.stderr
    assert "hint: " in done.stderr
    assert not (project.root / "app.tar").exists()
    project.docker("build", "-q", "-t", TWO, "--build-arg", "B=2", str(project.root))
    project.build(*words, "make", "retag")  # moved by the command


@pytest.mark.e2e
def test_several_images_go_into_a_folder_or_none_of_them(project: Project) -> None:
    out = project.root / "out"
    out.mkdir()
    words = ("-o", "out/", "--image", ONE, "--image", TWO, "--", "make")
    done = project.build(*words, "image", code=125)
    assert TWO in done.stderr
    assert list(out.iterdir()) == []
    project.build(*words, "both")
    assert sorted(path.name for path in out.iterdir()) == [
        "bom-test_indirect-one_1.tar",
        "bom-test_indirect-two_1.tar",
    ]


@pytest.mark.e2e
def test_a_command_that_fails_seals_nothing_and_passes_its_code_on(project: Project) -> None:
    done = project.build("-o", "app.tar", "--image", ONE, "--", "make", "failing", code=2)
    assert "error:" not in done.stderr
    assert not (project.root / "app.tar").exists()


@pytest.mark.e2e
def test_a_docker_build_may_be_wrapped_by_its_images_name_too(project: Project) -> None:
    words = ("--image", ONE, "--", "sh", "-c", f"docker build -q -t {ONE} . | cat")
    project.build("-o", "app.tar", *words)
    project.build("-o", "b.tar", "--image", ONE, "--", "docker", "build", "-q", "-t", ONE, ".")
    assert (project.root / "app.tar").is_file()
