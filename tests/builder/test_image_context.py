"""The build context's digest, and what counts as part of it."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bom.builder.docker import command as commands
from bom.builder.docker.build import dialect, given
from bom.builder.docker.client import Client
from bom.builder.images import context
from bom.errors import BomError
from bom.model import Material

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.builder.images.context import BuildInputs

BUILDX = Client(Path("docker"), "28.0.0", "buildx")
CLASSIC = replace(BUILDX, route="classic")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (root / "src" / "app.py").write_text("print()\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("src/app.py")
    return root


def read(root: Path, *words: str, client: Client = BUILDX, output: str = "app.tar") -> BuildInputs:
    command = commands.parse(("docker", "build", *(words or (".",))))
    return context.read(
        given(command), dialect(client), cwd=root, root=root, outputs=(root / output,)
    )


def digest(root: Path, *words: str, client: Client = BUILDX, output: str = "app.tar") -> str:
    inputs = read(root, *words, client=client, output=output)
    return next(
        fact.digests[0].value
        for fact in inputs.observations
        if isinstance(fact, Material) and fact.kind == "context"
    )


def names(inputs: BuildInputs) -> list[tuple[str, str]]:
    return [(fact.kind, fact.name) for fact in inputs.observations if isinstance(fact, Material)]


def test_another_copy_with_other_times_and_group_bits_has_the_same_digest(
    project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(project, other, symlinks=True)
    for path in other.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o077)
    assert digest(other) == digest(project)


def test_every_change_that_a_builder_can_see_changes_the_digest(project: Path) -> None:
    seen = {digest(project)}
    changes: list[Callable[[], object]] = [
        lambda: (project / "src" / "app.py").write_text("print(1)\n"),
        lambda: (project / "run.sh").chmod(0o644),
        lambda: (project / "link").unlink(),
        lambda: (project / "link").symlink_to("src"),
        lambda: (project / "empty").rmdir(),
        lambda: (project / "src" / "app.py").rename(project / "src" / "main.py"),
        lambda: (project / "new\nline").write_text(""),
    ]
    for number, change in enumerate(changes, start=2):
        change()
        seen.add(digest(project))
        assert len(seen) == number


def test_what_the_ignore_file_names_does_not_count(project: Path) -> None:
    (project / ".dockerignore").write_text(".dockerignore\nsecret\n")
    before = digest(project)
    (project / "secret").write_text("x")
    assert digest(project) == before
    assert ("dockerignore", ".dockerignore") in names(read(project))
    assert not read(project).holds(project / "secret")
    assert read(project).holds(project / "src" / "app.py")
    assert not read(project).holds(project.parent / "other")


def test_what_bom_writes_does_not_count(project: Path) -> None:
    before = digest(project)
    for name in ("app.tar", "app.tar.sigstore.jsonl", "app.tar.bom.cdx.json", ".bom-tmp-app.tar.1"):
        (project / name).write_text("x")
    assert digest(project) == before
    assert digest(project, output="other.tar") != before


def test_the_dockerfiles_own_ignore_file_comes_first_for_buildkit_alone(project: Path) -> None:
    (project / "docker").mkdir()
    (project / "docker" / "Dev").write_text("FROM scratch\n")
    (project / "docker" / "Dev.dockerignore").write_text("src\n")
    (project / ".dockerignore").write_text("empty\n")
    words = ("-f", "docker/Dev", ".")
    assert names(read(project, *words))[:2] == [
        ("dockerignore", "docker/Dev.dockerignore"),
        ("dockerfile", "docker/Dev"),
    ]
    assert names(read(project, *words, client=CLASSIC))[0] == ("dockerignore", ".dockerignore")
    assert digest(project, *words) != digest(project, *words, client=CLASSIC)


def test_the_dockerfile_is_looked_for_in_the_context_and_f_counts_from_here(project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "dockerfile").write_text("FROM scratch\n")
    assert ("dockerfile", "sub/dockerfile") in names(read(project, "sub"))
    assert ("dockerfile", "Dockerfile") in names(read(project, "-f", "Dockerfile", "sub"))
    for words in (("empty",), ("-f", "None", "."), ("none",)):
        with pytest.raises(BomError) as caught:
            read(project, *words)
        assert caught.value.hint


def test_a_context_outside_the_project_stands_by_its_base_name(
    project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    found = names(read(project, "-f", "Dockerfile", str(other)))
    assert ("context", "other") in found


def test_what_is_remote_is_left_to_the_builders_provenance(project: Path) -> None:
    url = "https://me:secret@host.example/a.git#main"
    inputs = read(project, url)
    assert [item.name for item in inputs.remotes] == ["https://host.example/a.git#main"]
    assert (inputs.dockerfile, inputs.builders_dockerfile) == (None, "Dockerfile")
    assert inputs.observations == ()
    inputs = read(project, "-f", "sub/Dev", url)
    assert inputs.builders_dockerfile == "sub/Dev"
    inputs = read(project, "-f", "https://me:secret@host.example/Dockerfile", ".")
    assert inputs.dockerfile is None
    assert inputs.builders_dockerfile == "https://host.example/Dockerfile"


def test_a_folder_that_is_called_like_a_repository_is_a_folder(project: Path) -> None:
    (project / "app.git").mkdir()
    (project / "app.git" / "Dockerfile").write_text("FROM scratch\n")
    assert ("context", "app.git") in names(read(project, "app.git"))


def test_further_contexts_count_too(project: Path) -> None:
    inputs = read(
        project,
        *("--build-context", "more=src", "--build-context", "r=https://x.example/"),
        *("--build-context", "alpine=docker-image://mine:1"),
        *("--build-context", "lay=oci-layout://src", "."),
    )
    assert ("context", "more=src") in names(inputs)
    assert [item.name for item in inputs.remotes] == ["r=https://x.example/"]
    assert inputs.named == {"more": "", "r": "", "alpine": "mine:1", "lay": "lay"}


def test_links_in_the_context_are_told_by_where_they_lead_and_not_followed(
    project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    (project / "out").symlink_to("../outside")
    before = digest(project)
    (outside / "file").write_text("y")
    assert digest(project) == before
    assert not read(project).holds(outside / "file")
    (tmp_path / "link").symlink_to(project)
    words = (str(tmp_path / "link"),)
    assert digest(project, *words) == before
    (project / "Dev").symlink_to("Dockerfile")
    assert ("dockerfile", "Dockerfile") in names(read(project, "-f", "Dev", "."))


def test_sockets_are_not_sent_and_pipes_are_not_read(project: Path) -> None:
    before = digest(project)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(project / "socket"))
        assert digest(project) == before
    os.mkfifo(project / "pipe")
    assert digest(project) != before


def test_a_huge_dockerfile_is_refused(project: Path) -> None:
    with (project / "Dockerfile").open("ab") as stream:
        stream.truncate(1 << 32)
    with pytest.raises(BomError, match="more than"):
        read(project)


def test_a_very_deep_tree_is_walked(project: Path) -> None:
    folder_fd = os.open(project, os.O_RDONLY)
    try:
        for _ in range(400):
            os.mkdir("d", dir_fd=folder_fd)
            deeper = os.open("d", os.O_RDONLY, dir_fd=folder_fd)
            os.close(folder_fd)
            folder_fd = deeper
    finally:
        os.close(folder_fd)
    assert len(digest(project)) == 64
