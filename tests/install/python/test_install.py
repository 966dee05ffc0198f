"""Wheels and sdists installed by the real pip and uv, from folders and from loopback indexes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest
from tests.install.python.conftest import PYPROJECT, app, environment, site, tree
from tests.install.python.packages import index, sdist, sha256, uv_lock, wheel
from tests.loopback import Loopback, folder_served

from bom.install import planned
from bom.install.protocol import Request
from bom.sign.trust import trusted_keys

if TYPE_CHECKING:
    from tests.conftest import Need
    from tests.install.python.conftest import World

pytestmark = pytest.mark.e2e

# A .pth file is run by every Python that starts.
PAYLOAD = "import pathlib; pathlib.Path({mark!r}).touch()\n"


def steps(world: World, word: str, *names: str) -> str:
    """The lines of a plan's steps."""
    files = {
        "alpha-lib 1.0": "alpha_lib-1.0-py3-none-any.whl",
        "beta-lib 2.0": "beta_lib-2.0-py3-none-any.whl",
        "gamma 3.0": "gamma-3.0-py3-none-any.whl",
    }
    digests = {name: world.digests[file] for name, file in files.items()}
    digests["app 1.0"] = sha256(world.wheel)
    return "".join(f"  {word}  {name}  sha256:{digests[name]}\n" for name in names)


def test_a_wheel_and_what_it_needs_here_are_installed_by_pip(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = environment(tmp_path / "venv")
    # where packages come from is pip's own configuration; what is done with them is not
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(world.wheels))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    done = world.install(world.wheel, "--python", place)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"installed: app-1.0-py3-none-any.whl into {place}\n"
        + steps(world, "installed", "app 1.0", "alpha-lib 1.0", "beta-lib 2.0")
    )
    programs = [place / "bin" / name for name in ("app", "beta", "beta-run")]
    said = [subprocess.run([path], capture_output=True, text=True).stdout for path in programs]
    assert said == ["app is well\n", "beta\n", "beta script\n"]
    assert (place / "share/beta/data.txt").read_text() == "data\n"
    assert not (tmp_path / "elsewhere").exists()
    requested = [path.parent.name for path in site(place).glob("*/REQUESTED")]
    assert requested == ["app-1.0.dist-info"]
    assert not [path for path in place.rglob("*") if path.name.startswith((".bom", "direct_url"))]

    verified = world.verify(world.wheel, place)
    assert (verified.code, verified.out.count("\n")) == (0, 6), verified.out


