"""Every project in examples/unreproducible is built twice under circumstances that differ in
everything; what gets through is named, with its file, and nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
import typing
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.gallery.circumstances import (
    Built,
    lacking,
    lists_as_created,
    memory,
    require,
    two_builders,
)

from bom.compare import compare
from bom.compare.protocol import Cause, Circumstances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Need

    Pairs = Callable[[str], tuple[Built, Built]]

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECTS: Final = ROOT / "examples" / "unreproducible"
CASES: Final[list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("cases.toml").read_text(encoding="utf-8")
)["case"]


@pytest.fixture(scope="module")
def pairs(need: Need) -> Iterator[Pairs]:
    """What the two builders make of a project, built once."""
    require(need)
    with memory() as place:
        builders = two_builders(place)
        made: dict[str, tuple[Built, Built]] = {}

        def pair(number: str) -> tuple[Built, Built]:
            if number in ("02", "19") and not lists_as_created(place):
                lacking("folders here list their files in an order of their own")
            if number not in made:
                first, second = (builder.build(PROJECTS / number) for builder in builders)
                made[number] = (first, second)
            return made[number]

        yield pair


def named(pair: tuple[Built, Built], known: tuple[Circumstances, Circumstances]) -> list[list[str]]:
    """Where, and which cause, of everything that differs."""
    one, two = pair
    found = compare(one.artifact, two.artifact, epoch=0, known=known).differences
    return sorted([difference.path.removeprefix("./"), difference.cause] for difference in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["number"]))
@pytest.mark.parametrize("told", ["known", "unknown"])
def test_the_cause_and_the_file_are_named_and_no_other(
    case: dict[str, Any], told: str, pairs: Pairs, need: Need
) -> None:
    for tool in case.get("needs", ()):
        need(tool)
    pair = pairs(case["number"])
    known = (pair[0].known, pair[1].known)
    found = named(pair, known if told == "known" else (Circumstances(), Circumstances()))
    if told == "unknown":
        allowed = case.get("without", [])
        found = [item for item in found if item not in allowed]
    assert found
    for path, cause in found:
        assert any(fnmatch(path, name) and cause == right for name, right in case["expected"])
    for name, right in case["expected"]:
        assert any(fnmatch(path, name) and cause == right for path, cause in found)


def test_what_stays_unknown_says_what_it_may_be(pairs: Pairs) -> None:
    for case in CASES:
        if "candidates" not in case:
            continue
        one, two = pairs(case["number"])
        (difference,) = compare(one.artifact, two.artifact, epoch=0).differences
        assert list(difference.candidates) == case["candidates"]


def test_each_cause_has_a_project() -> None:
    shown = {cause for case in CASES for _, cause in case["expected"]}
    assert shown == set(typing.get_args(Cause))


def test_the_names_of_the_projects_give_nothing_away() -> None:
    words = {part for cause in typing.get_args(Cause) for part in cause.split("-")}
    for path in PROJECTS.rglob("*"):
        assert not words & set(path.relative_to(PROJECTS).as_posix().lower().split("/"))
    assert sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()) == [
        case["number"] for case in CASES
    ]


def test_a_project_built_twice_in_one_way_is_the_same(pairs: Pairs, tmp_path: Path) -> None:
    del pairs  # the tools are there
    for number in ("06", "09", "14"):
        made = []
        for folder in ("one", "two"):
            shutil.copytree(PROJECTS / number, tmp_path / number / folder)
            subprocess.run(
                ["./build.sh"],
                cwd=tmp_path / number / folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONHASHSEED": "0"},
                check=True,
                capture_output=True,
            )
            made.append((tmp_path / number / folder / "dist" / "made.tar").read_bytes())
        assert made[0] == made[1]
