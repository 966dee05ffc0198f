"""Images are exported from the very engine that built them: of two engines, over TCP, behind TLS,
by ssh; real clients, real engines, OpenSSH."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.builder.engine_doors import behind_tls, certificates, on_tcp, sshd

from bom.builder import DockerBuilder
from bom.builder.protocol import BuildRequest, Silent
from bom.config import Config
from bom.errors import BomError, EnvironmentLacks
from bom.model import Tool
from bom.process import STDERR, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need

    from bom.builder.protocol import Artifact

pytestmark = pytest.mark.e2e

TAG = "bom-test/doors:1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    return root


@pytest.fixture(params=["modern", "classic"])
def engine(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    environment: dict[str, str] = request.getfixturevalue(request.param)
    yield environment
    subprocess.run(["docker", "rmi", "-f", TAG], env=environment, capture_output=True, check=False)


def request_for(root: Path, environment: dict[str, str], *options: str) -> BuildRequest:
    return BuildRequest(
        command=("docker", *options, "build", "-q", "-t", TAG, "."),
        cwd=root,
        root=root,
        environment=environment,
        config=Config(),
        output=root.parent / "app.tar",
    )


def built(request: BuildRequest) -> tuple[Artifact, set[str]]:
    """The image's artifact and the versions of the engine that is said to have built it."""
    with DockerBuilder().prepare(request) as prepared:
        variables = prepared.invocation.environment
        argv = prepared.invocation.argv
        assert run(argv, environment=variables, cwd=request.cwd, stdout=STDERR) == 0
        collected = prepared.collect(Silent())
        (artifact,) = collected.artifacts
        data = artifact.built.read_bytes()
    assert hashlib.sha256(data).hexdigest() == artifact.subject.sha256
    facts = (*prepared.observations, *collected.observations, *artifact.observations)
    return artifact, {
        fact.version for fact in facts if isinstance(fact, Tool) and fact.name == "docker-engine"
    }


def without_engine(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "DOCKER_HOST"}


def path_of(environment: dict[str, str]) -> str:
    return environment["DOCKER_HOST"].removeprefix("unix://")


