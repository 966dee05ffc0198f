"""Environments compared with the BOM of what was installed there: made by hand, nothing is run."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.install.python.packages import record, sha256, wheel

from bom.errors import BomError
from bom.installed import compare
from bom.installed.protocol import Sealed
from bom.installed.python import receipt
from bom.installed.python.site import distributions, own_digest, package_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bom.installed.protocol import Drift

SITE = "lib/python3.12/site-packages"


class Lab:
    """An environment of another Python than this one, with an artifact and what it needs."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "venv"
        self.site = self.place / SITE
        (self.place / "bin").mkdir(parents=True)
        self.site.mkdir(parents=True)
        (self.place / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n")
        for name in ("python", "activate", "activate.fish"):
            (self.place / "bin" / name).write_text("")
        self.wheel = wheel(
            folder,
            "app",
            "1.0",
            {"app/__init__.py": "x = 1\n", "app/data.txt": "data"},
            ["alpha>=1", "later; python_version >= '3.13'", "beta; extra == 'more'"],
            ["more"],
        )
        alpha = wheel(folder, "alpha", "1.5", {"alpha.py": "a = 1\n", "b.py": "b = 1\n"}, ["deep"])
        deep = wheel(folder, "deep", "3", {"deep/__init__.py": ""})
        beta = wheel(folder, "beta", "4", {"beta.py": ""})
        self.files = {"app": self.wheel, "alpha": alpha, "deep": deep, "beta": beta}
        self.document: dict[str, Any] = {
            "metadata": {"component": {"name": "app", "version": "1.0"}},
            "components": [
                {"purl": f"pkg:pypi/{name}@{version}"}
                for name, version in [("alpha", "1.5"), ("deep", "3"), ("beta", "4")]
            ],
        }
        for name in ("app", "alpha", "deep"):
            self.unpack(name)
        self.artifact = Sealed(self.wheel, self.document, "wheel", sha256(self.wheel))

    def unpack(self, name: str) -> None:
        with zipfile.ZipFile(self.files[name]) as archive:
            archive.extractall(self.site)

    def note(self, **more: Any) -> None:
        """The receipt of an install."""
        found = distributions(self.site)
        packages = tuple(
            receipt.Package(
                name=item.name,
                version=item.version,
                digest=own_digest(item) if item.name == "app" else package_digest(item),
            )
            for item in found.values()
        )
        text = receipt.Receipt(
            built_sha256=self.artifact.built_sha256, packages=packages, **more
        ).model_dump_json()
        info = self.site / "app-1.0.dist-info"
        (info / receipt.NAME).write_text(text)
        with (info / "RECORD").open("a") as rows:
            rows.write(record({f"{info.name}/{receipt.NAME}": text}))

    def compare(self, place: Path | None = None) -> Drift:
        return compare(str(place or self.place), self.artifact)

    def found(self, place: Path | None = None) -> list[tuple[str, str]]:
        return [(finding.code, finding.where) for finding in self.compare(place).findings]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_right_after_an_install_there_is_nothing_to_find(lab: Lab) -> None:
    cache = lab.site / "app" / "__pycache__"
    cache.mkdir()
    (cache / "__init__.cpython-312.pyc").write_bytes(b"code")
    lab.note()
    drift = lab.compare()
    assert (drift.findings, drift.warnings) == ((), ())


def test_without_a_receipt_that_is_said(lab: Lab) -> None:
    drift = lab.compare()
    assert drift.findings == ()
    assert drift.warnings == (
        "no receipt of `bom install` is there: 3 packages are only held against their own RECORD",
    )


def _edit(path: str, text: str) -> Callable[[Lab], object]:
    return lambda lab: (lab.site / path).write_text(text)


def _forge(lab: Lab) -> None:
    """A file that is changed with its row in RECORD."""
    (lab.site / "alpha.py").write_text("a = 666\n")
    rows = lab.site / "alpha-1.5.dist-info" / "RECORD"
    kept = [row for row in rows.read_text().splitlines() if not row.startswith("alpha.py,")]
    rows.write_text("\n".join(kept) + "\n" + record({"alpha.py": "a = 666\n"}))


def _downgrade(lab: Lab) -> None:
    metadata = lab.site / "deep-3.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 3", "Version: 2"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_edit("app/__init__.py", "x = 2\n"), [("changed", f"{SITE}/app/__init__.py")]),
        (lambda lab: (lab.site / "app/data.txt").unlink(), [("missing", f"{SITE}/app/data.txt")]),
        (_edit("b.py", ""), [("changed", f"{SITE}/b.py")]),
        (lambda lab: (lab.site / "alpha.py").unlink(), [("missing", f"{SITE}/alpha.py")]),
        (_forge, [("changed", f"{SITE}/alpha-1.5.dist-info")]),
        (_edit("app/more.py", ""), [("additional", f"{SITE}/app/more.py")]),
        (_edit("evil.pth", "import os"), [("additional", f"{SITE}/evil.pth")]),
        (_edit("sourceless.pyc", ""), [("additional", f"{SITE}/sourceless.pyc")]),
        (_edit("../../../bin/ls", ""), [("additional", "bin/ls")]),
        (_downgrade, [("changed", "deep")]),
    ],
)
def test_each_change_is_found_where_it_is(
    lab: Lab, change: Callable[[Lab], object], expected: list[tuple[str, str]]
) -> None:
    lab.note()
    change(lab)
    assert lab.found() == [(f"installed-{code}", where) for code, where in expected]


