"""`bom install` of images on real engines: honest ones, ones that lie, ones that break off."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.e2e.between import Between, answer
from tests.e2e.builds import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.between import Answer, Lie
    from tests.e2e.builds import Bom, Key

pytestmark = pytest.mark.e2e

NAME = "bom-test/install"
OLD = f"{NAME}-old:1"
TAGS = ("1", "2", "mine")
DOCKERFILE = """\
FROM scratch
COPY --chmod=755 one /bin/one
COPY two link /srv/
LABEL made=install-test
CMD ["/bin/one"]
"""


@dataclass(frozen=True)
class Place:
    """A sealed image, and the engine that it was built on, which has forgotten it."""

    kind: str
    engine: dict[str, str]
    bom: Bom
    tar: Path
    key: Path

    def docker(self, *words: str, code: int | None = 0) -> str:
        done = subprocess.run(
            ["docker", *words], env=self.engine, capture_output=True, text=True, check=False
        )
        assert code is None or done.returncode == code, done.stderr
        return done.stdout.strip()

    def install(
        self, *words: str | Path, code: int | None = 0, host: str = ""
    ) -> subprocess.CompletedProcess[str]:
        more = {"DOCKER_HOST": host} if host else {}
        return self.bom(
            *("install", self.tar, "--key", self.key, *words),
            cwd=self.tar.parent,
            code=code,
            more=more,
        )

    def tags(self) -> dict[str, str]:
        """What the tags of this test's images mean. An engine with many images lists them slowly,
        so each is asked for."""
        found = {}
        for tag in TAGS:
            words = ("image", "inspect", "--format", "{{.Id}}", f"{NAME}:{tag}")
            if said := self.docker(*words, code=None):
                found[f"{NAME}:{tag}"] = said
        return found

    def nameless(self) -> list[str]:
        """Images without a name that are this test's."""
        words = ("image", "ls", "-q", "--no-trunc", "--filter", "dangling=true")
        found = self.docker(*words, "--filter", "label=made=install-test").split()
        return sorted(set(found))

    def forget(self) -> None:
        for name in self.tags():
            self.docker("image", "rm", "--force", name)
        for name in self.nameless():
            self.docker("image", "rm", "--force", name, code=None)


@pytest.fixture(scope="module")
def workshop(
    bom: Bom, key: Key, need: Need, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Place]]:
    """One place for each kind of engine, made when it is asked for."""
    places: dict[str, Place] = {}

    def get(kind: str) -> Place:
        if kind not in places:
            engine = need.engine(kind)
            folder = tmp_path_factory.mktemp(f"install-{kind}")
            places[kind] = Place(kind, engine, bom.on(engine), folder / "app.tar", key.public)
            sealed(places[kind], key)
        return places[kind]

    yield get
    for place in places.values():
        place.docker("image", "rm", "--force", OLD, code=None)


def sealed(place: Place, key: Key) -> None:
    """The image, sealed and forgotten, and an older one that stays."""
    context, old = place.tar.parent / "app", place.tar.parent / "old"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "one").write_text("#!/bin/none\n")
    (context / "two").write_bytes(random.Random(2).randbytes(300_000))
    (context / "link").symlink_to("two")
    (context / ".dockerignore").write_text("*.tar\n")
    place.forget()
    words = ("docker", "build", "-q", "-t", f"{NAME}:1", "-t", f"{NAME}:2", ".")
    place.bom("build", "-o", place.tar, "--key", key.private, "--", *words, cwd=context)
    place.forget()
    old.mkdir()
    (old / "Dockerfile").write_text("FROM scratch\nLABEL made=install-test old=yes\nCOPY one /\n")
    (old / "one").write_text(place.kind)
    place.docker("build", "-q", "-t", OLD, str(old))


@pytest.fixture(params=ENGINES)
def made(request: pytest.FixtureRequest, workshop: Callable[[str], Place]) -> Place:
    return workshop(request.param)


@pytest.fixture
def place(made: Place) -> Iterator[Place]:
    """With an older image under the second tag."""
    made.docker("tag", OLD, f"{NAME}:2")
    yield made
    made.forget()


def test_its_tags_mean_the_image_and_a_container_of_it_has_not_drifted(place: Place) -> None:
    before = place.tags()
    planned = place.install("--dry-run")
    assert f"  tag   {NAME}:2  it means {before[f'{NAME}:2']} now\n" in planned.stdout
    assert place.tags() == before
    done = place.install()
    lines = done.stdout.splitlines()
    assert lines[0] == f"installed: app.tar into the engine at {place.engine['DOCKER_HOST']}"
    assert lines[2:] == [f"  tagged  {NAME}:1", f"  tagged  {NAME}:2"]
    tags = place.tags()
    assert len(set(tags.values())) == 1
    assert lines[1].endswith(f"  as {tags[f'{NAME}:1']}")
    place.install("--tag", f"{NAME}:mine")
    assert place.tags()[f"{NAME}:mine"] == tags[f"{NAME}:1"]

    container = place.docker("create", f"{NAME}:1")
    try:
        assert drift(place, container) == []
        (place.tar.parent / "two").write_text("other\n")
        place.docker("cp", str(place.tar.parent / "two"), f"{container}:/srv/two")
        place.docker("cp", str(place.tar.parent / "two"), f"{container}:/srv/more")
        assert drift(place, f"docker:{container}") == [
            "installed-additional /srv/more",
            "installed-changed /srv/two",
        ]
    finally:
        place.docker("rm", "--force", container)


