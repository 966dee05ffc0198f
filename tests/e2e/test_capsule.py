"""`bom capsule`, and building again out of it with the network off."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.e2e.builds import Bom, Key, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

pytestmark = pytest.mark.e2e

# A build backend in one file (PEP 517): its wheel and its sdist hold the project's module.
BACKEND = """
import os, tarfile, io, zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "thing-1.0-py3-none-any.whl"
    files = {"thing.py": open("thing.py").read(),
        "thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n",
        "thing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: tinyback (1.0)\\n"
        "Root-Is-Purelib: true\\nTag: py3-none-any\\n"}
    import base64, hashlib
    def row(path, text):
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"{path},sha256={digest.rstrip('=')},{len(text)}\\n"
    record = "".join(row(*item) for item in files.items()) + "thing-1.0.dist-info/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as out:
        for path, text in (*files.items(), ("thing-1.0.dist-info/RECORD", record)):
            out.writestr(zipfile.ZipInfo(path), text)
    return name
def build_sdist(folder, settings=None):
    name = "thing-1.0.tar.gz"
    import gzip
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path in ("thing.py", "pyproject.toml"):
            data = open(path, "rb").read()
            info = tarfile.TarInfo(f"thing-1.0/{path}"); info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        text = b"Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n"
        info = tarfile.TarInfo("thing-1.0/PKG-INFO")
        info.size = len(text); tar.addfile(info, io.BytesIO(text))
    with open(os.path.join(folder, name), "wb") as out:
        with gzip.GzipFile("", "wb", fileobj=out, mtime=0) as packed:
            packed.write(raw.getvalue())
    return name
"""


def backend_wheel(folder: Path) -> Path:
    """The backend as a wheel."""
    folder.mkdir()
    files = {
        "tinyback.py": BACKEND,
        "tinyback-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tinyback\nVersion: 1.0\n",
        "tinyback-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }

    def row(path: str, text: str) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        return f"{path},sha256={digest.rstrip('=')},{len(text.encode())}\n"

    record = "".join(row(*item) for item in files.items()) + "tinyback-1.0.dist-info/RECORD,,\n"
    out = folder / "tinyback-1.0-py3-none-any.whl"
    with zipfile.ZipFile(out, "w") as wheel:
        for path, text in (*files.items(), ("tinyback-1.0.dist-info/RECORD", record)):
            wheel.writestr(path, text)
    return out


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose lock states the digest of its build backend."""
    wheel = backend_wheel(tmp_path / "wheels")
    root = tmp_path / "thing"
    root.mkdir()
    (root / "thing.py").write_text("VALUE = 1\n")
    (root / ".gitignore").write_text("dist/\nbuild/\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["tinyback"]\nbuild-backend = "tinyback"\n'
        '[project]\nname = "thing"\nversion = "1.0"\n'
        '[dependency-groups]\nbuild = ["tinyback"]\n'
    )
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "tinyback"\n'
        f'version = "1.0"\n[[packages.wheels]]\nname = "{wheel.name}"\n'
        f'url = "https://files.example/{wheel.name}"\nhashes = {{ sha256 = "{digest}" }}\n'
    )
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "thing")
    git(root, "tag", "v1.0")
    return root


def made(bom: Bom, key: Key, root: Path, kind: str) -> Path:
    """The project's wheel or sdist, built without an index and sealed."""
    call = "build_wheel" if kind == "wheel" else "build_sdist"
    command: tuple[str, ...] = (
        ("python", "-m", "pip", "wheel", "--no-deps", "-q", "-w", "dist", ".")
        if kind == "wheel"
        else (
            *("sh", "-c"),
            "python3 -m venv build/v && build/v/bin/python -m pip install -q tinyback && mkdir -p"
            f" dist && build/v/bin/python -c 'import tinyback; tinyback.{call}(\"dist\")'",
        )
    )
    more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(root.parent / "wheels")}
    bom("build", "--key", key.private, "--", *command, cwd=root, more=more)
    (found,) = (root / "dist").glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return found


