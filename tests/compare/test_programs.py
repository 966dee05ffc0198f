"""Programs, libraries and packages made by real tools."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.compare.archives import EPOCH, told

from bom.compare import compare

if TYPE_CHECKING:
    from tests.conftest import Need

SOURCE = '#include <stdio.h>\nint main(void) { printf("%s\\n", __FILE__); return VALUE; }\n'


def compiled(need: Need, folder: Path, *options: str) -> Path:
    """`options`: of gcc."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.c").write_text(SOURCE)
    out = folder / "program"
    command = [need("gcc"), "-DVALUE=0", "-o", str(out), *options, str(folder / "main.c")]
    subprocess.run(command, check=True, cwd=folder)
    return out


def test_a_path_that_moves_all_of_a_program_is_the_one_cause(need: Need, tmp_path: Path) -> None:
    one = compiled(need, tmp_path / "a", "-g")
    two = compiled(need, tmp_path / "another-folder", "-g")
    found = compare(one, two, epoch=EPOCH)
    assert {item.cause for item in found.differences} == {"path"}
    assert "program > .rodata" in [item.path for item in found.differences]
    assert found.verdict == "different"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("program", "-ffile-prefix-map=$PWD=."),
        ("_speed.cpython-311-x86_64-linux-gnu.so", "CFLAGS=-ffile-prefix-map=$PWD=."),
        ("_speed.abi3.so", "python -m build --wheel"),
    ],
)
def test_a_temporary_folder_in_debugging_information_is_the_compilers_to_leave_out(
    name: str, remedy: str, need: Need
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        builds = [
            compiled(need, Path(place) / folder, "-g").rename(Path(place) / folder / name)
            for folder in ("bom-a1b2/unpacked", "bom-rebuild-c3/source")
        ]
        found = compare(*builds, epoch=EPOCH)
    debugging = [item for item in found.differences if " > .debug_" in item.path]
    assert debugging
    for item in debugging:
        assert item.cause == "path"
        assert remedy in item.remedy


def test_a_compressed_debug_section_is_looked_into(need: Need, tmp_path: Path) -> None:
    one = compiled(need, tmp_path / "a", "-g", "-gz=zlib")
    two = compiled(need, tmp_path / "b", "-g", "-gz=zlib")
    found = compare(one, two, epoch=EPOCH)
    assert {item.cause for item in found.differences} == {"path"}


def test_another_code_is_told_by_its_section_without_the_build_id(
    need: Need, tmp_path: Path
) -> None:
    one = compiled(need, tmp_path, "-UVALUE", "-DVALUE=3")
    kept = one.rename(tmp_path / "first")
    two = compiled(need, tmp_path, "-UVALUE", "-DVALUE=4")
    found = compare(kept, two, epoch=EPOCH)
    assert [item.path for item in found.differences] == ["first > .text"]


def test_a_build_id_that_differs_alone_has_its_own_cause(need: Need, tmp_path: Path) -> None:
    kept = compiled(need, tmp_path, "-Wl,--build-id=uuid").rename(tmp_path / "first")
    two = compiled(need, tmp_path, "-Wl,--build-id=uuid")
    found = compare(kept, two, epoch=EPOCH)
    assert told(found) == [("build-id", "first > .note.gnu.build-id")]
    assert found.verdict == "different"


def test_a_library_is_walked_member_by_member(need: Need, tmp_path: Path) -> None:
    libraries = []
    for number, name in enumerate(("one", "two")):
        folder = tmp_path / name
        folder.mkdir()
        source = folder / "a-source-of-a-long-name.c"
        source.write_text(f'const char *built = "built 2024-01-0{number + 1}T10:00:00Z";\n')
        subprocess.run([need("gcc"), "-c", source.name], check=True, cwd=folder)
        library = folder / "lib.a"
        subprocess.run(
            [need("ar"), "rcD", "lib.a", "a-source-of-a-long-name.o"], check=True, cwd=folder
        )
        libraries.append(library)
    found = compare(libraries[0], libraries[1], epoch=EPOCH)
    assert [item.cause for item in found.differences] == ["timestamp"]
    assert found.differences[0].path.startswith("a-source-of-a-long-name.o > .rodata")


@pytest.mark.parametrize("compression", ["xz", "zstd", "gzip", "none"])
def test_of_a_debian_package_the_file_is_told_and_no_digest(
    need: Need, tmp_path: Path, compression: str
) -> None:
    packages = []
    for number in (1, 2):
        root = tmp_path / f"build{number}" / "root"
        (root / "DEBIAN").mkdir(parents=True)
        (root / "usr").mkdir()
        (root / "usr" / "built").write_text(f"built 2024-01-0{number}T10:00:00Z\n")
        (root / "DEBIAN" / "md5sums").write_text(f"{str(number) * 32}  usr/built\n")
        (root / "DEBIAN" / "control").write_text(
            "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
            f"Installed-Size: 2{number}\nDescription: x\n"
        )
        for place in (*root.rglob("*"), root):
            os.utime(place, (EPOCH, EPOCH))
        package = root.parent / "x.deb"
        subprocess.run(
            [need("dpkg-deb"), f"-Z{compression}", "--root-owner-group", "-b", root, package],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
            capture_output=True,
        )
        packages.append(package)
    found = compare(packages[0], packages[1], epoch=EPOCH)
    ending = {"none": "", "gzip": ".gz", "xz": ".xz", "zstd": ".zst"}[compression]
    assert told(found) == [("timestamp", f"data.tar{ending} > usr/built")]
