"""A scan loads and asks only the ecosystems that it meets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from tests.catalog.memory import memory_view

from bom.catalog import ECOSYSTEMS, WANTED, catalogue
from bom.catalog.concern import concerned
from bom.catalog.view import directory_view

if TYPE_CHECKING:
    from bom.catalog.protocol import FileView

CASES = Path(__file__).parent.parent / "cases"

# What no light module needs: the parsers of formats, and what stands on them.
HEAVY = {"packaging", "tomllib", "yaml", "zipfile", "email", "sqlite3", "defusedxml", "xml"}
# Modules of an ecosystem's package that say which files it reads.
LIGHT = {"folders", "places", "wanted"}


def names(view: FileView) -> set[str]:
    return {item.name for item in concerned(ECOSYSTEMS, view)}


def loaded(program: str) -> set[str]:
    code = f"import sys\n{program}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def parsers(modules: set[str]) -> set[str]:
    """The modules of ecosystems that do more than to say what is read."""
    inside = (name.split(".") for name in modules if name.startswith("bom.catalog."))
    packages = {type(item).__module__.split(".")[2] for item in ECOSYSTEMS}
    return {".".join(parts) for parts in inside if len(parts) > 3 and parts[2] in packages} - {
        f"bom.catalog.{package}.{name}" for package in packages for name in LIGHT
    }


def test_importing_the_catalogue_loads_no_parser() -> None:
    modules = loaded("import bom.catalog")
    assert not modules & HEAVY
    assert not parsers(modules)


def test_an_empty_folder_is_catalogued_without_a_parser(tmp_path: Path) -> None:
    modules = loaded(
        "from pathlib import Path\n"
        "from bom.catalog import catalogue_directory\n"
        f"catalogue_directory(Path({str(tmp_path)!r}))"
    )
    assert not parsers(modules)


def test_a_lock_loads_what_reads_it_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Cargo.lock").write_text("version = 4\n", encoding="utf-8")
    modules = loaded(
        "from pathlib import Path\n"
        "from bom.catalog import WANTED, declared\n"
        "from bom.catalog.view import directory_view\n"
        f"assert declared(directory_view(Path({str(tmp_path)!r}), WANTED)[0])"
    )
    found = {name.split(".")[2] for name in parsers(modules)}
    assert found == {"rust"}


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_who_is_not_asked_has_nothing_to_say(case: str) -> None:
    view, _ = directory_view(CASES / case / "in", WANTED)
    asked = concerned(ECOSYSTEMS, view)
    for ecosystem in ECOSYSTEMS:
        said = [*ecosystem.installed(view), *ecosystem.declared(view)]
        assert ecosystem in asked or not said, ecosystem.name


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_what_an_ecosystem_accepts_fits_what_it_says_that_it_reads(case: str) -> None:
    top = CASES / case / "in"
    for path in top.rglob("*"):
        inside = PurePosixPath(path.relative_to(top))
        for ecosystem in ECOSYSTEMS:
            if ecosystem.matches(inside):
                assert ecosystem.reads.fits(str(inside)), (ecosystem.name, inside)


def test_a_file_concerns_those_that_read_it() -> None:
    assert names(memory_view({})) == set()
    assert names(memory_view({"Cargo.lock": b""})) == {"cargo"}
    assert names(memory_view({"a/composer.json": b"", "go.mod": b""})) == {"composer", "golang"}
    assert names(memory_view({"vendor/x/composer.json": b""})) == set()


def test_what_only_says_whose_packages_there_are_concerns_nobody() -> None:
    view = memory_view(
        {
            "etc/os-release": b"ID=alpine\n",
            "etc/redhat-release": b"CentOS release 6.10 (Final)\n",
            "etc/apk/world": b"musl\n",
            "usr/share/doc/bash/copyright": b"",
        }
    )
    assert names(view) == set()
    assert [item.component.name for item in catalogue(view).installed] == ["alpine"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("var/lib/chisel/manifest.wall", "deb"),
        ("var/lib/rpmmanifest/container-manifest-2", "rpm"),
    ],
)
def test_what_an_ecosystem_tells_of_unread_concerns_it(path: str, name: str) -> None:
    view = memory_view({path: b"x"})
    assert names(view) == {name}
    assert [gap.where for gap in catalogue(view).gaps] == [path]


@pytest.mark.parametrize(
    ("database", "name"), [("var/lib/rpm/Packages", "rpm"), ("lib/apk/db/installed", "apk")]
)
def test_a_database_behind_a_link_that_is_not_read_is_told_of(database: str, name: str) -> None:
    folder, _, base = database.rpartition("/")
    view = memory_view({f"elsewhere/{base}": b"x"}, {folder: "/elsewhere"})
    assert names(view) == {name}
    (gap,) = catalogue(view).gaps
    assert "can't be read" in gap.why