def no_network(need: Need) -> tuple[str, ...]:
    unshare = need("unshare")
    argv = (
        (unshare, "--net")
        if not subprocess.run(
            [unshare, "--net", "true"], capture_output=True, check=False
        ).returncode
        else (unshare, "--map-root-user", "--net")
    )
    if subprocess.run([*argv, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a network namespace")
    return argv


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_package_is_built_again_out_of_its_capsule_without_a_network(
    kind: str, bom: Bom, key: Key, project: Path, tmp_path: Path, need: Need
) -> None:
    artifact = made(bom, key, project, kind)
    capsule = tmp_path / "thing.capsule.tar"
    bom(
        *(
            "capsule",
            artifact,
            "-o",
            capsule,
            "--key",
            key.public,
            "--source",
            project,
            "--without-tools",
        ),
        *("--from", tmp_path / "wheels"),
        cwd=tmp_path,
        more={"PIP_NO_INDEX": "1"},
    )
    for gone in ("thing", "wheels"):
        (tmp_path / gone).rename(tmp_path / f"{gone}.gone")
    done = subprocess.run(
        [
            *no_network(need),
            *(sys.executable, "-m", "bom", "rebuild", capsule, "--offline"),
            *("--key", key.public, "--json"),
        ],
        cwd=tmp_path,
        env=bom.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "same"


def test_two_capsules_of_one_artifact_are_equal(
    bom: Bom, key: Key, project: Path, tmp_path: Path
) -> None:
    artifact = made(bom, key, project, "wheel")
    out = [tmp_path / name for name in ("one.tar", "two.tar")]
    for capsule in out:
        bom(
            *(
                "capsule",
                artifact,
                "-o",
                capsule,
                "--key",
                key.public,
                "--source",
                project,
                "--without-tools",
            ),
            *("--from", tmp_path / "wheels"),
            cwd=tmp_path,
            more={"PIP_NO_INDEX": "1"},
        )
    assert out[0].read_bytes() == out[1].read_bytes()


def test_a_package_without_a_known_digest_is_named_and_nothing_is_written(
    bom: Bom, key: Key, project: Path, tmp_path: Path
) -> None:
    (project / "pylock.toml").unlink()
    git(project, "commit", "-q", "-a", "-m", "no lock")
    artifact = made(bom, key, project, "wheel")
    capsule = tmp_path / "thing.capsule.tar"
    call = (
        "capsule",
        artifact,
        "-o",
        capsule,
        "--key",
        key.public,
        "--source",
        project,
        "--without-tools",
    )
    places = ("--from", tmp_path / "wheels")
    more = {"PIP_NO_INDEX": "1"}
    done = bom(*call, *places, cwd=tmp_path, code=1, more=more)
    assert done.stderr.startswith("missing: package.hash tinyback 1.0: ")
    assert not capsule.exists()
    bom(*call, *places, "--allow-missing", cwd=tmp_path, more=more)
    assert capsule.exists()


def test_a_capsule_that_was_changed_is_refused(
    bom: Bom, key: Key, project: Path, tmp_path: Path
) -> None:
    artifact = made(bom, key, project, "wheel")
    capsule = tmp_path / "thing.capsule.tar"
    bom(
        *(
            "capsule",
            artifact,
            "-o",
            capsule,
            "--key",
            key.public,
            "--source",
            project,
            "--without-tools",
        ),
        *("--from", tmp_path / "wheels"),
        cwd=tmp_path,
        more={"PIP_NO_INDEX": "1"},
    )
    done = bom("rebuild", capsule, "--key", key.public, cwd=tmp_path, code=2)
    assert done.stderr == (
        "error: thing.capsule.tar is a capsule, with all that a rebuild takes in it\n"
        "hint: --offline builds out of it\n"
    )
    data = bytearray(capsule.read_bytes())
    data[data.rindex(b"blobs/sha256/") + 512] ^= 1
    capsule.write_bytes(data)
    done = bom("rebuild", capsule, "--offline", "--key", key.public, cwd=tmp_path, code=1)
    assert done.stderr.startswith("error: a content of the capsule is not what its digest says")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("rebuild", "no.tar", "--offline"), 2, "error: "),
        (("rebuild", "text", "--offline"), 1, "error: the capsule can't be read: "),
        (("rebuild", "text", "--offline", "--source", "."), 2, "error: --offline takes the source"),
        (("capsule", "text", "-o", "x.tar"), 1, "error: text does not verify"),
    ],
)
def test_wrong_input_is_told(
    arguments: tuple[str, ...], code: int, said: str, bom: Bom, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no capsule\n" * 100)
    done = bom(*arguments, cwd=tmp_path, code=code)
    assert done.stderr.startswith(said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text"]


def test_a_snapshot_of_the_machine_lists_what_is_installed(
    bom: Bom, key: Key, project: Path, tmp_path: Path
) -> None:
    artifact = made(bom, key, project, "wheel")
    out = tmp_path / "thing.capsule.tar"
    done = bom(
        *(
            "capsule",
            artifact,
            "-o",
            out,
            "--key",
            key.public,
            "--source",
            project,
            "--without-tools",
            "--json",
        ),
        *("--from", tmp_path / "wheels", "--environment", "machine"),
        cwd=tmp_path,
        more={"PIP_NO_INDEX": "1"},
    )
    items = {item["role"]: item for item in json.loads(done.stdout)["items"]}
    assert items["environment"]["name"] == "packages.json"
