"""Which engine a docker client's call goes to: by the client's own order and defaults, which the
clients themselves are asked for (`docker context inspect`)."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from bom.builder.docker import command as commands
from bom.builder.docker.connection import proxy_for, ssh_command
from bom.builder.docker.endpoint import DEFAULT_HOST, ClientRefuses, find
from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

    from bom.builder.docker.endpoint import Endpoint


def found(folder: Path, words: str = "", **environment: str) -> Endpoint:
    parsed = commands.parse(("docker", *words.split(), "build", "."))
    return find(parsed, {"HOME": str(folder), **environment}, folder)


def context(folder: Path, name: str, host: str, **endpoint: object) -> Path:
    """A context as `docker context create` writes it; gives the folder for its TLS files."""
    import hashlib

    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / ".docker" / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    stated = {"Name": name, "Endpoints": {"docker": {"Host": host, **endpoint}}}
    (meta / "meta.json").write_text(json.dumps(stated))
    return folder / ".docker" / "contexts" / "tls" / key / "docker"


def certificates(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.pem").write_text("no certificate\n")


# --- the order ----------------------------------------------------------------------------------

ORDER = [
    ("", {}, "tcp://current:1"),
    ("", {"DOCKER_CONTEXT": "named"}, "tcp://named:1"),
    ("", {"DOCKER_CONTEXT": ""}, "tcp://current:1"),
    ("", {"DOCKER_CONTEXT": "default"}, DEFAULT_HOST),
    ("", {"DOCKER_CONTEXT": "named", "DOCKER_HOST": "tcp://env:1"}, "tcp://env:1"),
    ("--context named", {"DOCKER_HOST": "tcp://env:1"}, "tcp://named:1"),
    ("-c named", {"DOCKER_CONTEXT": "other"}, "tcp://named:1"),
    ("--context default", {"DOCKER_HOST": "tcp://env:1"}, "tcp://env:1"),
    (
        "-H tcp://given:1",
        {"DOCKER_CONTEXT": "named", "DOCKER_HOST": "tcp://env:1"},
        "tcp://given:1",
    ),
    ("--config elsewhere", {}, DEFAULT_HOST),
]


@pytest.mark.parametrize(("words", "environment", "address"), ORDER)
def test_the_engine_is_found_in_the_clients_own_order(
    words: str, environment: dict[str, str], address: str, tmp_path: Path
) -> None:
    context(tmp_path, "current", "tcp://current:1")
    context(tmp_path, "named", "tcp://named:1")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "current"}')
    assert found(tmp_path, words, **environment).address == address


# clients before 23.0 end with an error for a variable that is there and empty
_OLD = [case for case in ORDER if case[1] != {"DOCKER_CONTEXT": ""}]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("engine", "words", "environment", "address"),
    [*(("modern", *case) for case in ORDER), *(("classic", *case) for case in _OLD)],
)
def test_the_clients_themselves_state_that_order(
    engine: str,
    words: str,
    environment: dict[str, str],
    address: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    context(tmp_path, "current", "tcp://current:1")
    context(tmp_path, "named", "tcp://named:1")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "current"}')
    stated = inspected(request.getfixturevalue(engine), tmp_path, words, **environment)
    assert stated["Host"] == address


ADDRESSES = [
    ("", DEFAULT_HOST),
    ("unix://", DEFAULT_HOST),
    ("unix:///run/other.sock", "unix:///run/other.sock"),
    ("tcp://there", "tcp://there:2375"),
    ("tcp://", "tcp://localhost:2375"),
    ("there:1234", "tcp://there:1234"),
    (":1234", "tcp://localhost:1234"),
    ("tcp://[::1]:5", "tcp://[::1]:5"),
    ("tcp://there:1/docker", "tcp://there:1/docker"),
    ("ssh://me@there:22", "ssh://me@there:22"),
]


@pytest.mark.parametrize(("given", "address"), ADDRESSES)
def test_what_an_address_leaves_out_is_filled_in_as_the_client_does_it(
    given: str, address: str, tmp_path: Path
) -> None:
    assert found(tmp_path, DOCKER_HOST=given).address == address


@pytest.mark.e2e
@pytest.mark.parametrize("engine", ["modern", "classic"])
@pytest.mark.parametrize(("given", "address"), ADDRESSES)
def test_the_clients_themselves_fill_addresses_in_so(
    given: str, address: str, engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    stated = inspected(request.getfixturevalue(engine), tmp_path, "", DOCKER_HOST=given)
    assert stated["Host"].replace("127.0.0.1", "localhost") == address


def inspected(client: dict[str, str], home: Path, words: str, **environment: str) -> dict[str, Any]:
    plain = {name: value for name, value in client.items() if not name.startswith("DOCKER_")}
    done = subprocess.run(
        ["docker", *words.split(), "context", "inspect", "-f", "{{json .Endpoints.docker}}"],
        env={**plain, "HOME": str(home), **environment},
        cwd=home,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stated: dict[str, Any] = json.loads(done.stdout)
    return stated


# --- TLS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        ("", {}, None),
        ("--tls", {}, False),
        ("--tlsverify", {}, True),
        ("--tlsverify=false", {}, False),
        ("--tls=false", {"DOCKER_TLS": "1"}, None),
        ("", {"DOCKER_TLS": "1"}, False),
        ("", {"DOCKER_TLS_VERIFY": "1"}, True),
        ("--tlsverify=false", {"DOCKER_TLS_VERIFY": "1"}, False),
        ("--tls=false", {"DOCKER_TLS_VERIFY": "1"}, True),
    ],
)
def test_tls_is_on_where_the_client_turns_it_on(
    words: str, environment: dict[str, str], expected: bool | None, tmp_path: Path
) -> None:
    certificates(tmp_path / ".docker", "ca")
    tls = found(tmp_path, words, DOCKER_HOST="tcp://there", **environment).tls
    assert (tls.verify if tls else None) == expected


def test_certificates_come_from_options_the_variable_or_the_clients_own_folder(
    tmp_path: Path,
) -> None:
    home, named = tmp_path / ".docker", tmp_path / "certs"
    certificates(home, "ca", "cert", "key")
    certificates(named, "ca")
    host = {"DOCKER_HOST": "tcp://there"}
    tls = found(tmp_path, "--tlsverify --config certs", **host).tls
    assert tls is not None
    assert (tls.authority, tls.certificate, tls.key) == tuple(
        home / name for name in ("ca.pem", "cert.pem", "key.pem")
    )
    tls = found(tmp_path, "--tlsverify", DOCKER_CERT_PATH="certs", **host).tls
    assert tls is not None
    assert (tls.authority, tls.certificate, tls.key) == (named / "ca.pem", None, None)
    tls = found(tmp_path, "--tls --tlscacert certs/ca.pem", **host).tls
    assert tls is not None
    assert (tls.authority, tls.key) == (named / "ca.pem", home / "key.pem")


def test_a_certificate_that_is_named_and_not_there_is_said_before_the_build(
    tmp_path: Path,
) -> None:
    with pytest.raises(BomError, match=r"ca\.pem is not there") as caught:
        found(tmp_path, "--tlsverify", DOCKER_HOST="tcp://there")
    assert "DOCKER_CERT_PATH" in caught.value.hint


def test_a_context_brings_its_own_tls_files_and_no_others(tmp_path: Path) -> None:
    certificates(tmp_path / ".docker", "ca")
    certificates(context(tmp_path, "safe", "tcp://safe:1"), "ca", "cert", "key")
    context(tmp_path, "blind", "tcp://blind:1", SkipTLSVerify=True)
    context(tmp_path, "plain", "tcp://plain:1", SkipTLSVerify=False)
    safe = found(tmp_path, "--context safe", DOCKER_TLS_VERIFY="1").tls
    assert safe is not None
    assert safe.verify
    assert safe.key is not None
    assert safe.key.name == "key.pem"
    blind = found(tmp_path, "--context blind").tls
    assert blind is not None
    assert not blind.verify
    assert blind.authority is None
    assert found(tmp_path, "--context plain", DOCKER_TLS_VERIFY="1").tls is None


def test_tls_without_an_address_means_the_tls_port(tmp_path: Path) -> None:
    certificates(tmp_path / ".docker", "ca")
    assert found(tmp_path, DOCKER_TLS_VERIFY="1").address == "tcp://localhost:2376"


def test_tls_means_nothing_for_a_socket_and_for_ssh(tmp_path: Path) -> None:
    for host in ("unix:///run/d.sock", "ssh://me@there"):
        assert found(tmp_path, DOCKER_TLS_VERIFY="1", DOCKER_HOST=host).tls is None


# --- what can't be ------------------------------------------------------------------------------


def test_host_and_context_together_are_left_to_the_client_to_refuse(tmp_path: Path) -> None:
    with pytest.raises(ClientRefuses):
        found(tmp_path, "-H tcp://there --context named")


@pytest.mark.parametrize("host", ["npipe:////./pipe/x", "fd://3", "http://there", "x://"])
def test_other_kinds_of_addresses_are_refused_with_a_hint(host: str, tmp_path: Path) -> None:
    with pytest.raises(BomError, match="can't be reached") as caught:
        found(tmp_path, DOCKER_HOST=host)
    assert "ssh://" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [None, "", "[]", "{}", '{"Endpoints": []}', '{"Endpoints": {"docker": []}}',
     '{"Endpoints": {"docker": {"Host": 1}}}', "[" * 100_000],
)  # fmt: skip
def test_a_context_that_is_missing_or_damaged_is_named(content: str | None, tmp_path: Path) -> None:
    context(tmp_path, "it", "tcp://x")
    (meta,) = (tmp_path / ".docker").rglob("meta.json")
    meta.unlink() if content is None else meta.write_text(content)
    with pytest.raises(BomError, match="context it can't be read"):
        found(tmp_path, "--context it")


@pytest.mark.parametrize("host", ["tcp://[::1", "tcp://there:port", "tcp://there:99999"])
def test_an_address_that_is_none_is_said_so_wherever_it_stands(host: str, tmp_path: Path) -> None:
    context(tmp_path, "it", host)
    with pytest.raises(BomError, match="can't be read"):
        found(tmp_path, "--context it")
    with pytest.raises(BomError, match="can't be read"):
        found(tmp_path, DOCKER_HOST=host)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"HttpHeaders": {"X-Who": "me", "X-No": 1}}', (("X-Who", "me"),)),
        ('{"HttpHeaders": []}', ()),
        ("no json", ()),
    ],
)
def test_the_configurations_headers_go_with_each_request(
    content: str, expected: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(content)
    assert found(tmp_path, DOCKER_HOST="tcp://there").headers == expected


# --- ssh and proxies ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://there", ["there", "docker system dial-stdio"]),
        ("ssh://me@there:2222", ["-l me -p 2222", "there", "docker system dial-stdio"]),
        ("ssh://There/run/d.sock", ["There", "docker --host=unix:///run/d.sock system dial-stdio"]),
        ("ssh://[::1]:22", ["-p 22", "::1", "docker system dial-stdio"]),
        ("ssh://x/a;b", ["x", "docker '--host=unix:///a;b' system dial-stdio"]),
    ],
)
def test_ssh_is_run_as_the_client_runs_it(address: str, words: list[str]) -> None:
    *options, host, remote = words
    before = [word for option in options for word in option.split()]
    expected = ("ssh", *before, "-o", "ConnectTimeout=30", "-T", "--", host, remote)
    assert ssh_command(address) == expected


@pytest.mark.parametrize(
    "address", ["ssh://", "ssh://a:b@there", "ssh://there?x=1", "ssh://there#x", "ssh://there:no"]
)
def test_ssh_addresses_that_the_client_refuses_are_refused(address: str) -> None:
    with pytest.raises(BomError, match="ssh address can't be used"):
        ssh_command(address)


@pytest.mark.parametrize(
    ("host", "environment", "expected"),
    [
        ("engine.example", {}, ""),
        ("engine.example", {"HTTP_PROXY": "p:1"}, "http://p:1"),
        ("engine.example", {"http_proxy": "http://p:1"}, "http://p:1"),
        ("engine.example", {"HTTPS_PROXY": "http://p:1"}, ""),
        ("127.0.0.1", {"HTTP_PROXY": "http://p:1"}, ""),
        ("localhost", {"HTTP_PROXY": "http://p:1"}, ""),
        ("engine.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, ""),
        ("engine.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "a, example"}, ""),
        ("engine.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": ".example:5"}, ""),
        ("engine.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": ".example:6"}, "http://p:1"),
        ("engine.example", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "ample"}, "http://p:1"),
        ("10.1.2.3", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, ""),
        ("10.1.2.3", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "10.1.2.4"}, "http://p:1"),
    ],
)
def test_a_proxy_is_used_where_the_client_uses_it(
    host: str, environment: dict[str, str], expected: str
) -> None:
    assert proxy_for(host, 5, environment, tls=False) == expected
