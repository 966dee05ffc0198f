"""`bom build -- python -m build`, from the project to a client that installs what came out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.builds import Bom, git, project
from tests.loopback import folder_served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Key, Package


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def show(bom: Bom, artifact: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(bom("show", "--json", artifact, cwd=artifact.parent).stdout)
    return value


@pytest.fixture(params=["wheel", "sdist"])
def artifact(request: pytest.FixtureRequest, package: Package) -> Path:
    path: Path = getattr(package, request.param)
    return path


def test_the_sealed_artifact_verifies(bom: Bom, key: Key, artifact: Path) -> None:
    done = bom("verify", artifact, "--key", key.public, cwd=artifact.parent)
    assert done.stdout.startswith(f"good: {artifact.name}\n")


def test_it_verifies_from_a_pipe_too(bom: Bom, key: Key, artifact: Path) -> None:
    command = f"cat {artifact} | python -m bom verify - --key {key.public} --json"
    done = subprocess.run(
        ["bash", "-c", command], env=bom.variables(), capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["verdict"] == "good", done.stdout


def test_without_a_trusted_key_it_says_which_key_signed(bom: Bom, artifact: Path) -> None:
    done = bom("verify", artifact, "--json", cwd=artifact.parent, code=1)
    verdict = json.loads(done.stdout)
    assert [finding["code"] for finding in verdict["findings"]] == ["untrusted-key"]
    assert verdict["findings"][0]["found"] == verdict["signed_by"][0]


def test_strip_gives_the_built_bytes_back(
    bom: Bom, artifact: Path, package: Package, tmp_path: Path
) -> None:
    out = tmp_path / artifact.name
    bom("strip", artifact, "-o", out, cwd=tmp_path)
    if artifact == package.wheel:  # an sdist holds times of its own making: gzip's header
        assert out.read_bytes() == (package.built / artifact.name).read_bytes()
    stated = show(bom, artifact)["metadata"]["component"]["hashes"]
    assert stated == [{"alg": "SHA-256", "content": sha256(out)}]


def test_the_bom_holds_what_the_guide_asks_for(bom: Bom, package: Package) -> None:
    document = show(bom, package.wheel)
    formula = document["formulation"][0]
    tools = {part["name"]: part for part in formula["components"]}
    assert tools["python"]["hashes"]
    assert tools["hatchling"]["version"]
    assert [part["name"] for part in document["components"]] == ["packaging"]
    assert document["components"][0]["externalReferences"][0]["hashes"]
    head = git(package.root, "rev-parse", "HEAD").strip()
    assert document["metadata"]["component"]["pedigree"]["commits"] == [{"uid": head}]
    parameters = [
        parameter
        for entry in formula["workflows"][0]["inputs"]
        for parameter in entry.get("parameters", [])
    ]
    assert {"name": "command", "dataType": "command"}.items() <= next(
        item for item in parameters if item["name"] == "command"
    ).items()


def test_a_second_build_in_the_checkout_gives_the_same_bytes(
    bom: Bom, key: Key, package: Package, need: Need
) -> None:
    before = sha256(package.wheel)
    command = [need("python"), "-m", "build", "--no-isolation"]
    bom("build", "--key", key.private, "--", *command, cwd=package.root)
    assert sha256(package.wheel) == before


def test_another_clone_path_umask_time_zone_and_user_give_the_same_bytes(
    bom: Bom, key: Key, package: Package, need: Need, tmp_path: Path
) -> None:
    clone = tmp_path / "elsewhere" / "with a space"
    clone.parent.mkdir()
    git(tmp_path, "clone", "-q", str(package.root), str(clone))
    git(clone, "checkout", "-q", "--detach")
    git(clone, "remote", "remove", "origin")
    home = tmp_path / "home"
    home.mkdir()
    other = tmp_path / "key" / "release.key"
    other.parent.mkdir()
    shutil.copy2(key.private, other)
    command = (
        f"umask 077; exec python -m bom build --key '{other}' -- "
        f"{need('python')} -m build --no-isolation"
    )
    plain = Bom(home).variables(TZ="Asia/Kathmandu", USER="somebody", LOGNAME="somebody")
    argv = ["bash", "-c", command]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        argv = _as_another_user(tmp_path, argv)
    done = subprocess.run(argv, cwd=clone, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = next(clone.glob("dist/*.whl"))
    assert again.read_bytes() == package.wheel.read_bytes(), _difference(bom, again, package.wheel)


def _as_another_user(folder: Path, argv: list[str]) -> list[str]:
    """The command as user 65534, who gets the folder; as we are, where that user can't reach
    this Python (root's own often lies in a closed home)."""
    switch = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    probe = [*switch, "sh", "-c", f"test -x {sys.executable} && test -x {folder.parent}"]
    if subprocess.run(probe, cwd="/", check=False).returncode:
        return argv
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534)
    return [*switch, *argv]


