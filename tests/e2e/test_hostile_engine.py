"""An engine that lies: a clear error, nothing half, the sealed file of before as it was."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.e2e.between import Answer, Between, answer, chunk, chunked, open_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.between import Lie
    from tests.e2e.builds import Bom

pytestmark = pytest.mark.e2e

NAME = "bom-test/hostile-engine"
TAG = f"{NAME}:good1"
EXPORT = r"/images/get\?"
IMAGE = r"/images/[^?]+/json"


@pytest.fixture(scope="module")
def engine(need: Need) -> Iterator[dict[str, str]]:
    found = need.engine("modern")
    yield found
    names = subprocess.run(
        ["docker", "image", "ls", "-q", NAME], env=found, check=True, capture_output=True, text=True
    ).stdout.split()
    subprocess.run(["docker", "image", "rm", "--force", *names], env=found, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "content").write_bytes(random.Random(1).randbytes(400_000))
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY content /\n")
    (tmp_path / "temporary").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "app.tar").write_bytes(b"the sealed file of before")
    return folder


def refused(bom: Bom, engine: dict[str, str], project: Path, lies: dict[str, Lie]) -> list[str]:
    """The error and the hint of a build on the engine with these lies, which must leave nothing."""
    root = project.parent
    command = ("docker", "build", "-q", "-t", TAG, ".")
    with Between(root / "s", engine["DOCKER_HOST"], lies) as between:
        wrapped = bom.on({**engine, "DOCKER_HOST": between.host})
        done = wrapped(
            *("build", "--unsigned", "-o", root / "out" / "app.tar", "--", *command),
            cwd=project,
            code=None,
            more={"TMPDIR": str(root / "temporary")},
        )
        assert between.asked
    assert done.returncode == 125, done.stderr
    assert [path.name for path in (root / "out").iterdir()] == ["app.tar"]
    assert (root / "out" / "app.tar").read_bytes() == b"the sealed file of before"
    assert list((root / "temporary").iterdir()) == []
    assert not set(done.stderr) & {"\x1b", "\r", "\x07"}
    return [line for line in done.stderr.splitlines() if line.startswith(("error:", "hint:"))]


# --- the export ----------------------------------------------------------------------------------


def flipped(real: Callable[[str], Answer]) -> Iterable[bytes]:
    body = bytearray(real("").body)
    body[len(body) // 2] ^= 1  # in the middle of the only layer
    yield answer(bytes(body))


def cut(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield open_ended() + real("").body[:70_000]


def broken_off(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield chunked() + chunk(real("").body[:70_000])


def no_chunks(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield chunked() + b"zz\r\nnonsense"


def nothing(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield answer(b"")


def no_answer(real: Callable[[str], Answer]) -> Iterable[bytes]:
    return ()


def no_archive(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield answer(b"<html>" + b"sorry " * 1000)


def told_no(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield answer(b'{"message": "no \\u001b[31mspace\\r\\n left"}', "500 Internal Server Error")


def endless(head: Callable[[Callable[[str], Answer]], bytes], piece: bytes) -> Lie:
    def lie(real: Callable[[str], Answer]) -> Iterable[bytes]:
        yield head(real)
        while True:
            yield piece

    return lie


UNREADABLE = "error: what was exported as bom-test/hostile-engine:good1 can't be read: "
BROKEN_OFF = "error: the engine broke off the export of bom-test/hostile-engine:good1"
EXPORTS: dict[str, tuple[Lie, str]] = {
    "flipped": (flipped, UNREADABLE),
    "cut": (cut, UNREADABLE + "the tar archive ends early, after 70000 bytes"),
    "broken off": (broken_off, BROKEN_OFF),
    "no chunks": (no_chunks, BROKEN_OFF),
    "nothing": (nothing, UNREADABLE + "the archive holds neither"),
    "no answer": (no_answer, BROKEN_OFF),
    "no archive": (no_archive, UNREADABLE + "the tar header at byte 0"),
    "no": (told_no, r"error: the engine refuses: no \x1b[31mspace\x0d\x0a left"),
    "zeros without end": (
        endless(lambda real: open_ended() + real("").body, bytes(1 << 16)),
        UNREADABLE + "the archive does not end where it says",
    ),
    "nonsense without end": (
        endless(lambda real: open_ended() + real("").body, b"A" * (1 << 16)),
        UNREADABLE + "the archive does not end where it says",
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_is_no_export_of_the_image_is_refused(
    bom: Bom, engine: dict[str, str], project: Path, name: str
) -> None:
    lie, said = EXPORTS[name]
    error, hint = refused(bom, engine, project, {EXPORT: lie})
    assert error.startswith(said)
    assert hint


def test_another_image_in_the_export_is_refused_whatever_it_is_called(
    bom: Bom, engine: dict[str, str], project: Path
) -> None:
    other = project.parent / "other"
    other.mkdir()
    (other / "Dockerfile").write_text("FROM scratch\nLABEL evil=yes\nCOPY Dockerfile /\n")
    subprocess.run(
        ["docker", "build", "-q", "-t", f"{NAME}:evil1", other],
        env=engine,
        check=True,
        capture_output=True,
    )

    def swapped(real: Callable[[str], Answer]) -> Iterable[bytes]:
        body = real(f"/images/get?names={NAME}:evil1").body
        yield answer(body.replace(b"evil1", b"good1"))

    error, hint = refused(bom, engine, project, {EXPORT: swapped})
    assert error == (
        f"error: the tag {TAG} moved while the build ran: it names another image than this one made"
    )
    assert hint == "hint: build again, and let nothing else use the tag meanwhile"


# --- what it says of the image -------------------------------------------------------------------


def says(body: bytes, status: str = "200 OK") -> Lie:
    return lambda real: [answer(body, status)]


NO_ANSWER = "error: the engine gives no answer that can be read to /images/"
DESCRIPTIONS: dict[str, tuple[Lie, str]] = {
    "no JSON": (says(b"<html>"), NO_ANSWER),
    "nothing": (says(b""), NO_ANSWER),
    "no object": (says(b"[1]"), "error: the engine's answer to /images/"),
    "nested without end": (says(b"[" * 2_000_000), NO_ANSWER),
    "long without end": (
        endless(lambda real: open_ended("application/json"), b"[" * 65536),
        NO_ANSWER,
    ),
    "no such image": (says(b"{}", "404 Not Found"), "error: the engine holds no image"),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_of_the_image_that_is_none_is_refused(
    bom: Bom, engine: dict[str, str], project: Path, name: str
) -> None:
    lie, said = DESCRIPTIONS[name]
    error, hint = refused(bom, engine, project, {IMAGE: lie})
    assert error.startswith(said)
    assert hint


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"ApiVersion": 7}'])
def test_an_engine_that_does_not_say_what_it_is_builds_nothing(
    bom: Bom, engine: dict[str, str], project: Path, body: bytes
) -> None:
    (project / "Dockerfile").write_text("FROM scratch\nCOPY none /\n")  # would end with 1
    error, hint = refused(bom, engine, project, {r"/version$": says(body)})
    assert error.startswith("error: no Docker engine answers at ")
    assert hint
