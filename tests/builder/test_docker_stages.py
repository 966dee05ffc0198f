"""Stages of multi-stage builds: out of the cache of real engines, and never built again."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from bom.builder import DockerBuilder
from bom.builder.docker import client as clients
from bom.builder.docker import command, guard, rewriting
from bom.builder.docker.stage_export import DockerStages, _Log
from bom.builder.images.context import BuildInputs
from bom.builder.images.provenance import Reported, Source
from bom.builder.images.stages import CHANGED, NotExported, SwitchedOff, observations
from bom.builder.protocol import BuildRequest, Collected, PreparedBuild, Silent
from bom.config import Config
from bom.model import BuildSteps, Dependency, Gap, Hash
from bom.process import STDERR, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.conftest import Need

    from bom.builder.docker.client import Details

TAG = "bom-test/builder-stages"
USED: list[tuple[dict[str, str], str]] = []  # engines, and the tags made there
STATUS = """\
Package: gcc-12
Status: install ok installed
Maintainer: Example <example@example.invalid>
Architecture: amd64
Version: 12.2.0-14

"""
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nNAME="Debian GNU/Linux"\n'
DOCKERFILE = """\
FROM scratch AS compiler
COPY system /
FROM scratch AS unused
COPY Dockerfile /unused
FROM compiler
FROM compiler AS tools
COPY main.c /src/main.c
FROM scratch
COPY --from=tools /src/main.c /main
COPY --from=2 /etc/os-release /os
"""
RUNNING = """\
FROM {base} AS first
COPY marker.txt /marker.txt
RUN python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/ran')"
FROM scratch
COPY --from=first /marker.txt /
"""


class _Counter(BaseHTTPRequestHandler):
    ran: list[str]

    def do_GET(self) -> None:
        self.ran.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def steps_run() -> Iterator[tuple[int, list[str]]]:
    """A port on loopback, and what was asked for there: each is a step that was really run."""
    ran: list[str] = []
    handler = type("Counter", (_Counter,), {"ran": ran})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], ran
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "system" / "var" / "lib" / "dpkg").mkdir(parents=True)
    (root / "system" / "etc").mkdir()
    (root / "system" / "var" / "lib" / "dpkg" / "status").write_text(STATUS)
    (root / "system" / "etc" / "os-release").write_text(OS_RELEASE)
    # what is in no other test's cache
    (root / "main.c").write_text(f"int main() {{ return 0; }} // {tmp_path}\n")
    (root / "marker.txt").write_text(f"{tmp_path}\n")
    (root / "Dockerfile").write_text(DOCKERFILE)
    return root


@pytest.fixture(params=["modern", "classic"])
def engine(request: pytest.FixtureRequest) -> dict[str, str]:
    environment: dict[str, str] = request.getfixturevalue(request.param)
    return environment


@pytest.fixture(autouse=True)
def images_go_away() -> Iterator[None]:
    USED.clear()
    yield
    for environment, tag in USED:
        words = ["docker", "image", "rm", "--force", tag]
        subprocess.run(words, env=environment, capture_output=True, check=False)


def asked(root: Path, environment: dict[str, str], *words: str, **settings: Any) -> BuildRequest:
    tag = f"{TAG}:{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"
    if environment:
        USED.append((environment, tag))
    return BuildRequest(
        command=("docker", "build", "-t", tag, *words),
        cwd=root,
        root=root,
        environment=environment,
        config=Config(**settings),
        output=root.parent / "app.tar",
    )


def built(prepared: PreparedBuild, request: BuildRequest) -> Collected:
    code = run(
        prepared.invocation.argv,
        environment=prepared.invocation.environment,
        cwd=request.cwd,
        stdout=STDERR,
    )
    assert code == 0
    return prepared.collect(Silent())


def facts(request: BuildRequest) -> tuple[Any, ...]:
    with DockerBuilder().prepare(request) as prepared:
        (artifact,) = built(prepared, request).artifacts
        return artifact.observations


def staged(found: Sequence[Any]) -> dict[str, list[str]]:
    """The packages that only built it, with their stages."""
    held: dict[str, list[str]] = {}
    for item in found:
        if isinstance(item, Dependency) and item.role == "build":
            held.setdefault(item.component.name, []).extend(_stages(item))
    return {name: sorted(stages) for name, stages in held.items()}


def gaps(found: Sequence[Any]) -> dict[str, str]:
    return {
        item.where: item.why
        for item in found
        if isinstance(item, Gap) and item.what == "stage.packages"
    }


@pytest.mark.e2e
def test_a_compiler_in_a_stage_is_what_built_it_and_does_not_ship(
    project: Path, engine: dict[str, str]
) -> None:
    found = facts(asked(project, engine, "-q", "."))
    gcc = [item for item in found if isinstance(item, Dependency) and "gcc" in item.component.name]
    assert {item.role for item in gcc} == {"build"}
    assert {item.component.version for item in gcc} == {"12.2.0-14"}
    stages = sorted(value for item in gcc for value in _stages(item))
    assert stages == ["2", "compiler", "tools"]
    assert gaps(found) == {}


def _stages(item: Dependency) -> list[str]:
    return [fact.value for fact in item.component.properties if fact.name == "bom-seal:stage"]


@pytest.mark.e2e
def test_a_step_that_is_in_the_cache_no_more_is_a_gap_and_is_not_run_again(
    project: Path, engine: dict[str, str], need: Need, steps_run: tuple[int, list[str]]
) -> None:
    port, ran = steps_run
    base = need.base_image(engine)
    (project / "Dockerfile").write_text(RUNNING.format(base=base, port=port))
    request = asked(project, engine, "--network=host", "-q", "--no-cache", ".")
    with DockerBuilder().prepare(request) as prepared:
        built_first = built(prepared, request).artifacts[0].observations
        assert len(ran) == 1
        assert "python" in str(staged(built_first))
        assert gaps(built_first) == {}
        # the context is another now, so that step's key is in no cache
        (project / "marker.txt").write_text("changed\n")
        again = prepared.collect(Silent()).artifacts[0].observations
    assert len(ran) == 1
    assert staged(again) == {}
    assert gaps(again) == {
        "first": "a step of it is in the builder's cache no more, and is not run a second time"
    }


@pytest.mark.e2e
def test_a_stage_whose_files_changed_meanwhile_is_not_told_as_the_builds(
    project: Path, engine: dict[str, str]
) -> None:
    request = asked(project, engine, "-q", ".")
    with DockerBuilder().prepare(request) as prepared:
        built(prepared, request)
        (project / "system" / "etc" / "os-release").write_text("ID=other\n")
        again = prepared.collect(Silent()).artifacts[0].observations
    assert staged(again) == {}
    assert set(gaps(again)) == {"compiler", "2", "tools"}
    # and back at what some build before this one has put into the cache
    (project / "system" / "etc" / "os-release").write_text("ID=other\n")
    with DockerBuilder().prepare(request) as prepared:
        built(prepared, request)
        (project / "system" / "etc" / "os-release").write_text(OS_RELEASE)
        again = prepared.collect(Silent()).artifacts[0].observations
    assert gaps(again) == dict.fromkeys(["compiler", "2", "tools"], CHANGED)


@pytest.mark.e2e
def test_a_frontend_in_an_image_is_not_asked_for_a_stage(
    project: Path, engine: dict[str, str], tmp_path: Path
) -> None:
    request = asked(project, engine, "-q", "-f", "sub/Dockerfile", ".")
    (project / "sub").mkdir()
    (project / "sub" / "Dockerfile").write_text(f"# escape=\\\n{DOCKERFILE}")
    (project / "sub" / "Dockerfile.dockerignore").write_text("sub\n")
    facts(request)
    named = f"# syntax=registry.example.invalid/dockerfile:1\n# escape=\\\n{DOCKERFILE}"
    (project / "sub" / "Dockerfile").write_text(named)
    build = command.parse(request.command)
    exporter = DockerStages(
        build,
        clients.probe(build, engine, project),
        request,
        tmp_path,
        dockerfile=project / "sub" / "Dockerfile",
        architecture="amd64",
    )
    found = list(observations(exporter, ("compiler", "2"), Reported(), SAME, Silent()))
    assert staged(found)["gcc-12"] == ["2", "compiler"]


@pytest.mark.e2e
def test_secrets_and_here_documents_do_not_keep_a_stage_from_being_read(
    project: Path, modern: dict[str, str], need: Need
) -> None:
    base = need.base_image(modern)
    (project / "token").write_text("not-in-any-document")
    (project / "Dockerfile").write_text(
        f"FROM {base} AS first\n"
        "COPY --link marker.txt /marker.txt\n"
        "RUN --mount=type=secret,id=token,required --mount=type=cache,target=/c <<EOF\n"
        "cat /run/secrets/token > /dev/null\n"
        "EOF\n"
        "FROM scratch\n"
        "COPY --from=first /marker.txt /\n"
    )
    words = ("--network=host", "--secret=id=token,src=token", "-q", "--target", "1", ".")
    found = facts(asked(project, modern, *words[:3], "."))
    assert gaps(found) == {}
    assert staged(found)["libc6"] == ["first"]
    (steps,) = (item for item in found if isinstance(item, BuildSteps))
    details = [fact for step in steps.steps for fact in step.properties]
    mounts = [fact.value for fact in details if fact.name == "bom-seal:step:mount"]
    assert sorted(mounts) == ["cache /c", "secret token"]
    assert "not-in-any-document" not in repr(found)


@pytest.mark.e2e
def test_the_new_client_exports_from_the_old_engine(
    project: Path, modern: dict[str, str], classic: dict[str, str]
) -> None:
    found = facts(asked(project, {**modern, "DOCKER_HOST": classic["DOCKER_HOST"]}, "-q", "."))
    assert staged(found)["gcc-12"] == ["2", "compiler", "tools"]
    assert gaps(found) == {}


@pytest.mark.e2e
def test_the_builder_without_buildkit_hands_out_no_stage(
    project: Path, classic: dict[str, str]
) -> None:
    found = facts(asked(project, {**classic, "DOCKER_BUILDKIT": "0"}, "-q", "."))
    assert set(gaps(found)) == {"compiler", "2", "tools"}
    assert set(gaps(found).values()) == {"the builder without BuildKit keeps no stages"}


@pytest.mark.e2e
def test_stages_that_are_switched_off_are_gaps(project: Path, modern: dict[str, str]) -> None:
    found = facts(asked(project, modern, "-q", ".", stages=False))
    assert set(gaps(found)) == {"compiler", "2", "tools"}
    assert staged(found) == {}


# --- without an engine ---------------------------------------------------------------------------


def log(*lines: str) -> _Log:
    made = _Log()
    for line in lines:
        made.take(line)
    return made


def reported(*digests: str) -> Reported:
    return Reported(sources=tuple(Source("u", (Hash("SHA-256", digest),)) for digest in digests))


SAME = BuildInputs((), None, (), again=lambda: ())
IMAGE = f"#4 [build 1/2] FROM example.invalid/gcc:12@sha256:{'a' * 64}"


@pytest.mark.parametrize(
    "lines",
    [
        ("#5 [build 2/2] RUN make", "#5 CACHED"),
        ("#5 [2/2] COPY . .", "#5 CACHED", "#6 exporting to client tarball", "#6 DONE 1.0s"),
        ("#5 [linux/arm64 build 2/2] RUN make", "#5 CACHED"),
        (IMAGE, "#4 DONE 0.0s"),
    ],
)
def test_an_export_of_cached_steps_and_of_the_builds_images_is_believed(
    lines: tuple[str, ...],
) -> None:
    log(*lines).check(reported("a" * 64))


@pytest.mark.parametrize(
    "lines",
    [
        ("#5 [build 2/2] RUN make", "#5 DONE 0.1s"),
        ("#5 [build 2/2] RUN make",),
        ("#5 [build 2/2] RUN make", "#6 CACHED"),
        (IMAGE.replace("aaaa", "bbbb"), "#4 DONE 0.0s"),
        ("#4 [build 1/2] FROM example.invalid/gcc:12", "#4 CACHED"),
        ("#1 [internal] load build definition from Dockerfile", "#1 DONE 0.0s"),
        (),
    ],
)
def test_an_export_of_anything_else_is_not(lines: tuple[str, ...]) -> None:
    with pytest.raises(NotExported):
        log(*lines).check(reported("a" * 64))


def test_an_images_digest_without_provenance_proves_nothing() -> None:
    with pytest.raises(NotExported):
        log(IMAGE, "#4 CACHED").check(Reported())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("# syntax=x\nFROM a\n", "FROM a\n"),
        ("# escape=`\n#SYNTAX = x\nFROM a\n", "# escape=`\nFROM a\n"),
        ("FROM a\n", "FROM a\n"),
    ],
)
def test_only_the_line_of_the_frontend_is_left_out(text: str, plain: str) -> None:
    assert rewriting.without_frontend(text) == plain


def test_a_stage_without_a_name_gets_one_to_be_asked_for_by() -> None:
    text = "FROM a\nRUN <<E\nFROM b\nE\nFROM c AS d\nFROM \\\n  e\nONBUILD COPY . .\nfrom f  \n"
    assert rewriting.with_name(text, "d") == text
    assert rewriting.with_name(text, "0") == text.replace("FROM a", "FROM a AS bom-stage-0")
    assert rewriting.with_name(text, "3") == text.replace("from f  ", "from f AS bom-stage-3")
    for wrong in ("1", "2", "4", "9" * 30):
        with pytest.raises(NotExported):
            rewriting.with_name(text, wrong)


class _Options:
    def __init__(self, config: str = "") -> None:
        self._config = config

    def client_value(self, name: str) -> str:
        return self._config if name == "config" else ""


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"proxies": 1}', '{"proxies":{"a":2}}'])
def test_the_guard_stands_whatever_the_clients_configuration_is(
    tmp_path: Path, content: str | None
) -> None:
    import json

    own, folder = tmp_path / "own", tmp_path / "guarded"
    own.mkdir()
    folder.mkdir()
    (own / "contexts").mkdir()
    if content is not None:
        (own / "config.json").write_text(content)
    environment = guard.guarded(
        _Options(),
        {"DOCKER_CONFIG": str(own)},
        tmp_path,
        folder,
        "amd64",
    )
    assert environment["DOCKER_CONFIG"] == str(folder)
    assert (folder / "contexts").is_symlink()
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o600
    proxies = json.loads((folder / "config.json").read_text())["proxies"]
    assert all(len(proxy["ftpProxy"]) >= 32 * 4096 for proxy in proxies.values())
    assert "default" in proxies


def test_what_the_client_is_told_otherwise_stays(tmp_path: Path) -> None:
    import json

    own, folder = tmp_path / "own", tmp_path / "guarded"
    own.mkdir()
    folder.mkdir()
    settings = {
        "auths": {"example.invalid": {"auth": "x"}},
        "proxies": {"default": {"httpProxy": "http://p"}, "tcp://h": {"noProxy": "a"}},
    }
    (own / "config.json").write_text(json.dumps(settings))
    guard.guarded(_Options(str(own)), {}, tmp_path, folder, "")
    made = json.loads((folder / "config.json").read_text())
    assert made["auths"] == settings["auths"]
    assert made["proxies"]["default"]["httpProxy"] == "http://p"
    assert made["proxies"]["tcp://h"]["noProxy"] == "a"
    # pages may have 64 KiB where nobody says what machine it is
    assert {len(item["ftpProxy"]) for item in made["proxies"].values()} == {32 * 65536}


def test_a_builder_that_hands_out_no_stages_leaves_a_gap_for_each() -> None:
    class Endless(SwitchedOff):
        pass

    for exporter in (None, Endless()):
        found = list(observations(exporter, ("a", "b"), Reported(), SAME, Silent()))
        assert [item.where for item in found if isinstance(item, Gap)] == ["a", "b"]
    many = [str(number) for number in range(150)]
    found = list(observations(None, many, Reported(), SAME, Silent()))
    assert len(found) == 101


def test_a_stage_that_turns_out_wrong_at_its_end_tells_nothing(tmp_path: Path) -> None:
    import io
    import tarfile

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in (
            ("etc/os-release", OS_RELEASE),
            ("var/lib/dpkg/status", STATUS),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    whole = data.getvalue()

    class Pieces:
        def __init__(self, content: bytes, reason: str = "") -> None:
            self._content, self._reason = content, reason

        def export(self, stage: str, reported: Reported, /) -> Iterator[bytes]:
            yield self._content
            if self._reason:
                raise NotExported(self._reason)

        def close(self) -> None:
            """Nothing was left."""

    def told(content: bytes, reason: str = "", inputs: BuildInputs = SAME) -> list[Any]:
        exporter: Any = Pieces(content, reason)
        return list(observations(exporter, ("s",), Reported(), inputs, Silent()))

    assert "gcc-12" in staged(told(whole))
    other = BuildInputs((), None, (), again=lambda: (Gap("a", "b", "c"),))
    assert staged(told(whole, inputs=other)) == {}
    assert gaps(told(whole, inputs=other)) == {"s": CHANGED}
    assert gaps(told(whole, "late")) == {"s": "late"}
    assert staged(told(whole, "late")) == {}
    assert set(gaps(told(whole[:700]))) == {"s"}
    assert set(gaps(told(b"no tar" * 1000))) == {"s"}


def _none() -> Details:
    raise AssertionError("nobody asks for it")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--build-arg=ftp_proxy=x", "."), DOCKERFILE),
        (("--build-arg", "FTP_PROXY", "."), DOCKERFILE),
        ((".",), f"{DOCKERFILE}ENV FTP_PROXY=x\n"),
    ],
)
def test_a_build_that_uses_the_guards_variable_itself_is_not_exported(
    project: Path, tmp_path: Path, words: Sequence[str], text: str
) -> None:
    from pathlib import Path as Place

    from bom.builder.docker.client import Client

    (project / "Dockerfile").write_text(text)
    request = asked(project, {}, *words)
    exporter = DockerStages(
        command.parse(request.command),
        Client(Place("docker"), "28", "buildx", _none),
        request,
        tmp_path,
        dockerfile=project / "Dockerfile",
    )
    with (
        closing(exporter.export("compiler", Reported())) as pieces,
        pytest.raises(NotExported, match="itself"),
    ):
        next(pieces)


@pytest.mark.e2e
def test_an_export_that_is_broken_off_leaves_no_client_running(
    project: Path, modern: dict[str, str], need: Need
) -> None:
    base = need.base_image(modern)
    text = f"FROM {base} AS large\nCOPY main.c /\nFROM scratch\nCOPY --from=large /main.c /\n"
    (project / "Dockerfile").write_text(text)
    request = asked(project, modern, "-q", ".")
    facts(request)
    folder = project.parent / "exports"
    folder.mkdir()
    build = command.parse(request.command)
    client = clients.probe(build, modern, project)
    exporter = DockerStages(
        build, client, request, folder, dockerfile=project / "Dockerfile", architecture="amd64"
    )
    pieces = exporter.export("large", Reported())
    next(pieces)
    pieces.close()  # with most of the tar unread: client and plugin wait for a reader
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(folder) not in running.stdout
