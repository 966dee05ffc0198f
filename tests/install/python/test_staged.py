"""What an installer puts together, held against the packages: installers that lie, made by hand."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.install.python.packages import wheel

from bom.errors import BomError, EnvironmentLacks
from bom.install.intake import NotInstalled
from bom.install.python.client import Package
from bom.install.python.closure import stated
from bom.install.python.interpreter import Interpreter
from bom.install.python.layout import Layout
from bom.install.python.prerequisites import (
    check_python,
    conflicts,
    refuse_older_records,
    refuse_strangers,
)
from bom.install.python.staged import check, put_in_order, write_receipt
from bom.installed.python import wheel_files
from bom.installed.python.site import distributions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SITE = "lib/python3.12/site-packages"


class Stage:
    """Two wheels, unpacked by an installer that is us."""

    def __init__(self, folder: Path) -> None:
        prefix = folder / "env"
        python = Interpreter(
            markers={"python_full_version": "3.12.1"},
            paths={
                "purelib": str(prefix / SITE),
                "platlib": str(prefix / SITE),
                "scripts": str(prefix / "bin"),
                "data": str(prefix),
            },
            prefix=str(prefix),
            base_prefix="/usr",
            executable=str(prefix / "bin/python"),
            has_pip=False,
        )
        self.python = python
        self.layout = Layout(python, folder / "stage", prefix, None)
        self.site = folder / "stage" / SITE
        self.site.mkdir(parents=True)
        one = wheel(
            folder,
            "one",
            "1",
            {
                "one/__init__.py": "1",
                "one/__pycache__/x.cpython-312.pyc": "shipped",
                "one-1.data/scripts/run": "#!python\nrun\n",
                "one-1.data/data/share/d.txt": "data",
            },
        )
        self.wheels = [one, wheel(folder, "two", "2", {"two.py": "2"})]

    def unpack(self) -> None:
        for path in self.wheels:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(self.site)
        moved = self.site / "one-1.data"
        (self.layout.stage / "bin").mkdir()
        (self.layout.stage / "share").mkdir()
        (self.layout.stage / "bin/run").write_text("#!/env/bin/python\nrun\n")
        (self.layout.stage / "share/d.txt").write_text("data")
        shutil.rmtree(moved)
        record = self.site / "one-1.dist-info/RECORD"
        rows = record.read_text().replace("one-1.data/data/share", "../../../share")
        kept = [row for row in rows.splitlines() if "one-1.data" not in row]
        record.write_text("\n".join([*kept, "../../../bin/run,,"]) + "\n")
        (self.site / "two-2.dist-info/REQUESTED").write_text("")
        with (self.site / "two-2.dist-info/RECORD").open("a") as rows_of_two:
            rows_of_two.write("two-2.dist-info/REQUESTED,,\n")

    def packages(self) -> list[Package]:
        found = []
        for path in self.wheels:
            metadata = wheel_files.metadata(path)
            said = stated(metadata)
            files = wheel_files.in_site(path)
            found.append(Package(said.name, said.version, metadata, files, path))
        return found

    def check(self) -> None:
        check(self.layout, put_in_order(self.layout, "one"), self.packages())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_what_was_put_together_rightly_is_accepted_and_put_in_order(stage: Stage) -> None:
    stage.unpack()
    stage.check()
    assert not (stage.site / "two-2.dist-info/REQUESTED").exists()
    write_receipt(distributions(stage.site)["one"], "{}\n")
    check(stage.layout, stage.layout.staged(), stage.packages())
    places = {str(place.relative_to(stage.layout.top)) for place in stage.layout.places()}
    assert {"bin/run", "share/d.txt", f"{SITE}/two.py"} <= places


def _row(stage: Stage, row: str) -> None:
    with (stage.site / "two-2.dist-info/RECORD").open("a") as rows:
        rows.write(row + "\n")


@pytest.mark.parametrize(
    ("change", "message", "where"),
    [
        (
            lambda stage: (stage.site / "two.py").write_text("evil"),
            "the installer wrote other bytes",
            f"{SITE}/two.py",
        ),
        (
            lambda stage: (stage.site / "evil.pth").write_text("import evil"),
            "the installer wrote a file that nobody lists",
            f"{SITE}/evil.pth",
        ),
        (
            lambda stage: (stage.layout.stage / "bin/run").write_text("#!/env/bin/python\nevil\n"),
            "the installer wrote other bytes",
            "bin/run",
        ),
        (
            lambda stage: (stage.layout.stage / "share/d.txt").unlink(),
            "the installer did not write a file of a package",
            "share/d.txt",
        ),
        (
            lambda stage: (stage.site / "two-2.dist-info/RECORD").unlink(),
            "the installer wrote no RECORD",
            f"{SITE}/two-2.dist-info",
        ),
        (
            lambda stage: _row(stage, f"{SITE}/none.py,,"),
            "the installer did not write a file of a package",
            f"{SITE}/{SITE}/none.py",
        ),
        (
            lambda stage: (
                (stage.site / "two.py").unlink()
                or (stage.site / "two.py").symlink_to("/etc/hostname")
            ),
            "the installer did not write a file of a package",
            f"{SITE}/two.py",
        ),
        (
            lambda stage: shutil.rmtree(stage.site / "two-2.dist-info"),
            "the installer wrote a file that nobody lists",
            f"{SITE}/two.py",
        ),
    ],
)
def test_whatever_an_installer_does_otherwise_is_refused(
    stage: Stage, change: Callable[[Stage], object], message: str, where: str
) -> None:
    stage.unpack()
    if message == "the installer wrote no RECORD":
        found = put_in_order(stage.layout, "one")
        change(stage)
        with pytest.raises(NotInstalled) as caught:
            check(stage.layout, stage.layout.staged(), stage.packages())
        assert found
    else:
        change(stage)
        with pytest.raises(NotInstalled) as caught:
            stage.check()
    first = caught.value.findings[0]
    assert (first.code, first.message) == ("not-as-sealed", message)
    assert first.where == str(stage.layout.top / where)


def test_another_version_and_another_package_are_refused(stage: Stage, tmp_path: Path) -> None:
    stage.unpack()
    stage.wheels = [stage.wheels[0], wheel(tmp_path, "two", "3", {"two.py": "2"})]
    with pytest.raises(NotInstalled, match="the installer put another version there"):
        stage.check()
    stage.wheels = stage.wheels[:1]
    with pytest.raises(NotInstalled, match="put a package there that nobody asked for"):
        stage.check()


def test_two_packages_with_different_files_of_one_name_are_told_so(
    stage: Stage, tmp_path: Path
) -> None:
    stage.wheels.append(wheel(tmp_path, "three", "3", {"two.py": "3"}))
    stage.unpack()
    with pytest.raises(NotInstalled, match="three and two both hold a file of this name"):
        stage.check()


def test_a_wheel_whose_own_record_is_wrong_is_refused(stage: Stage, tmp_path: Path) -> None:
    good = stage.wheels[1]
    wrong = tmp_path / "wrong" / good.name
    wrong.parent.mkdir()
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(wrong, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info, b"other" if info.filename == "two.py" else data)
    stage.wheels[1] = wrong
    stage.unpack()
    with pytest.raises(NotInstalled, match="the package's own RECORD states other bytes"):
        stage.check()


def test_what_must_be_so_before_is_said(stage: Stage, tmp_path: Path) -> None:
    metadata = b"Name: app\nVersion: 1\nRequires-Python: >=3.13\n"
    with pytest.raises(EnvironmentLacks, match=r"app 1 needs Python >=3.13, and this is 3.12.1"):
        check_python(stage.python, stated(metadata))
    check_python(stage.python, stated(b"Name: app\nVersion: 1\nRequires-Python: nonsense\n"))
    (stage.site / "two-1.egg-info").write_text("")
    with pytest.raises(BomError, match="two is there, and nothing says which files are its"):
        refuse_older_records([stage.site], stage.packages())
    (stage.site / "two-1.egg-info").unlink()
    refuse_older_records([stage.site], stage.packages())
    other = wheel(tmp_path, "other", "1", {"o.py": ""}, ["two<2", "one; os_name == 'x'", "=bad"])
    with zipfile.ZipFile(other) as archive:
        archive.extractall(stage.site)
    assert conflicts(stage.packages(), distributions(stage.site), stage.packages()) == (
        "other 1, which is there, needs two<2, not 2",
    )


def test_a_file_that_is_no_package_s_is_not_written_over(stage: Stage) -> None:
    mine = stage.site / "two.py"
    there = distributions(stage.site)
    refuse_strangers([stage.site], stage.packages(), there)
    mine.write_text("mine")
    with pytest.raises(BomError, match=r"two.py is there, and no package's: two has a file of"):
        refuse_strangers([stage.site], stage.packages(), {})
    with zipfile.ZipFile(stage.wheels[1]) as archive:
        archive.extractall(stage.site)
    refuse_strangers([stage.site], stage.packages()[1:], distributions(stage.site))


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"no zip at all" * 10])
def test_what_is_no_wheel_is_an_error_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x-1-py3-none-any.whl"
    file.write_bytes(content)
    with pytest.raises(BomError):
        wheel_files.metadata(file)