def test_uv_installs_with_an_extra_and_into_a_folder(
    world: World, tmp_path: Path, need: Need
) -> None:
    need("uv")
    place = environment(tmp_path / "venv")
    before = tree(place)
    words = ("--installer", "uv", "--extra", "fast")

    tried = world.offline(world.wheel, "--python", place, *words, "--dry-run")
    assert (tried.code, tried.err) == (0, "")
    assert tried.out == (
        f"would install: app-1.0-py3-none-any.whl into {place}\n"
        + steps(world, "install", "app 1.0", "alpha-lib 1.0", "beta-lib 2.0", "gamma 3.0")
        + "  nothing was changed (--dry-run)\n"
    )
    assert tree(place) == before

    done = world.offline(world.wheel, "--python", place, *words, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    schema = Path(__file__).parents[3] / "schemas" / "install.schema.json"
    jsonschema_rs.validator_for(json.loads(schema.read_text())).validate(record)
    assert [(step["action"], step["name"]) for step in record["steps"]] == [
        ("install", "app"),
        ("install", "alpha-lib"),
        ("install", "beta-lib"),
        ("install", "gamma"),
    ]
    assert record["installed"] and record["kind"] == "wheel"
    assert world.verify(world.wheel, place).code == 0

    again = world.offline(world.wheel, "--python", place, *words)
    assert again.out == (
        f"nothing to do: app-1.0-py3-none-any.whl into {place}\n"
        + steps(world, "kept", "app 1.0", "alpha-lib 1.0", "beta-lib 2.0", "gamma 3.0")
    )

    folder = tmp_path / "target"
    done = world.offline(world.wheel, "--target", folder, "--installer", "uv")
    assert done.code == 0, done.err
    assert (folder / "bin" / "beta").is_file()
    assert world.verify(world.wheel, folder).code == 0


def test_what_was_verified_is_installed_whatever_becomes_of_the_file(
    world: World, tmp_path: Path, need: Need
) -> None:
    need("uv")
    artifact = tmp_path / world.wheel.name
    artifact.write_bytes(world.wheel.read_bytes())
    request = Request(
        dict(os.environ),
        target=tmp_path / "target",
        installer="uv",
        no_index=True,
        find_links=(str(world.wheels),),
    )
    with planned(artifact, trusted_keys([world.key], [], {}), request) as work:
        artifact.write_bytes(b"another file")
        assert [step.name for step in work.run().steps] == ["app", "alpha-lib", "beta-lib"]
    assert world.verify(world.wheel, tmp_path / "target").code == 0


def test_pip_installs_into_a_folder_from_a_loopback_index_and_standard_input(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "target"
    with folder_served(world.index) as url:
        done = world.install(world.wheel, "--target", folder, "--index-url", f"{url}simple/")
    assert done.code == 0, done.err
    record = (folder / "beta_lib-2.0.dist-info" / "RECORD").read_text()
    assert "\nbin/beta," in record and ".." not in record
    assert world.verify(world.wheel, folder).code == 0


@pytest.mark.parametrize(
    ("installer", "stated"),
    [
        ("pip", "nothing"),
        ("pip", "the right digest"),
        ("uv", "nothing"),
        ("uv", "its own digest"),
    ],
)
def test_another_file_of_a_listed_version_is_refused(
    world: World, tmp_path: Path, installer: str, stated: str, need: Need
) -> None:
    need(installer)
    mark = tmp_path / "run"
    files = {"beta_lib.py": "B = 666\n", "evil.pth": PAYLOAD.format(mark=str(mark))}
    other = wheel(tmp_path, "beta-lib", "2.0", files, ["more-evil"])
    digests = {
        "nothing": {},
        "the right digest": {other.name: world.digests[other.name]},
        "its own digest": {other.name: sha256(other)},
    }[stated]
    good = [file for file in world.wheels.iterdir() if file.name != other.name]
    hostile = index(tmp_path / "index", [*good, other], stated=digests)
    place = environment(tmp_path / "venv")
    before = tree(place)

    with folder_served(hostile) as url:
        words = ["--installer", installer, "--index-url", f"{url}simple/", "--json"]
        done = world.install(world.wheel, "--python", place, *words)

    assert (done.code, done.err) == (
        1,
        "error: nothing is installed: beta-lib==2.0 is another file than the BOM lists\n"
        "hint: ask who runs the index; nothing of it was run\n",
    )
    record = json.loads(done.out)
    assert not record["installed"]
    assert record["findings"] == [
        {
            "code": "dependency-digest",
            "message": "beta-lib==2.0 is another file than the BOM lists",
            "expected": f"sha256:{world.digests[other.name]}",
            "found": f"sha256:{sha256(other)}",
            "where": "beta-lib==2.0",
        }
    ]
    assert tree(place) == before
    assert not mark.exists()


class _BreaksOff(BaseHTTPRequestHandler):
    """An index whose files end half-way, as where a line is cut."""

    def do_GET(self) -> None:
        file = self.server.owner.root / self.path.strip("/")  # type: ignore[attr-defined]
        page = file / "index.html"
        content = page.read_bytes() if page.is_file() else file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page.is_file() else "application/zip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if page.is_file() else content[: len(content) // 2])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Requests are no output of the test."""


class _Index(Loopback):
    def __init__(self, root: Path) -> None:
        super().__init__(_BreaksOff)
        self.root = root


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_network_that_breaks_off_leaves_everything_as_it_was(
    world: World, tmp_path: Path, installer: str, need: Need, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(installer)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_RESUME_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    place = environment(tmp_path / "venv")
    before = tree(place)
    with _Index(world.index) as server:
        url = f"http://{server.host}/simple/"
        words = ["--installer", installer, "--index-url", url]
        done = world.install(world.wheel, "--python", place, *words)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"error: {installer} does not get alpha-lib 1.0: ")
    assert tree(place) == before


def test_what_a_bom_does_not_list_is_refused(world: World, tmp_path: Path) -> None:
    made = app(tmp_path / "made", ["alpha-lib>=1", "devtool", "unlocked>=2"], [])
    alpha = world.wheels / "alpha_lib-1.0-py3-none-any.whl"
    beta = world.wheels / "beta_lib-2.0-py3-none-any.whl"
    own = 'dependencies = [{ name = "alpha-lib" }]\n'
    needs = 'dependencies = [{ name = "beta-lib" }]\n'
    lock = uv_lock([("alpha-lib", "1.0", [alpha], needs), ("beta-lib", "2.0", [beta], "")], own)
    sealed = world.sealed(tmp_path / "project", [made], PYPROJECT, lock) / made.name
    place = environment(tmp_path / "venv")
    before = tree(place)
    wheel(tmp_path / "more", "unlocked", "2.0", {"unlocked.py": ""})
    done = world.offline(sealed, "--python", place, "--find-links", tmp_path / "more")
    assert (done.code, done.out, done.err) == (
        1,
        "",
        "error: nothing is installed: app 1.0 needs devtool, of which the BOM has no version\n"
        "hint: lock the project's dependencies with their digests, and seal it anew\n",
    )
    assert tree(place) == before


def test_what_was_sealed_under_one_python_installs_under_another(
    world: World, tmp_path: Path, other_python: tuple[str, str]
) -> None:
    python, version = other_python
    mine = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    theirs = f"cp{version.replace('.', '')}"
    found = tmp_path / "wheels"
    native = [
        wheel(found, "native", "1.0", {"native.py": f"BUILT = {tag!r}\n"}, tag=f"{tag}-none-any")
        for tag in (mine, theirs)
    ]
    only = wheel(found, "only-there", "1.0", {"only_there.py": ""})
    marker = f"python_version == '{version}'"
    made = app(tmp_path / "made", ["native", f"only-there; {marker}"], [])
    own = 'dependencies = [{ name = "native" },'
    own += f' {{ name = "only-there", marker = "{marker}" }}]\n'
    lock = uv_lock([("native", "1.0", native, ""), ("only-there", "1.0", [only], "")], own)
    sealed = world.sealed(tmp_path / "project", [made], PYPROJECT, lock) / made.name

    place = environment(tmp_path / "venv", python)
    done = world.install(sealed, "--python", place, "--no-index", "--find-links", found, "--json")
    assert done.code == 0, done.err
    assert [(step["name"], step["digest"]) for step in json.loads(done.out)["steps"]] == [
        ("app", f"sha256:{sha256(sealed)}"),
        ("native", f"sha256:{sha256(native[1])}"),
        ("only-there", f"sha256:{sha256(only)}"),
    ]
    ask = [str(place / "bin/python"), "-c", "import native; print(native.BUILT)"]
    assert subprocess.run(ask, capture_output=True, text=True).stdout == f"{theirs}\n"
    assert world.verify(sealed, place).code == 0


def test_an_sdist_is_built_by_what_the_bom_lists_and_nothing_else(
    world: World, tmp_path: Path
) -> None:
    place = environment(tmp_path / "venv")
    done = world.offline(world.sdist, "--python", place)
    assert done.code == 0, done.err
    assert subprocess.run([place / "bin/app"], capture_output=True).stdout == b"app is well\n"
    assert not (site(place) / "tinyback.py").exists()
    verified = world.verify(world.sdist, place)
    assert verified.code == 0, verified.out


def test_a_build_backend_that_no_digest_covers_never_runs(world: World, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    backend = f"open({str(mark)!r}, 'w')\n"
    planted = wheel(tmp_path / "planted", "planted", "1.0", {"planted.py": backend})
    pyproject = '[build-system]\nrequires = ["planted"]\nbuild-backend = "planted"\n'
    source = sdist(tmp_path, "app", "1.0", {"pyproject.toml": pyproject.encode()})
    project = '\n[project]\nname = "app"\nversion = "1.0"\n'
    sealed = world.sealed(tmp_path / "project", [source], pyproject + project, uv_lock([], ""))
    place = environment(tmp_path / "venv")
    before = tree(place)
    done = world.offline(sealed / source.name, "--python", place, "--find-links", planted.parent)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(
        "error: nothing is installed: building the sdist needs planted, of which the BOM has no"
    )
    assert tree(place) == before
    assert not mark.exists()


def test_a_dependency_of_which_there_is_only_an_sdist_is_not_built(
    world: World, tmp_path: Path
) -> None:
    mark = tmp_path / "run"
    setup = f"open({str(mark)!r}, 'w')\n".encode()
    source = sdist(tmp_path / "only", "beta-lib", "2.0", {"setup.py": setup})
    made = app(tmp_path / "made", ["beta-lib"], [])
    own = 'dependencies = [{ name = "beta-lib" }]\n'
    lock = uv_lock([("beta-lib", "2.0", [source], "")], own)
    sealed = world.sealed(tmp_path / "project", [made], PYPROJECT, lock) / made.name
    place = environment(tmp_path / "venv")
    before = tree(place)
    done = world.install(sealed, "--python", place, "--no-index", "--find-links", tmp_path / "only")
    assert (done.code, done.out, done.err) == (
        3,
        "",
        "error: pip does not get beta-lib 2.0: No matching distribution found for beta-lib==2.0\n"
        "hint: an index that holds it (--index-url), or a folder with its wheels (--find-links)\n",
    )
    assert tree(place) == before
    assert not mark.exists()


def test_what_is_there_in_another_state_is_replaced_and_what_is_the_same_is_kept(
    world: World, tmp_path: Path, need: Need
) -> None:
    need("uv")
    words = ("--installer", "uv")
    place = environment(tmp_path / "venv")
    assert world.offline(world.wheel, "--python", place, *words).code == 0
    first = tree(place)
    (site(place) / "alpha_lib" / "__init__.py").write_text("A = 666\n")
    (site(place) / "alpha_lib" / "left.py").write_text("mine = 1\n")
    done = world.offline(world.wheel, "--python", place, *words, "--json")
    steps = [(step["action"], step["name"]) for step in json.loads(done.out)["steps"]]
    assert steps == [("replace", "app"), ("replace", "alpha-lib"), ("keep", "beta-lib")]
    now = tree(place)
    assert now.pop(str(site(place).relative_to(place) / "alpha_lib/left.py")) == b"mine = 1\n"
    assert {name for name in now if now[name] != first[name]} == {
        str(site(place).relative_to(place) / "app-1.0.dist-info" / name)
        for name in ("RECORD", "bom-install.json")
    }
    verified = world.verify(world.wheel, place)
    assert verified.code == 0
    assert verified.out.endswith(
        "  note: there before, of no package, and not compared:"
        " lib/python3.11/site-packages/alpha_lib/left.py\n".replace(
            "lib/python3.11/site-packages", str(site(place).relative_to(place))
        )
    )


def test_a_damaged_artifact_and_a_wrong_call_install_nothing(world: World, tmp_path: Path) -> None:
    place = environment(tmp_path / "venv")
    before = tree(place)
    damaged = tmp_path / world.wheel.name
    damaged.write_bytes(world.wheel.read_bytes().replace(b"app is well", b"app is evil"))
    done = world.offline(damaged, "--python", place)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {damaged.name} does not verify, so nothing is installed: ")

    calls = {
        ("--tag", "app:1"): "--tag does not go with a wheel",
        ("--extra", "slow"): "app has no extra slow",
        ("--python", str(tmp_path / "none")): f"--python: there is no {tmp_path}/none",
        ("--python", "/bin/true"): "/bin/true does not answer as a Python interpreter does",
        ("--target", "/dev/null"): "/dev/null is no folder",
    }
    for words, told in calls.items():
        place_of = () if "--python" in words else ("--python", place)
        said = world.offline(world.wheel, *place_of, *words)
        assert said.err.startswith(f"error: {told}\nhint: "), said.err
        assert said.code in (2, 3)
    assert tree(place) == before


def test_the_pipe_of_a_shell_is_a_stream_whatever_it_is_called(
    world: World, tmp_path: Path
) -> None:
    """`bom install <(command)`: the shell names /dev/fd/63."""
    end, start = os.pipe()
    os.write(start, world.wheel.read_bytes())
    os.close(start)
    done = world.offline(Path(f"/dev/fd/{end}"), "--target", tmp_path / "target", "--dry-run")
    os.close(end)
    assert (done.code, done.err) == (0, "")
    place = tmp_path / "target"
    assert done.out.startswith(f"would install: app-1.0-py3-none-any.whl into {place}\n")
