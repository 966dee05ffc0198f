"""Where the results of one docker build go, what is added to the command to learn of them, and
whether they are what the build reported."""

from __future__ import annotations

import importlib
import shlex
from typing import TYPE_CHECKING

import pytest

from bom.builder.docker import command as commands
from bom.builder.docker.added import Added
from bom.builder.docker.results import results
from bom.builder.images import written
from bom.builder.images.collect import NEEDS
from bom.builder.images.exported import catalogued
from bom.builder.images.outcome import Outcome
from bom.builder.images.provenance import Reported
from bom.builder.images.results import ArchiveFile, EngineImage, Result, RootFsFolder, RootFsTar
from bom.builder.protocol import BuildRequest, Silent
from bom.config import Config
from bom.errors import BomError
from bom.model import ImageIdentity

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.docker.client import Route

A, B = (f"sha256:{letter * 64}" for letter in "ab")


def request(folder: Path, output: str = "", artifacts: tuple[str, ...] = ()) -> BuildRequest:
    place = folder / output if output else None
    return BuildRequest(("docker",), folder, folder, {}, Config(), place, artifacts)


def files(folder: Path, wanted: list[Result], output: str = "", tag: str = "a/b:1") -> list[str]:
    tags = [tag] if tag else []
    found = Outcome(wanted, request(folder, output), tags).files
    return [path.relative_to(folder).as_posix() for path in found]


def test_what_the_build_writes_is_sealed_where_it_is(tmp_path: Path) -> None:
    wanted: list[Result] = [ArchiveFile(tmp_path / "a.tar", "oci"), RootFsTar(tmp_path / "b.tar")]
    assert files(tmp_path, wanted) == ["a.tar", "b.tar"]


def test_one_output_goes_to_the_file_that_is_named_and_several_into_a_folder(
    tmp_path: Path,
) -> None:
    archive, tar = ArchiveFile(tmp_path / "a.tar", "oci"), RootFsTar(tmp_path / "b.tar")
    assert files(tmp_path, [archive], "x.tar") == ["x.tar", "a.tar"]
    (tmp_path / "release").mkdir()
    assert files(tmp_path, [archive, tar], "release") == [
        *("release/a.tar", "release/b.tar"),
        *("a.tar", "b.tar"),
    ]
    with pytest.raises(BomError, match=r"this build has 2 outputs, and x\.tar is no folder"):
        files(tmp_path, [archive, tar], "x.tar")
    with pytest.raises(BomError, match="can't be written there"):
        files(tmp_path, [archive], "none/x.tar")


def test_an_image_in_the_engine_needs_a_file_and_takes_it_alone(tmp_path: Path) -> None:
    archive = ArchiveFile(tmp_path / "a.tar", "oci")
    assert files(tmp_path, [EngineImage(), archive], "x.tar") == ["x.tar", "a.tar"]
    (tmp_path / "release").mkdir()
    assert files(tmp_path, [EngineImage()], "release") == ["release/a_b_1.tar"]
    assert files(tmp_path, [EngineImage()], "release", tag="") == ["release/image.tar"]
    with pytest.raises(BomError, match="needs a file"):
        files(tmp_path, [EngineImage(), archive])


def test_two_results_never_go_to_one_file(tmp_path: Path) -> None:
    archive, tar = ArchiveFile(tmp_path / "a.tar", "oci"), RootFsTar(tmp_path / "a.tar")
    cases: list[tuple[list[Result], str]] = [
        ([archive, tar], ""),
        ([EngineImage(), archive], "a.tar"),
    ]
    for wanted, output in cases:
        with pytest.raises(BomError, match=r"would go to a\.tar"):
            files(tmp_path, wanted, output)


def test_an_image_without_a_tag_beside_another_output_is_refused_before_the_build(
    tmp_path: Path,
) -> None:
    archive = ArchiveFile(tmp_path / "a.tar", "oci")
    with pytest.raises(BomError, match="has no tag"):
        files(tmp_path, [EngineImage(), archive], "x.tar", tag="")


