"""What .dockerignore leaves of a context is what the builders themselves leave of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from bom.builder.images import folder, ignore
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.images.ignore import Matcher, Walk

FILES = (
    "Dockerfile",
    "README.md",
    "a.txt",
    "b.pyc",
    "secret.key",
    "src/app.py",
    "src/app.pyc",
    "src/deep/er/app.pyc",
    "src/deep/er/keep.md",
    "src/deep/README.md",
    "docs/README.md",
    "docs/index.md",
    "docs/[x].md",
    "build/out.o",
    "build/keep/me.o",
    "weird name/a b.txt",
    "x+y(z).txt",
    "lib/foo",
    "lib/bar/foo",
    "lib/foobar",
    "lib/xfoo",
    "lib/foo.d/foo/x/y.md",
)
TAG = "bom-docker/ignore:1"
RULES = {
    "nothing": "",
    "a comment and blank lines": "# *.md\n\n  \n #a.txt\n",
    "a file": "a.txt\n",
    "a folder with a slash": "build/\n",
    "an absolute path": "/src\n",
    "one star stays in its folder": "*.md\n",
    "two stars go everywhere": "**/*.pyc\n",
    "two stars without a wildcard": "**/foo\n",
    "two stars glued to a name": "**foo\n",
    "two stars at the end": "build/**\n",
    "two stars in the middle": "src/**/app.pyc\n",
    "all but one": "*\n!src\n",
    "all but one deep file": "*\n!src/deep/er/keep.md\n",
    "all but a pattern everywhere": "*\n!**/README.md\n",
    "exceptions and exceptions to them": "*.md\n!README.md\ndocs\n!docs/index.md\n",
    "the order counts": "!docs/index.md\ndocs\n",
    "an exception with a trailing glob": "build\n!build/keep/*\n",
    "an exception with two trailing stars": "build\n!build/keep/**\n",
    "a question mark": "?.txt\n",
    "a class": "[ab].*\n",
    "an escaped bracket": "docs/\\[x].md\n",
    "letters that mean something elsewhere": "x+y(z).txt\n",
    "spaces around": "   a.txt  \n",
    "spaces inside": "weird name\n",
    "dots in the path": "./src/../docs/./index.md\n",
    "everything": "**\n",
    "everything but": "**\n!lib/bar\n",
    "a byte order mark": "\ufeffa.txt\n",
    "a folder by a star": "*/deep\n",
    "two levels": "*/*/README.md\n",
    "an exception below an ignored star": "src/*\n!src/deep\nsrc/deep/er\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (root / "empty").mkdir()
    (root / "link").symlink_to("src/app.py")
    return root


def seen_by_us(project: Path, walk: Walk, matcher: Matcher = "current") -> set[str]:
    """The paths that are no folders, and those folders that are empty."""
    text = (project / ".dockerignore").read_bytes().decode()
    found = folder.LocalContext(project, ignore.parse(text, walk, matcher))
    unread: list[str] = []
    paths = {path for path, entry in folder.entries(found, unread)}
    assert unread == []
    return {path for path in paths if not (project / path).is_dir() or path == "empty"}


def seen_by(builder: dict[str, str], project: Path, tag: str) -> set[str]:
    subprocess.run(
        ["docker", "build", "-q", "-t", tag, "."],
        cwd=project,
        env=builder,
        check=True,
        capture_output=True,
    )
    done = subprocess.run(["docker", "save", tag], env=builder, check=False, capture_output=True)
    if b"empty export" in done.stderr:  # 20.10 can't save an image without layers
        return set()
    assert done.returncode == 0, done.stderr
    saved = done.stdout
    paths: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"] or ():
            layer = archive.extractfile(name)
            assert layer is not None
            with tarfile.open(fileobj=layer) as content:
                paths |= {
                    member.name.strip("/")
                    for member in content
                    if not member.isdir() or member.name.strip("/") == "empty"
                }
    return paths


@pytest.mark.e2e
@pytest.mark.parametrize("name", RULES)
def test_buildkit_sees_what_we_say_it_sees(
    name: str, project: Path, modern: dict[str, str]
) -> None:
    (project / ".dockerignore").write_text(RULES[name], encoding="utf-8")
    assert seen_by_us(project, "buildkit") == seen_by(modern, project, TAG)


@pytest.mark.e2e
@pytest.mark.parametrize("name", RULES)
def test_the_classic_builder_sees_what_we_say_it_sees(
    name: str, project: Path, classic: dict[str, str]
) -> None:
    (project / ".dockerignore").write_text(RULES[name], encoding="utf-8")
    environment = {**classic, "DOCKER_BUILDKIT": "0"}
    assert seen_by_us(project, "classic", "20.10") == seen_by(environment, project, TAG)


@pytest.mark.e2e
@pytest.mark.parametrize("name", RULES)
def test_the_old_clients_buildkit_sees_what_we_say_it_sees(
    name: str, project: Path, classic: dict[str, str]
) -> None:
    (project / ".dockerignore").write_text(RULES[name], encoding="utf-8")
    environment = {**classic, "DOCKER_BUILDKIT": "1"}
    assert seen_by_us(project, "classic", "20.10") == seen_by(environment, project, TAG)


@pytest.mark.e2e
@pytest.mark.parametrize("name", RULES)
def test_the_new_clients_classic_builder_sees_what_we_say_it_sees(
    name: str, project: Path, modern: dict[str, str]
) -> None:
    (project / ".dockerignore").write_text(RULES[name], encoding="utf-8")
    environment = {**modern, "DOCKER_BUILDKIT": "0"}
    assert seen_by_us(project, "classic") == seen_by(environment, project, TAG)


def test_a_path_is_judged_alone_as_it_is_in_the_walk(project: Path) -> None:
    walks: tuple[Walk, ...] = ("buildkit", "classic")
    for walk in walks:
        for text in RULES.values():
            (project / ".dockerignore").write_text(text, encoding="utf-8")
            rules = ignore.parse(text, walk)
            walked = seen_by_us(project, walk)
            for name in FILES:
                assert rules.ignores(name) == (name not in walked), (walk, text, name)


def test_a_pattern_that_docker_refuses_is_refused() -> None:
    for text in ("!\n", "[a\n", "[]\n"):
        with pytest.raises(BomError):
            ignore.parse(text, "buildkit")


def test_names_that_are_no_utf8_are_judged(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    found = folder.LocalContext(tmp_path, ignore.parse("*.txt\n", "buildkit"))
    assert list(folder.entries(found, [])) == []