def docker(environment: dict[str, str], *words: str) -> str:
    return subprocess.run(
        ["docker", *words], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def version_of(environment: dict[str, str]) -> str:
    return docker(environment, "version", "-f", "{{.Server.Version}}")


# --- two engines --------------------------------------------------------------------------------


def test_of_two_engines_the_one_that_the_client_uses_is_asked(
    modern: dict[str, str], classic: dict[str, str], project: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    shutil.copytree(modern["DOCKER_CONFIG"], config, symlinks=True)
    both = {**modern, "DOCKER_CONFIG": str(config)}
    docker(both, "context", "create", "old", "--docker", f"host={classic['DOCKER_HOST']}")
    docker(both, "context", "create", "new", "--docker", f"host={modern['DOCKER_HOST']}")
    new, old = version_of(modern), version_of(classic)
    assert new != old
    neither = without_engine(both)
    try:
        for environment, options, expected in (
            ({**neither, "DOCKER_CONTEXT": "old"}, (), old),
            ({**neither, "DOCKER_CONTEXT": "old", "DOCKER_HOST": modern["DOCKER_HOST"]}, (), new),
            ({**both, "DOCKER_CONTEXT": "new"}, ("--context", "old"), old),
            ({**neither, "DOCKER_CONTEXT": "old"}, ("-H", modern["DOCKER_HOST"]), new),
        ):
            _, versions = built(request_for(project, environment, *options))
            assert versions == {expected}
        docker(neither, "context", "use", "old")
        assert built(request_for(project, neither))[1] == {old}
    finally:
        for environment in (modern, classic):
            docker(environment, "rmi", "-f", TAG)


def test_host_and_context_together_are_the_clients_own_error(
    modern: dict[str, str], project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    request = request_for(project, modern, "-H", "tcp://127.0.0.1:1", "--context", "x")
    with DockerBuilder().prepare(request) as prepared:
        assert prepared.invocation.argv == request.command
        code = run(prepared.invocation.argv, environment=modern, cwd=project)
        assert code not in (0, 125)
        assert "--host" in capfd.readouterr().err
        with pytest.raises(BomError, match="refuses --host and --context"):
            prepared.collect(Silent())


# --- TCP and TLS --------------------------------------------------------------------------------


def test_an_engine_on_plain_tcp_is_reached(engine: dict[str, str], project: Path) -> None:
    with on_tcp(path_of(engine)) as address:
        _, versions = built(request_for(project, {**engine, "DOCKER_HOST": f"tcp://{address}"}))
    assert versions == {version_of(engine)}


def test_an_engine_behind_tls_is_reached_as_the_client_reaches_it(
    need: Need, engine: dict[str, str], project: Path, tmp_path: Path
) -> None:
    need("openssl")
    certs = certificates(tmp_path / "certs")
    config = tmp_path / "config"
    if "DOCKER_CONFIG" in engine:
        shutil.copytree(engine["DOCKER_CONFIG"], config, symlinks=True)
    with behind_tls(path_of(engine), certs) as address:
        host = {**engine, "DOCKER_HOST": f"tcp://{address}", "DOCKER_CONFIG": str(config)}
        by_name = {**host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certs)}
        assert built(request_for(project, by_name))[1] == {version_of(engine)}
        files = [f"--tls{kind}={certs}/{kind[:2] if kind == 'cacert' else kind}.pem"
                 for kind in ("cacert", "cert", "key")]  # fmt: skip
        assert built(request_for(project, host, "--tlsverify", *files))[1]
        told = f"host=tcp://{address},ca={certs}/ca.pem,cert={certs}/cert.pem,key={certs}/key.pem"
        docker(host, "context", "create", "safe", "--docker", told)
        named = {**without_engine(host), "DOCKER_CONTEXT": "safe"}
        assert built(request_for(project, named))[1] == {version_of(engine)}


def test_another_authority_a_foreign_name_and_a_missing_certificate_end_before_the_build(
    need: Need, modern: dict[str, str], project: Path, tmp_path: Path
) -> None:
    need("openssl")
    certs = certificates(tmp_path / "certs")
    other = certificates(tmp_path / "other", server="IP:127.0.0.2")
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(certs / "ca.pem", bare)
    with behind_tls(path_of(modern), certs) as address, behind_tls(path_of(modern), other) as alien:
        for where, folder, verify in (
            (address, other, "1"),
            (alien, other, "1"),
            (address, bare, "1"),
            (address, other, ""),
        ):
            tls = {"DOCKER_TLS_VERIFY": verify, "DOCKER_TLS": "1", "DOCKER_CERT_PATH": str(folder)}
            environment = {**modern, **tls, "DOCKER_HOST": f"tcp://{where}"}
            with pytest.raises(EnvironmentLacks, match="no Docker engine answers") as caught:
                DockerBuilder().prepare(request_for(project, environment))
            assert caught.value.hint
        # who doesn't ask for a proof gets none, and needs a certificate of his own all the same
        shutil.copy(certs / "cert.pem", other)
        shutil.copy(certs / "key.pem", other)
        tls = {"DOCKER_TLS": "1", "DOCKER_CERT_PATH": str(other)}
        environment = {**modern, **tls, "DOCKER_HOST": f"tcp://{address}"}
        with DockerBuilder().prepare(request_for(project, environment)):
            pass


def test_files_that_are_no_certificates_are_named(
    modern: dict[str, str], project: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ca.pem").write_text("no certificate\n")
    tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    environment = {**modern, **tls, "DOCKER_HOST": "tcp://127.0.0.1:1"}
    with pytest.raises(BomError, match=r"ca\.pem can't be used"):
        DockerBuilder().prepare(request_for(project, environment))


# --- ssh ----------------------------------------------------------------------------------------


def test_an_engine_is_reached_by_ssh_as_the_client_does_it(
    need: Need, engine: dict[str, str], project: Path, tmp_path: Path
) -> None:
    need("ssh")
    config = tmp_path / "config"
    if "DOCKER_CONFIG" in engine:
        shutil.copytree(engine["DOCKER_CONFIG"], config, symlinks=True)
    with sshd(need("sshd"), tmp_path / "ssh", engine) as (address, path):
        there = {**engine, "PATH": f"{path}:{engine['PATH']}", "DOCKER_CONFIG": str(config)}
        host = {**there, "DOCKER_HOST": f"ssh://{address}"}
        assert built(request_for(project, host))[1] == {version_of(engine)}
        docker(host, "context", "create", "far", "--docker", f"host=ssh://{address}")
        named = {**without_engine(there), "DOCKER_CONTEXT": "far"}
        assert built(request_for(project, named))[1] == {version_of(engine)}
        calls = (tmp_path / "ssh" / "calls").read_text().splitlines()
    assert {"docker system dial-stdio" in call for call in calls} == {True}


def test_what_ssh_says_is_passed_on_before_the_build(
    modern: dict[str, str], project: Path, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    path = f"{program.parent}:{modern['PATH']}"
    environment = {**modern, "DOCKER_HOST": "ssh://me@there", "PATH": path}
    for script, said in (
        ("echo 'me@there: Permission denied (publickey).' >&2; exit 255", "Permission denied"),
        ("cat >/dev/null & echo 'HTTP/1.1 nonsense'; exit 0", ""),
    ):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        with pytest.raises(EnvironmentLacks, match=f"ssh://me@there: .*{said}"):
            DockerBuilder().prepare(request_for(project, environment))
    program.unlink()
    (program.parent / "docker").symlink_to(str(shutil.which("docker", path=modern["PATH"])))
    with pytest.raises(EnvironmentLacks, match="no Docker engine"):
        DockerBuilder().prepare(request_for(project, {**environment, "PATH": str(program.parent)}))