def _difference(bom: Bom, one: Path, other: Path) -> str:
    a, b = show(bom, one), show(bom, other)
    return "; ".join(f"{k}: {a.get(k)} / {b.get(k)}" for k in a if a.get(k) != b.get(k))[:3000]


# --- clients -----------------------------------------------------------------------------------


@pytest.fixture
def index(package: Package, tmp_path: Path) -> Iterator[str]:
    """A simple index on loopback that offers the sealed files with their digests."""
    folder = tmp_path / "index"
    page = folder / "simple" / "newest"
    page.mkdir(parents=True)
    links = []
    for path in (package.wheel, package.sdist):
        shutil.copy(path, page / path.name)
        links.append(f'<a href="{path.name}#sha256={sha256(path)}">{path.name}</a>')
    (page / "index.html").write_text("<!DOCTYPE html><html><body>" + "".join(links))
    with folder_served(folder) as url:
        yield f"{url}simple"


def installed(folder: Path) -> bool:
    return (folder / "newest" / "__init__.py").is_file()


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_the_clients_install_it_from_disk(
    need: Need, client: str, artifact: Path, tmp_path: Path
) -> None:
    command = [need(client), *(("pip",) if client == "uv" else ())]
    extra = ["--no-cache"] if client == "uv" else ["--no-cache-dir", "--no-build-isolation"]
    if client == "uv":
        extra += ["--no-build-isolation", "--python", need("python")]
    command += ["install", "--quiet", "--no-deps", *extra, "--target", str(tmp_path), str(artifact)]
    subprocess.run(command, check=True, capture_output=True)
    assert installed(tmp_path)


@pytest.mark.parametrize("client", ["pip", "uv"])
@pytest.mark.parametrize("kind", ["--only-binary", "--no-binary"])
def test_the_clients_install_it_from_an_index(
    need: Need, client: str, kind: str, index: str, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    command = [need(client), *(("pip",) if client == "uv" else ())]
    command += ["install", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--index-url", index, kind, "newest", "--target", str(target)]
    command += ["--no-cache", "--python", need("python")] if client == "uv" else ["--no-cache-dir"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_FIND", "UV_"))}
    done = subprocess.run(
        [*command, "newest"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert installed(target)


def test_the_sdist_still_unpacks_with_its_top_folder_stripped(
    package: Package, tmp_path: Path
) -> None:
    subprocess.run(
        ["tar", "-xf", package.sdist, "-C", tmp_path, "--strip-components=1"], check=True
    )
    assert (tmp_path / "PKG-INFO").is_file()
    assert (tmp_path / ".bom" / "bom.cdx.json").is_file()


def test_a_build_that_makes_nothing_new_reports_what_is_sealed(
    bom: Bom, key: Key, package: Package
) -> None:
    done = bom("build", "--key", key.private, "--", "true", cwd=package.root, code=None)
    # another command is another BOM: what is there was sealed for an earlier build
    assert done.returncode == 125
    assert "sealed for an earlier build" in done.stderr


def test_nothing_found_is_an_error_with_a_hint(bom: Bom, key: Key, tmp_path: Path) -> None:
    root = project("make-project", tmp_path / "p")
    done = bom("build", "--key", key.private, "--", "true", cwd=root, code=125)
    assert "hint: " in done.stderr
    assert "--artifact" in done.stderr


def test_an_output_for_what_can_t_be_sealed_is_a_copy_with_its_bom_beside(
    bom: Bom, key: Key, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    pack = "import zipfile; zipfile.ZipFile('made.zip', 'w').writestr('a', 'a')"
    command = ["python", "-c", pack]
    bom("build", "--key", key.private, "-o", out, "--", *command, cwd=tmp_path)
    assert out.read_bytes() == (tmp_path / "made.zip").read_bytes()
    assert not (tmp_path / "made.zip.bom.cdx.json").exists()
    done = bom("verify", out, "--key", key.public, cwd=tmp_path)
    assert done.stdout.startswith("good: out.zip\n")
    out.write_bytes(out.read_bytes() + b"x")
    bom("verify", out, "--key", key.public, cwd=tmp_path, code=1)
