"""Every project in examples/unreproducible is sealed `--as-is` by one builder and rebuilt by
another whose circumstances differ in everything; `bom rebuild` names the cause and the file.

What a BOM records, a rebuild restores: what a recorded variable decides comes out the same, and it
is `bom diff` of two builds that names it (the last test). For every project to differ in a rebuild,
the sealing builder has its locale (LC_ALL, recorded) where the other lacks it, and leaves
PYTHONHASHSEED unset, so that chance decides in both. All else differs by itself: the folder, the
order of its files, HOME, USER, the machine's name, the umask, TZ (in the run record alone), the
processors, the clock, the compiler, the wheels that pip finds, and a variable of the project's own.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase as fnmatch
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.e2e.builds import git
from tests.gallery.circumstances import (
    copy,
    lacking,
    language,
    lists_as_created,
    memory,
    require,
    two_builders,
)
from tests.gallery.test_gallery import CASES, PROJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Need
    from tests.e2e.builds import Bom, Key
    from tests.gallery.circumstances import Builder

pytestmark = pytest.mark.e2e
_CHANCE: Final = ("PYTHONHASHSEED",)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Gallery:
    """`one` seals, `two` rebuilds, in a folder for temporary files in which nothing may be left."""

    bom: Bom
    key: Key
    one: Builder
    two: Builder
    room: Path
    as_created: bool

    def sealed(self, number: str, **variables: str) -> Path:
        """The project's sealed artifact, in its git."""
        root = self.one.place / number
        if not root.exists():
            self.seal(self.one, number, **variables)
        return root / "dist" / "made.tar"

    def seal(self, builder: Builder, number: str, **variables: str) -> Path:
        root = builder.place / number
        copy(PROJECTS / number, root, builder.order)
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "thing")
        words = ("build", "--as-is", "--key", str(self.key.private), "--", "./build.sh")
        self._run(builder, words, root, 0, variables)
        return root / "dist" / "made.tar"

    def rebuilt(self, number: str, *options: str, code: int = 1) -> dict[str, Any]:
        """What `bom rebuild --json` says."""
        artifact = self.sealed(number)
        source = ("--source", str(self.one.place / number))
        words = ("rebuild", str(artifact), "--key", str(self.key.public), *source, "--json")
        found = json.loads(self._run(self.two, (*words, *options), self.room.parent, code))
        assert isinstance(found, dict)
        return found

    def diff(self, one: Path, two: Path) -> dict[str, Any]:
        """What `bom diff --json` says of the bytes."""
        words = ("diff", str(one), str(two), "--json", "--exit-code")
        found = json.loads(self._run(self.two, words, one.parent, 1))["bytes"]
        assert isinstance(found, dict)
        return found

    def _run(
        self,
        builder: Builder,
        words: tuple[str, ...],
        folder: Path,
        code: int,
        variables: Mapping[str, str] = _NOTHING,
    ) -> str:
        environment = {
            **self.bom.variables(),
            **builder.environment(),
            "TMPDIR": str(self.room),
        }
        for name in _CHANCE:
            environment.pop(name, None)
        environment.update(variables)
        done = builder.run([sys.executable, "-m", "bom", *words], folder, environment)
        # a rebuild that does not build ends with 1, too, and prints nothing
        told = done.stdout or words[0] == "build"
        assert done.returncode == code and told, f"{done.returncode}: {done.stderr}"
        assert list(self.room.iterdir()) == []
        return done.stdout


@pytest.fixture(scope="module")
def gallery(bom: Bom, key: Key, need: Need) -> Iterator[Gallery]:
    require(need)
    with memory() as place:
        other, first = two_builders(place)
        (place / "other-locales").mkdir()
        language(place / "other-locales", "de_DE")
        # So that one of them may build a second time on one processor, the other has both.
        one = dataclasses.replace(first, processors=1)
        two = dataclasses.replace(other, processors=2, locales=place / "other-locales")
        room = place / "room"
        room.mkdir()
        yield Gallery(bom, key, one, two, room, lists_as_created(place))


def named(found: dict[str, Any]) -> list[list[str]]:
    """Where, and which cause, of everything that differs."""
    return sorted([item["path"].removeprefix("./"), item["cause"]] for item in found["differences"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["number"]))
def test_a_rebuild_names_the_cause_and_the_file_and_no_other(
    case: dict[str, Any], gallery: Gallery, need: Need
) -> None:
    for tool in case.get("needs", ()):
        need(tool)
    if case["number"] in ("02", "19") and not gallery.as_created:
        lacking("folders here list their files in an order of their own")
    result = gallery.rebuilt(case["number"])
    assert result["verdict"] == case.get("verdict", "different")
    found = named(result)
    for path, cause in found:
        assert any(fnmatch(path, name) and cause == right for name, right in case["expected"])
    for name, right in case["expected"]:
        assert any(fnmatch(path, name) and cause == right for path, cause in found)
    for item in result["differences"]:
        assert item["evidence"] and item["remedy"]
        assert bool(item["candidates"]) == (item["cause"] == "unknown")
        if "candidates" in case:
            assert item["candidates"] == case["candidates"]


@pytest.mark.parametrize("number", ["16", "19"])
def test_what_content_leaves_open_is_settled_by_building_where_one_factor_decides(
    number: str, gallery: Gallery, need: Need
) -> None:
    need("faketime")
    if not gallery.as_created:
        lacking("folders here list their files in an order of their own")
    case = next(case for case in CASES if case["number"] == number)
    result = gallery.rebuilt(number, "--investigate")
    assert named(result) == case.get("investigated", case["expected"])


@pytest.mark.parametrize(
    ("number", "name", "values"),
    [("06", "LC_ALL", ("en_US.UTF-8", "C")), ("09", "PYTHONHASHSEED", ("1", "2"))],
)
def test_what_a_recorded_variable_decides_is_restored_and_shows_between_two_builds(
    number: str, name: str, values: tuple[str, str], gallery: Gallery
) -> None:
    case = next(case for case in CASES if case["number"] == number)
    places = [gallery.one.place / name / value for value in values]
    builders = [dataclasses.replace(gallery.one, place=place) for place in places]
    two = dataclasses.replace(gallery.two, locales=gallery.one.locales)
    made = [
        gallery.seal(builder, number, **{name: value})
        for builder, value in zip(builders, values, strict=True)
    ]
    assert named(gallery.diff(*made)) == case["expected"]
    again = dataclasses.replace(gallery, one=builders[0], two=two)
    assert again.rebuilt(number, code=0)["verdict"] == "same"