# --- what is added ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "route", "expected"),
    [
        ("", "buildx", ["--iidfile", "--metadata-file"]),
        ("-o type=oci,dest=a.tar", "buildx", ["--iidfile", "--metadata-file"]),
        ("-o out", "buildx", ["--metadata-file"]),
        ("-o type=tar,dest=a.tar -o type=docker", "buildx", ["--metadata-file"]),
        ("-o out --iidfile x", "buildx", ["--metadata-file"]),
        ("--iidfile x --metadata-file y", "buildx", []),
        ("", "buildkit", ["--iidfile"]),
        ("-o out", "buildkit", []),
        ("-o type=tar,dest=a.tar", "buildkit", []),
        ("", "classic", ["--iidfile"]),
        ("-o out", "classic", ["--iidfile"]),
    ],
)
def test_only_what_the_output_goes_with_is_added(
    options: str, route: Route, expected: list[str], tmp_path: Path
) -> None:
    parsed = commands.parse(shlex.split(f"docker build {options} ."))
    wanted = results(parsed, route, tmp_path)
    added = Added.to(parsed, route, wanted, (tmp_path, tmp_path))
    assert [word for word in added.options if word.startswith("--")] == expected


def test_the_users_own_stream_is_not_read(tmp_path: Path) -> None:
    line = "docker build --iidfile /dev/stdout --metadata-file /dev/fd/3 ."
    parsed = commands.parse(shlex.split(line))
    added = Added.to(parsed, "buildx", (EngineImage(),), (tmp_path, tmp_path))
    assert (added.options, added.id_file, added.metadata_file) == ((), None, None)
    with pytest.raises(BomError, match="did not say which image it made"):
        added.reported((EngineImage(),))


def test_a_build_without_an_image_need_not_report_one(tmp_path: Path) -> None:
    parsed = commands.parse(("docker", "build", "-o", "out", "."))
    wanted = (RootFsFolder(tmp_path / "out"),)
    added = Added.to(parsed, "buildkit", wanted, (tmp_path, tmp_path))
    assert added.reported(wanted) == Reported()


# --- what was written ---------------------------------------------------------------------------


def identity(**digests: str) -> ImageIdentity:
    return ImageIdentity(**digests)  # type: ignore[arg-type]


def test_an_archive_has_to_hold_the_image_that_was_reported() -> None:
    written.check([identity(config=A, manifest=B)], "a.tar", Reported(config=A))
    written.check([identity(config=A, manifest=B)], "a.tar", Reported(digest=B))
    written.check([identity(config=A, index=B)], "a.tar", Reported(digest=B))
    for wrong in (Reported(config=B), Reported(digest=f"sha256:{'c' * 64}"), Reported()):
        with pytest.raises(BomError, match=r"a\.tar holds another image"):
            written.check([identity(config=A, manifest=B)], "a.tar", wrong)


def test_of_several_platforms_the_index_has_to_be_the_one_that_was_reported() -> None:
    both = [identity(config=A, index=B), identity(config=B, index=B)]
    written.check(both, "a.tar", Reported(digest=B))
    with pytest.raises(BomError, match="another image"):
        written.check(both, "a.tar", Reported(digest=A))
    with pytest.raises(BomError, match="another image"):
        written.check(both, "a.tar", Reported(config=A))


@pytest.mark.parametrize("content", [None, b"", b"no tar at all\n" * 100, b"\0" * 10240])
def test_a_file_that_is_no_archive_is_an_error_in_words(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.tar"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BomError) as caught:
        written.archive(path, catalogued, Silent())
    assert caught.value.hint
    if content is None or content.startswith(b"no"):
        with pytest.raises(BomError) as caught:
            written.file_system(path, path, request(tmp_path), Silent())
        assert caught.value.hint


def test_a_folder_that_is_not_there_yet_is_watched(tmp_path: Path) -> None:
    folder = written.Folder.watch(tmp_path / "out", request(tmp_path))
    with pytest.raises(BomError, match="wrote no file into out"):
        folder.collect(Silent())
    (tmp_path / "out" / "node_modules").mkdir(parents=True)
    (tmp_path / "out" / "node_modules" / "a[1].js").write_text("1\n")
    (tmp_path / "out" / "link").symlink_to("node_modules")
    (made,) = folder.collect(Silent()).artifacts
    assert (made.built.name, made.target) == ("a[1].js", made.built)


def test_files_that_were_there_before_are_none_of_the_builds(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old\n")
    folder = written.Folder.watch(tmp_path, request(tmp_path))
    (tmp_path / "new.txt").write_text("new\n")
    (made,) = folder.collect(Silent()).artifacts
    assert made.built.name == "new.txt"


def test_what_is_loaded_while_a_build_runs_is_there_to_be_loaded() -> None:
    for name in NEEDS:
        assert importlib.import_module(name)
