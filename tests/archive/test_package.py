"""Who a package is, from its own bytes: made by real tools, made by hand, and hostile."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import random
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from bom.archive.package import METADATA_LIMIT, PackageIdentity, holding, identify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Need = Callable[[str], str]

METADATA = """\
Metadata-Version: 2.4
Name: Lantern.Demo
Version: 1.2.0
License-Expression: MIT OR Apache-2.0
Classifier: License :: OSI Approved :: MIT License
Classifier: Programming Language :: Python
Requires-Dist: click>=8
Requires-Dist: tabulate; extra == "table"

Name: not-a-header
"""


def wheel(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"lantern_demo-1.2.0.dist-info/{name}", content)
    return path


def tgz(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return path


def test_a_wheel_states_who_it_is_and_what_made_it(tmp_path: Path) -> None:
    path = wheel(
        tmp_path / "a.whl",
        METADATA=METADATA,
        WHEEL="Generator: hatchling 1.27.0\nTag: py3-none-any\n",
    )
    assert identify(path, "wheel") == PackageIdentity(
        kind="wheel",
        name="Lantern.Demo",
        version="1.2.0",
        purl="pkg:pypi/lantern-demo@1.2.0",
        licence="MIT OR Apache-2.0",
        classifiers=("License :: OSI Approved :: MIT License",),
        generator="hatchling 1.27.0",
        requires=("click>=8", 'tabulate; extra == "table"'),
    )


@pytest.mark.parametrize("late", [0, 200])
def test_an_sdist_is_known_by_its_pkg_info_wherever_it_stands(tmp_path: Path, late: int) -> None:
    members = {f"lantern_demo-1.2.0/{n}": b"x" * 5000 for n in range(late)}
    members["lantern_demo-1.2.0/PKG-INFO"] = METADATA.encode()
    identity = identify(tgz(tmp_path / "lantern_demo-1.2.0.tar.gz", members), "tar.gz")
    assert (identity.kind, identity.purl) == ("sdist", "pkg:pypi/lantern-demo@1.2.0")
    assert identity.requires == ("click>=8", 'tabulate; extra == "table"')


@pytest.mark.parametrize(
    "change",
    [("2.4", "2.1"), ("2.4", "two"), ("Version: 1.2.0", "Version: 1.2.0\nDynamic: Requires-Dist")],
)
def test_requirements_of_an_sdist_that_may_still_change_are_not_stated(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    content = METADATA.replace(*change, 1).encode()
    path = tgz(tmp_path / "d-1.tar.gz", {"d-1/PKG-INFO": content})
    assert identify(path, "tar.gz").requires is None


def test_a_tar_of_something_else_is_no_package(tmp_path: Path) -> None:
    for name, members in {
        "b-1.tar.gz": {"other/PKG-INFO": METADATA.encode()},
        "c-1.tar.gz": {"c-1/deeper/PKG-INFO": METADATA.encode()},
        "d-1.tar.gz": {"d-1/PKG-INFO": METADATA.encode(), "e": b""},
        "e-1.tgz": {"a": b"", "b": b""},
    }.items():
        kind = identify(tgz(tmp_path / name, members), "tar.gz").kind
        assert kind == ("sdist" if name == "d-1.tar.gz" else "tar.gz")
    assert identify(tmp_path / "e-1.tgz", "file") == PackageIdentity("file")


def test_npm_packages_with_and_without_scope(tmp_path: Path, need: Need) -> None:
    npm = need("npm")
    for name, expected in (
        ("@lantern/demo", "pkg:npm/%40lantern/demo@2.0.1"),
        ("lantern", "pkg:npm/lantern@2.0.1"),
    ):
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        (folder / "package.json").write_text(
            f'{{"name": "{name}", "version": "2.0.1", "license": {{"type": "ISC"}}}}'
        )
        subprocess.run([npm, "pack", "--silent"], cwd=folder, check=True, capture_output=True)
        (made,) = folder.glob("*.tgz")
        identity = identify(made, "tar.gz")
        assert (identity.kind, identity.name, identity.purl) == ("npm", name, expected)
        assert identity.licence == "ISC"


@pytest.mark.parametrize(
    "content", [b"", b"3", b"[[", b"\xff", b'{"name": 3, "version": []}', b"[" * 200_000]
)
def test_a_broken_package_json_is_no_traceback(tmp_path: Path, content: bytes) -> None:
    identity = identify(tgz(tmp_path / "a.tgz", {"package/package.json": content}), "tar.gz")
    assert (identity.name, identity.purl) == ("", "")


def test_foreign_words_come_out_as_one_printable_line(tmp_path: Path) -> None:
    hostile = METADATA.replace("Lantern.Demo", "a\x1b]0;x\x07b").encode() + b"\xff"
    identity = identify(wheel(tmp_path / "a.whl", METADATA=hostile), "wheel")
    assert identity.name.isprintable()
    assert identity.purl == ""
    identity = identify(wheel(tmp_path / "b.whl", METADATA=b"Name: \xff\nVersion: 1\n\n"), "wheel")
    identity.name.encode()


def test_a_wheel_without_or_with_two_metadata_files_has_a_problem(tmp_path: Path) -> None:
    assert "METADATA" in identify(wheel(tmp_path / "a.whl", WHEEL="x"), "wheel").problem
    path = wheel(tmp_path / "b.whl", METADATA=METADATA)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("other-1.dist-info/METADATA", METADATA)
    assert "METADATA" in identify(path, "wheel").problem


def test_an_oversized_metadata_file_is_not_read(tmp_path: Path) -> None:
    big = METADATA + "x" * METADATA_LIMIT
    assert identify(wheel(tmp_path / "a.whl", METADATA=big), "wheel").problem
    path = tgz(tmp_path / "d-1.tar.gz", {"d-1/PKG-INFO": big.encode()})
    assert identify(path, "tar.gz") == PackageIdentity("tar.gz")


def test_a_gzip_bomb_costs_bounded_memory(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "d-1.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as made:
        info = tarfile.TarInfo("d-1/zeros")
        info.size = 512 * 1024 * 1024
        made.write(info.tobuf())
        for _ in range(512):
            made.write(bytes(1024 * 1024))
        made.write(bytes(1024))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert identify(path, "tar.gz").kind == "tar.gz"
    assert holding(path, frozenset({"0" * 64})) == ()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024  # KiB


def test_random_damage_never_ends_in_a_traceback(tmp_path: Path) -> None:
    lots = random.Random(7)
    originals = {
        "wheel": wheel(tmp_path / "a.whl", METADATA=METADATA, WHEEL="Generator: x 1\n"),
        "tar.gz": tgz(tmp_path / "d-1.tar.gz", {"d-1/PKG-INFO": METADATA.encode()}),
    }
    for kind, path in originals.items():
        whole = path.read_bytes()
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(lots.randint(1, 4)):
                data[lots.randrange(len(data))] = lots.randrange(256)
            path.write_bytes(data[: lots.choice([len(data), lots.randrange(len(data))])])
            assert isinstance(identify(path, kind), PackageIdentity)
            holding(path, frozenset({"0" * 64}))


def test_members_are_found_by_their_content(tmp_path: Path) -> None:
    secret = b"secret key\n"
    digest = frozenset({hashlib.sha256(secret).hexdigest()})
    members = {"./a": b"x", "./in/key": secret, "./empty": b""}
    path = tgz(tmp_path / "a.tar.gz", members)
    assert holding(path, digest) == ("in/key",)
    assert holding(path, frozenset()) == ()
    plain = gzip.decompress(path.read_bytes())
    for name, data in {"a.tar": plain, "a.tar.bz2": bz2.compress(plain)}.items():
        (tmp_path / name).write_bytes(data)
        assert holding(tmp_path / name, digest) == ("in/key",)
    (tmp_path / "text").write_bytes(secret)
    assert holding(tmp_path / "text", digest) == ()


def test_a_file_that_can_t_be_read_is_the_caller_s_to_report(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        identify(tmp_path / "gone.whl", "wheel")


def test_what_the_real_frontend_built_is_identified(tmp_path: Path) -> None:
    (tmp_path / "lantern").mkdir()
    (tmp_path / "lantern/__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "lantern"\nversion = "1!2.0.post1"\nlicense = "MIT"\n'
    )
    subprocess.run(
        [sys.executable, "-m", "build", "-n", "-o", "out"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env=dict(os.environ),
    )
    found = {
        identify(path, "wheel" if path.suffix == ".whl" else "tar.gz")
        for path in (tmp_path / "out").iterdir()
    }
    assert {(one.kind, one.name, one.version, one.licence) for one in found} == {
        ("wheel", "lantern", "1!2.0.post1", "MIT"),
        ("sdist", "lantern", "1!2.0.post1", "MIT"),
    }
    assert {one.purl for one in found} == {"pkg:pypi/lantern@1%212.0.post1"}
