"""Planted secrets never survive; what is no secret does."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bom import redact
from bom.redact import REDACTED

ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ROOT = Path("/home/someone/project")


@pytest.mark.parametrize(
    "name",
    ["TOKEN", "GITHUB_TOKEN", "npm_config__authToken", "DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD",
     "API_KEY", "apiKey", "STRIPE_KEY", "AWS_SECRET_ACCESS_KEY", "CREDENTIALS", "DEPLOY_CRED",
     "PRIVATE_KEY", "SIGNING_KEY", "passphrase", "--registry-password", "SENTRY_DSN",
     "DOCKER_AUTH_CONFIG", "CLIENTSECRET", "BOM_KEY_PASSPHRASE"],
)  # fmt: skip
def test_a_name_that_holds_a_secret_is_known(name: str) -> None:
    assert redact.looks_secret(name)


@pytest.mark.parametrize(
    "name",
    ["PWD", "OLDPWD", "KEYBOARD", "TOKENIZERS_PARALLELISM", "MONKEY", "AUTHOR", "COMPASS",
     "BYPASS_PROXY", "CACHE_KEY", "PUBLIC_KEY", "MAX_TOKENS", "SOURCE_DATE_EPOCH", "CFLAGS",
     "GOPRIVATE", "LC_ALL", "PYTHONHASHSEED", "SECRETARY", "PATH", "GOFLAGS"],
)  # fmt: skip
def test_a_name_that_only_sounds_like_a_secret_is_left_alone(name: str) -> None:
    assert not redact.looks_secret(name)


@pytest.mark.parametrize(
    ("path", "secret"),
    [(".env", True), ("deploy/.env.production", True), (".env.sample", False), ("id_rsa", True),
     ("id_rsa.pub", False), ("release.key", True), ("release.pub", False), ("a/server.pem", True),
     (".npmrc", True), ("credentials.json", True), ("secrets.yaml", True), ("src/token.py", False),
     ("secrets.py", False), ("README.md", False), ("Makefile", False), ("keyboard.txt", False),
     ("password.txt", True)],
)  # fmt: skip
def test_a_file_that_usually_holds_secrets_is_known_by_name(path: str, secret: bool) -> None:
    assert redact.secret_file(path) is secret


alnum = st.text(ALNUM, min_size=36, max_size=36)
secrets = st.one_of(
    alnum.map(lambda s: "ghp_" + s),
    alnum.map(lambda s: "glpat-" + s[:20]),
    alnum.map(lambda s: "npm_" + s),
    alnum.map(lambda s: "xoxb-" + s),
    alnum.map(lambda s: "pypi-AgEIcHlwaS5vcmc" + s),
    alnum.map(lambda s: "AKIA" + s[:16].upper()),
    alnum.map(lambda s: f"eyJ{s}.eyJ{s}.{s}"),
    alnum.map(lambda s: f"-----BEGIN EC PRIVATE KEY-----\n{s}\n-----END EC PRIVATE KEY-----"),
    alnum.map(lambda s: f"-----BEGIN PRIVATE KEY-----\\n{s}\\n"),
)
surroundings = st.text("abc =:/\"'\n,;", max_size=20)


@given(before=surroundings, secret=secrets, after=surroundings)
def test_a_planted_token_never_survives_in_free_text(before: str, secret: str, after: str) -> None:
    planted = f"{before} {secret} {after}"
    assert secret not in redact.text(planted)
    assert secret not in redact.text(f"--opt={secret}") + redact.text(f'{{"a": "{secret}"}}')
    assert redact.value("HARMLESS", planted) == REDACTED
    assert redact.kinds(planted)


weak = st.text("abcdefghijklmnopqrstuvwxyz0123456789!%+^~", min_size=4, max_size=12).map(
    lambda s: f"q{s}Z"
)


@given(secret=weak)
def test_a_weak_password_does_not_survive_where_its_place_tells_what_it_is(secret: str) -> None:
    for line in (
        f"https://alice:{secret}@git.example.com/app.git",
        f"postgres://u:{secret}@db/x",
        f"DB_PASSWORD={secret}",
        f'ENV API_TOKEN="{secret} two words"',
        f"tool --password {secret} --verbose",
        f"tool --api-key={secret}",
        f"Authorization: Basic {secret}",
        f'{{"password": "{secret}"}}',
        f"http://example.com/?access_token={secret}&x=1",
        f"|1 NPM_TOKEN={secret} /bin/sh -c npm ci",
        f"curl -u alice:{secret} https://git.example.com",
        f"docker login -u alice -p {secret}",
    ):
        assert secret not in redact.text(line)
        words = [line] if line.startswith(("A", "{", "ENV")) else line.split(" ")
        assert secret not in redact.command(["sh", "-c", line], root=ROOT, cwd=ROOT)
        assert secret not in redact.command(["t", *words], root=ROOT, cwd=ROOT)
    for argv in (
        ["docker", "login", "-u", "x", "-p", secret],
        ["./build.sh", "-p", secret],
        ["twine", "upload", "--password", secret],
        ["docker", "build", "--build-arg", f"DB_PASSWORD={secret}", "."],
        ["docker", "build", f"--build-arg=DB_PASSWORD={secret}", "."],
        ["deploy", "--secret", secret],
        ["make", f"TOKEN={secret}"],
        ["curl", "--user", f"alice:{secret}"],
        ["mysql", f"-p{secret}"],
    ):
        assert secret not in redact.command(argv, root=ROOT, cwd=ROOT)


@given(st.binary(min_size=32, max_size=32))
def test_random_base64_is_taken_for_a_secret(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    if len(set(data)) > 24:  # all sorts of bytes, not a run of zeros
        assert redact.value("X", text) in (REDACTED, text)
        assert redact.text(text) == redact.text(redact.text(text))


def test_random_blobs_are_redacted_but_for_a_few_in_a_thousand() -> None:
    import random

    source = random.Random(20261124)
    missed = sum(
        redact.value("X", base64.b64encode(source.randbytes(32)).decode()) != REDACTED
        for _ in range(2000)
    )
    assert missed <= 6
    assert redact.value("X", "9f8e7d6c5b4a39281706f5e4d3c2b1a0") == REDACTED


@given(st.text(max_size=300))
def test_redacting_twice_is_redacting_once_and_never_fails(text: str) -> None:
    once = redact.text(text)
    assert redact.text(once) == once
    redact.remote(text)
    redact.command([text or "x", text], root=ROOT, cwd=ROOT)


@pytest.mark.parametrize(
    "text",
    ["3f786850e387550fdab836ed7e6dc881de23001b",
     "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
     "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
     "-O2 -g -fstack-protector-strong -Wformat -Werror=format-security", "1.2.3-rc1+build.45",
     "/usr/lib/x86_64-linux-gnu/libPython3.11.so", "python:3.11-slim", "C.UTF-8",
     "https://git.example.com/team/app.git", "ssh://git@git.example.com/app", "1700000000",
     "http://localhost:4873/@scope/pkg", "MyVeryLongClassNameFactoryBeanV2",
     "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "docker build -t demo/app:1 --target run .",
     "npm ci && npm run build", "docker run -u 1000:1000 x",
     "mkdir -p build", "TOKEN=$TOKEN make", "a=b key: value",
     "/opt/hostedtoolcache/Python/3.11.9/x64/lib/python3.11/site-packages",
     "--mount=type=secret,id=npm_auth cat /run/secrets/x",
     "manylinux_2_17_x86_64.manylinux2014_x86_64"],
)  # fmt: skip
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact.text(text) == text
    assert redact.kinds(text) == ()


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["make", "-C", "/home/someone/project/sub"], "make -C sub"),
        (["/usr/bin/make", "O=/tmp/x/out"], "make O=out"),
        (["gcc", "-I/usr/include/foo", "-I/home/someone/project/inc"], "gcc -Ifoo -Iinc"),
        (["docker", "build", "--file=/home/someone/project/Dockerfile", "/home/someone/project"],
         "docker build --file=Dockerfile ."),
        (["docker", "run", "-v", "/home/someone/project/a:/data/b"], "docker run -v a:b"),
        (["docker", "build", "--secret", "id=npm,src=/home/someone/.npmrc", "."],
         "docker build --secret 'id=npm,src=[redacted]' ."),
        (["docker", "build", "--secret=type=env,id=a,env=B", "."],
         "docker build '--secret=type=env,id=a,env=[redacted]' ."),
        (["docker", "build", "--ssh", "default", "--ssh=k=/home/someone/k", "."],
         "docker build --ssh default '--ssh=k=[redacted]' ."),
        (["sudo", "podman", "build", "--secret", "hunter2", "."],
         "sudo podman build --secret '[redacted]' ."),
        (["docker", "build", "--build-context", "l=oci-layout:///home/someone/lay:v1", "."],
         "docker build --build-context l=oci-layout://lay:v1 ."),
        (["sh", "-c", "cd /home/someone/project && ls /etc/ssl"], "sh -c 'cd . && ls ssl'"),
        (["docker", "build", "--build-arg", "VERSION=1.0", "--build-arg", "API_KEY=x1"],
         "docker build --build-arg VERSION=1.0 --build-arg 'API_KEY=[redacted]'"),
        (["curl", "https://host.example/path", "file:///home/someone/project/x/y"],
         "curl https://host.example/path file:x/y"),
        (["mkdir", "-p", "a/b"], "mkdir -p a/b"),
        (["docker", "run", "-u", "1000:1000", "x"], "docker run -u 1000:1000 x"),
        (["docker", "run", "-p", "80:80", "x"], "docker run -p 80:80 x"),
        (["python3.11", "-m", "build", "-p", "x"], "python3.11 -m build -p x"),
        (["/home/someone/project/build.sh", "--x"], "build.sh --x"),
        (["python", "-m", "build", "--no-isolation"], "python -m build --no-isolation"),
    ],
)  # fmt: skip
def test_a_command_line_names_no_place_on_this_machine(argv: list[str], line: str) -> None:
    assert redact.command(argv, root=ROOT, cwd=ROOT) == line


def test_what_a_secret_variable_holds_is_found_wherever_a_shell_put_it() -> None:
    environment = {"MY_TOKEN": "hunter2-hunter2", "PIN": "12345678", "KEY": "/home/x/key", "A": "b"}
    known = redact.secrets_of(environment)
    assert known == ("hunter2-hunter2",)
    argv = ["curl", "https://git.example.com/x/hunter2-hunter2/y"]
    line = redact.command(argv, root=ROOT, cwd=ROOT, known=known)
    assert line == "curl 'https://git.example.com/x/[redacted]/y'"


def test_a_long_command_line_takes_linear_time() -> None:
    start = time.perf_counter()
    redact.command(["make", *["-x"] * 20_000, "a=" * 50_000], root=ROOT, cwd=ROOT)
    assert time.perf_counter() - start < 10


def test_a_root_with_spaces_is_taken_out_too() -> None:
    root = Path("/home/some one/my project")
    argv = ["make", f"O={root}/out", f"{root}/x y", f"--a={root}"]
    assert redact.command(argv, root=root, cwd=root) == "make O=out 'x y' --a=."


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://git.example.com/team/app.git", "git.example.com/team/app"),
     ("https://user:s3cret@git.example.com/team/app", "git.example.com/team/app"),
     ("https://ghp_abc@git.example.com/team/app/", "git.example.com/team/app"),
     ("git@git.example.com:team/app.git", "git.example.com/team/app"),
     ("ssh://git@git.example.com:22/team/app.git", "git.example.com/team/app"),
     ("ssh://git@git.example.com:2222/team/app.git", "git.example.com:2222/team/app"),
     ("git+ssh://git@GIT.example.com/team/app", "git.example.com/team/app"),
     ("https://git.example.com/a.git?token=x#y", "git.example.com/a"),
     ("/srv/git/app.git", None), ("../app", None), ("file:///srv/git/app", None), ("", None),
     ("ext::sh -c x", None), ("C:\\repo", None), ("app", None), ("https:///x", None),
     ("https://h:99999/x", None), ("https://git.example.com/", None),
     ("https://u:p@ss/w0rd@git.example.com/a", None)],
)  # fmt: skip
def test_a_remote_is_reduced_to_host_and_path(url: str, expected: str | None) -> None:
    got = redact.remote(url)
    if "w0rd" in url:
        assert got is None or "w0rd" not in got
    else:
        assert got == expected


@pytest.mark.parametrize(
    "unit",
    ["a", "://", "://a:b", "eyJ", "-----BEGIN PRIVATE KEY-----", "k=", '"', "-p ", "A1b/", "a:"],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.perf_counter()
    redact.text(text)
    assert time.perf_counter() - start < 5
