"""What a docker build will leave, by its command line."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from bom.builder.docker import command as commands
from bom.builder.docker.results import results, without_build
from bom.builder.images.results import (
    ArchiveFile,
    EngineImage,
    Nothing,
    Pushed,
    Result,
    RootFsFolder,
    RootFsTar,
    of_outputs,
)
from bom.errors import BomError

HERE = Path("/project")


def leaves(options: str, cwd: Path = HERE) -> tuple[Result, ...]:
    parsed = commands.parse(shlex.split(f"docker buildx build {options} ."))
    return results(parsed, "buildx", cwd)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [EngineImage()]),
        ("--load", [EngineImage()]),
        ("-o type=docker", [EngineImage()]),
        ("-o type=image,name=x", [EngineImage()]),
        ("-o type=docker --load", [EngineImage()]),
        ("-o type=docker,dest=a.tar", [ArchiveFile(HERE / "a.tar", "docker")]),
        ("-o type=oci,dest=../a.tar", [ArchiveFile(HERE / "../a.tar", "oci")]),
        ("-o type=oci,tar=true,dest=/b/a.tar", [ArchiveFile(Path("/b/a.tar"), "oci")]),
        ("-o type=tar,dest=a.tar", [RootFsTar(HERE / "a.tar")]),
        ("-o type=local,dest=out", [RootFsFolder(HERE / "out")]),
        ("-o out", [RootFsFolder(HERE / "out")]),
        ("-o a=b", [RootFsFolder(HERE / "a=b")]),
        ("-o out -o out", [RootFsFolder(HERE / "out")]),
        ("-o type=cacheonly -o type=docker", [EngineImage()]),
        ("-o type=tar,dest=a.tar --load", [RootFsTar(HERE / "a.tar"), EngineImage()]),
        (
            "-o type=oci,dest=a.tar -o out -o type=image",
            [ArchiveFile(HERE / "a.tar", "oci"), RootFsFolder(HERE / "out"), EngineImage()],
        ),
        # as buildx 0.29 does: it takes the archive for what --load asks for
        ("-o type=docker,dest=a.tar --load", [ArchiveFile(HERE / "a.tar", "docker")]),
    ],
)
def test_every_output_is_a_result(options: str, expected: list[Result]) -> None:
    assert list(leaves(options)) == expected


def test_the_cache_alone_is_nothing_to_seal_but_a_build() -> None:
    (nothing,) = leaves("-o type=cacheonly")
    assert isinstance(nothing, Nothing)
    assert nothing.is_build


def test_a_push_is_a_result_beside_the_outputs() -> None:
    outputs = [{"type": "oci", "dest": "a.tar"}]
    archive = ArchiveFile(HERE / "a.tar", "oci")
    assert of_outputs(outputs, HERE, push=True) == (archive, Pushed())
    assert of_outputs([{"type": "image"}], HERE, push=True) == (Pushed(),)
    assert of_outputs([{"type": "image", "push": "true"}], HERE) == (Pushed(),)
    assert of_outputs([{"type": "registry"}], HERE) == (Pushed(),)


@pytest.mark.parametrize(
    "options",
    [
        "-o -",
        "-o type=tar",
        "-o type=oci",
        "-o type=docker,dest=-",
        "-o type=oci,tar=false,dest=out",
        "-o type=docker,tar=0,dest=out",
        "-o type=local",
        "-o type=local,dest=-",
        "-o type=erofs,dest=x",
        "-o ''",
        "-o type=docker,context=other",
    ],
)
def test_what_cannot_carry_a_seal_is_refused_with_a_hint(options: str) -> None:
    with pytest.raises(BomError) as caught:
        leaves(options)
    assert caught.value.hint


def test_a_pipe_that_has_a_name_is_no_file_to_seal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BomError, match="can't be sealed"):
        leaves("-o type=oci,dest=pipe", tmp_path)


def test_a_link_stands_for_the_file_that_the_build_writes(tmp_path: Path) -> None:
    (tmp_path / "link.tar").symlink_to("app.tar")
    assert leaves("-o type=oci,dest=link.tar", tmp_path) == (
        ArchiveFile(tmp_path.resolve() / "app.tar", "oci"),
    )


def test_without_buildkit_outputs_are_ignored_as_the_client_ignores_them() -> None:
    parsed = commands.parse(("docker", "build", "-o", "out", "."))
    assert results(parsed, "classic", HERE) == (EngineImage(),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("docker buildx build --check .", "checks the Dockerfile"),
        ("docker build --call=check,format=json .", "checks the Dockerfile"),
        ("docker build --call=outline .", "(outline)"),
        ("docker buildx build --print targets .", "(targets)"),
        ("docker build --help", "help text"),
        ("docker build -h --push", "help text"),
        ("docker --help build", "help text"),
        ("docker -v build", "version"),
    ],
)
def test_a_command_that_builds_nothing_is_known(line: str, reason: str) -> None:
    nothing = without_build(commands.parse(shlex.split(line)))
    assert nothing is not None
    assert reason in nothing.reason
    assert not nothing.is_build


@pytest.mark.parametrize("options", ["", "--check=false", "--call build", "--call=", "--print="])
def test_a_build_is_a_build(options: str) -> None:
    assert without_build(commands.parse(shlex.split(f"docker build {options} ."))) is None