def drift(place: Place, container: str) -> list[str]:
    done = place.bom(
        *("verify", place.tar, "--key", place.key, "--installed", container, "--json"),
        cwd=place.tar.parent,
        code=None,
    )
    return [f"{item['code']} {item['where']}" for item in json.loads(done.stdout)["findings"]]


def test_an_image_of_the_other_kind_of_engine_is_held_against_its_own_export(
    place: Place, need: Need
) -> None:
    """A containerd store makes a manifest of its own for the classic store's archive."""
    other = {**need.engine("classic" if place.kind == "modern" else "modern")}
    there = Place("other", other, place.bom.on(other), place.tar, place.key)
    try:
        there.install("--tag", f"{NAME}:crossed")
        layers = json.loads(there.docker("image", "inspect", f"{NAME}:crossed"))[0]["RootFS"]
        document = there.bom("show", place.tar, "--json", cwd=place.tar.parent).stdout
        assert all(layer in document for layer in layers["Layers"])
        assert there.nameless() == []
    finally:
        there.docker("image", "rm", "--force", f"{NAME}:crossed")


@pytest.mark.parametrize("made", ["classic"], indirect=True)
def test_a_changed_layer_does_not_reach_the_engine(place: Place, tmp_path: Path) -> None:
    data = bytearray(place.tar.read_bytes())
    data[len(data) * 2 // 3] ^= 1
    bent = place.tar.with_name("bent.tar")
    bent.write_bytes(data)
    before = place.tags()
    with Between(tmp_path / "s", place.engine["DOCKER_HOST"], {r".": no_lie}) as between:
        words = ("install", bent, "--key", place.key)
        more = {"DOCKER_HOST": between.host}
        done = place.bom(*words, cwd=bent.parent, code=1, more=more)
        assert between.asked == []
    assert done.stderr.startswith("error: bent.tar does not verify, so nothing is installed: ")
    assert place.tags() == before


def no_lie(real: Callable[[str], Answer]) -> Iterable[bytes]:
    raise AssertionError("the engine was asked")


# --- engines that lie ----------------------------------------------------------------------------


def another_id(real: Callable[[str], Answer]) -> Iterable[bytes]:
    """The image has the right name, and is another."""
    found = real("")
    if found.status == 200:
        document = json.loads(found.body)
        document["Id"] = "sha256:" + "ab" * 32
        yield answer(json.dumps(document).encode())
    else:
        yield answer(found.body, "404 Not Found")


def other_layers(real: Callable[[str], Answer]) -> Iterable[bytes]:
    found = real("")
    if found.status == 200:
        document = json.loads(found.body)
        document["RootFS"]["Layers"] = ["sha256:" + "cd" * 32]
        yield answer(json.dumps(document).encode())
    else:
        yield answer(found.body, "404 Not Found")


def nothing_loaded(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield answer(b'{"stream":"Loaded image ID: sha256:' + b"ef" * 32 + b'\\n"}')


def broken_off(real: Callable[[str], Answer]) -> Iterable[bytes]:
    return ()


def no_room(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield answer(b'{"errorDetail":{"message":"no space"},"error":"no space \\u001b[31mleft"}')


def refusing(real: Callable[[str], Answer]) -> Iterable[bytes]:
    yield answer(b'{"message":"tagging is over"}', "500 Internal Server Error")


DIGEST = r"/images/sha256:[^?]+/json"
LIES: dict[str, tuple[dict[str, Lie], int, str]] = {
    "another ID": ({DIGEST: another_id}, 1, "the engine does not have what it says that it loaded"),
    "other layers": ({DIGEST: other_layers}, 1, "the engine states other layers of the image"),
    "nothing loaded": (
        {"/images/load": nothing_loaded}, 1, "the engine does not have what it says that it loaded",
    ),
    "breaks off": ({"/images/load": broken_off}, 2, "the engine gives no answer that can be read"),
    "no room": ({"/images/load": no_room}, 2, r"the engine refuses: no space \x1b[31mleft"),
    "does not tag": ({r"/tag\?.*tag=2": refusing}, 2, "the engine refuses: tagging is over"),
    "tags something else": (
        {rf"/images/{NAME}:1/json": another_id}, 1, f"{NAME}:1 does not mean the image",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("made", "name"),
    [*(("classic", name) for name in LIES), ("modern", "another ID")],
    indirect=["made"],
)
def test_an_engine_that_lies_or_fails_leaves_the_old_tags(
    place: Place, tmp_path: Path, name: str
) -> None:
    lies, code, said = LIES[name]
    before = place.tags()
    with Between(tmp_path / "s", place.engine["DOCKER_HOST"], lies) as between:
        done = place.install(code=code, host=between.host)
        assert between.asked
    assert said in done.stderr
    assert not set(done.stderr) & {"\x1b", "\r"}
    if name == "tags something else":  # it lies to whoever looks whether it was put back, too
        assert before[f"{NAME}:2"] == place.tags()[f"{NAME}:2"]
        return
    assert place.tags() == before
    if name not in ("another ID", "other layers"):
        assert place.nameless() == []


# --- killed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "at"),
    [
        ("classic", "/images/load"),
        ("classic", r"/tag\?.*tag=1"),
        ("classic", r"/tag\?.*tag=2"),
        ("modern", r"/tag\?.*tag=2"),
    ],
    indirect=["made"],
)
def test_what_a_killed_install_left_is_put_back_by_the_next_one(
    place: Place, tmp_path: Path, at: str
) -> None:
    reached, over = threading.Event(), threading.Event()

    def waiting(real: Callable[[str], Answer]) -> Iterable[bytes]:
        reached.set()
        over.wait(60)
        return ()

    before = place.tags()
    # what it has no answer to yet has been done at the engine all the same, or not
    with Between(tmp_path / "s", place.engine["DOCKER_HOST"], {at: waiting}) as between:
        process = subprocess.Popen(
            [sys.executable, "-m", "bom", "install", place.tar, "--key", place.key],
            env=place.bom.variables(DOCKER_HOST=between.host, TMPDIR=str(tmp_path)),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert reached.wait(60)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        over.set()
        assert process.returncode == -signal.SIGKILL
        left = place.tags()
        assert left.get(f"{NAME}:2") == before[f"{NAME}:2"]  # at no moment without a meaning
        if at.endswith("2"):
            assert left != before
    # nothing can be loaded: what this call finds it has to put back all the same
    with Between(tmp_path / "t", place.engine["DOCKER_HOST"], {"/images/load": no_room}) as other:
        journals = place.bom.home / "state" / "bom" / "install"
        (journal,) = journals.glob("*.json")
        journal.rename(journals / f"{_name(f'the engine at {other.host}')}.json")
        place.install(code=2, host=other.host)
    assert place.tags() == before
    assert place.nameless() == []
    assert list(journals.glob("*.json")) == []
    place.install()
    assert len(set(place.tags().values())) == 1


def _name(shown: str) -> str:
    import hashlib

    return hashlib.sha256(shown.encode()).hexdigest()[:16]


@pytest.mark.parametrize("made", ["classic"], indirect=True)
def test_two_installs_into_one_engine_do_not_mix(place: Place, tmp_path: Path) -> None:
    reached, over = threading.Event(), threading.Event()

    def waiting(real: Callable[[str], Answer]) -> Iterable[bytes]:
        reached.set()
        over.wait(60)
        return ()

    before = place.tags()
    with Between(tmp_path / "s", place.engine["DOCKER_HOST"], {"/images/load": waiting}) as between:
        first = threading.Thread(target=lambda: place.install(code=2, host=between.host))
        first.start()
        assert reached.wait(60)
        done = place.install(code=2, host=between.host)
        over.set()
        first.join()
    assert done.stderr == (
        f"error: another install into the engine at {between.host} is running\n"
        "hint: wait for it, then try again\n"
    )
    assert place.tags() == before


@pytest.mark.parametrize("made", ["classic"], indirect=True)
def test_podman_takes_it_too(place: Place, need: Need) -> None:
    podman = need("podman")
    tag = f"localhost/{NAME}:{place.kind}"
    try:
        done = place.install("--engine", "podman", "--tag", tag)
        assert done.stdout.splitlines()[0] == "installed: app.tar into podman's storage"
        container = subprocess.run(
            [podman, "create", tag], check=True, capture_output=True, text=True
        ).stdout.strip()
        try:
            assert drift(place, f"podman:{container}") == []
        finally:
            subprocess.run([podman, "rm", "--force", container], check=True, capture_output=True)
    finally:
        subprocess.run([podman, "rmi", "--force", tag], check=False, capture_output=True)


@pytest.mark.parametrize("made", ["classic"], indirect=True)
def test_a_name_that_is_none_is_refused_before_the_engine_is_asked(place: Place) -> None:
    done = place.install("--tag", "Not A Name", code=2)
    assert done.stderr == (
        "error: Not A Name is no name of an image\nhint: --tag registry/name:tag\n"
    )