def test_packages_that_are_gone_or_new_are_found(lab: Lab, tmp_path: Path) -> None:
    for path in (lab.site / "deep-3.dist-info").iterdir():
        path.unlink()
    (lab.site / "deep/__init__.py").unlink()
    lab.files["evil"] = wheel(tmp_path, "evil", "6", {"evil.py": ""})
    lab.unpack("evil")
    lab.unpack("beta")  # an extra's: the BOM lists it
    assert lab.found() == [("installed-missing", "deep"), ("installed-additional", "evil")]


def test_what_was_there_before_is_named_and_not_compared(lab: Lab) -> None:
    (lab.site / "mine.pth").write_text("")
    (lab.place / "bin/mine").write_text("")
    lab.note(others=("evil",), files=("mine.pth",), scripts=("mine",))
    drift = lab.compare()
    assert drift.findings == ()
    assert drift.warnings == (
        f"there before, of no package, and not compared: bin/mine, {SITE}/mine.pth",
    )


def test_pip_and_its_like_are_no_drift(lab: Lab, tmp_path: Path) -> None:
    lab.files["pip"] = wheel(tmp_path, "pip", "26", {"pip/__init__.py": ""})
    lab.note()
    lab.unpack("pip")
    assert lab.found() == []


def test_an_environment_is_known_by_its_interpreter_and_a_folder_by_its_packages(
    lab: Lab, tmp_path: Path
) -> None:
    lab.note()
    (lab.place / "lib64").symlink_to("lib")
    assert lab.found(lab.place / "bin" / "python") == []
    assert lab.found(lab.site) == []
    (lab.site / "b.py").unlink()
    assert lab.found(lab.site) == [("installed-missing", "b.py")]
    empty = tmp_path / "empty"
    empty.mkdir()
    for place in (empty, Path("/dev/null")):
        with pytest.raises(BomError, match="is nothing that a wheel is installed into"):
            lab.compare(place)
    with pytest.raises(BomError, match=r"there is no .*/none"):
        lab.compare(tmp_path / "none")


def test_what_a_system_s_package_manager_installed_is_not_compared(lab: Lab) -> None:
    """Debian's Python: its own folder beside the one that is installed into."""
    lab.note()
    (lab.place / "pyvenv.cfg").unlink()
    own = lab.place / "lib/python3/dist-packages"
    own.mkdir(parents=True)
    (own / "theirs.py").write_text("")
    assert lab.found(lab.place / "bin" / "python") == []


def test_another_artifact_is_not_installed_there(lab: Lab) -> None:
    lab.document["metadata"]["component"]["name"] = "other"
    assert lab.found() == [("installed-missing", "other")]
    lab.document["metadata"]["component"] = {"name": "app", "version": "2.0"}
    assert ("installed-changed", "app") in lab.found()


def test_an_install_that_was_cut_off_is_found(lab: Lab) -> None:
    lab.note()
    work = lab.site / ".bom-install"
    work.mkdir()
    (work / "journal.json").write_text("{}")
    assert lab.found() == [("installed-changed", f"{SITE}/.bom-install")]


@pytest.mark.parametrize("text", ["", "\0", '"', "a,b\n" * 3, "../../../../../../etc/passwd,,\n"])
def test_a_strange_record_is_a_finding_and_no_traceback(lab: Lab, text: str) -> None:
    lab.note()
    (lab.site / "alpha-1.5.dist-info" / "RECORD").write_text(text)
    (lab.site / "alpha-1.5.dist-info" / "METADATA").write_bytes(b"Name: alpha\nVersion: \xff\n")
    (lab.site / "x.dist-info").mkdir()
    (lab.site / "x.dist-info" / "METADATA").write_bytes(b"\xff\xfe")
    assert lab.found()


def test_nothing_is_run(lab: Lab) -> None:
    lab.note()
    events: set[str] = set()
    listening = [True]  # an audit hook stays for as long as the process lives

    def hook(event: str, _: object) -> None:
        if listening:
            events.add(event)

    sys.addaudithook(hook)
    lab.compare()
    listening.clear()
    assert "open" in events
    assert not {"subprocess.Popen", "os.exec", "os.system", "exec"} & events
