"""What a wrapped build is given so that it comes out the same, and what of the user's stays."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from bom.build_options import BuildOptions
from bom.config import Config
from bom.errors import Refused
from bom.model import Setting
from bom.observe import commit_time
from bom.place import place_of
from bom.repeatable import as_is, repeatable

if TYPE_CHECKING:
    from pathlib import Path


def test_two_users_with_nothing_in_common_get_the_same() -> None:
    one = repeatable({"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "LANGUAGE": "de"}, 1700000000)
    other = repeatable({"LC_ALL": "C", "LC_COLLATE": "en_US", "PYTHONHASHSEED": ""}, 1700000000)
    assert (
        one.environment
        == other.environment
        == {
            "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": "1700000000",
            "TZ": "UTC",
        }
    )
    assert one.fixed == other.fixed == set(one.environment)
    assert (one.umask, one.epoch) == (other.umask, other.epoch) == (0o022, 1700000000)


def test_what_gave_way_is_told_and_what_was_equal_is_not() -> None:
    found = repeatable({"TZ": "UTC", "LC_ALL": "C", "LC_TIME": "fr_FR", "HOME": "/h"}, None)
    assert found.replaced == {"LC_ALL": "C", "LC_TIME": "fr_FR"}
    assert found.environment["HOME"] == "/h"


def test_an_epoch_or_hash_seed_of_the_users_own_stays() -> None:
    given = {"SOURCE_DATE_EPOCH": "42", "PYTHONHASHSEED": "random"}
    found = repeatable(given, 42)
    assert {name: found.environment[name] for name in given} == given
    assert not set(given) & found.fixed


def test_without_a_time_there_is_no_epoch() -> None:
    found = repeatable({"SOURCE_DATE_EPOCH": ""}, None)
    assert found.environment["SOURCE_DATE_EPOCH"] == ""
    assert found.epoch is None


def test_as_is_touches_nothing() -> None:
    given = {"TZ": "Asia/Tokyo", "LANG": "de_DE"}
    found = as_is(given)
    assert found.environment == given
    assert (found.fixed, found.replaced, found.umask, found.epoch) == (frozenset(), {}, None, None)


# --- where a build runs --------------------------------------------------------------------------


def repository(folder: Path, date: str = "1700000000 +0200") -> Path:
    folder.mkdir()
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        settings = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        subprocess.run(
            ["git", *settings, *words], cwd=folder, check=True, env={**os.environ, **dates}
        )
    return folder


def options(
    folder: Path, *, as_is: bool = False, normalize: bool = False, **variables: str
) -> BuildOptions:
    return BuildOptions(
        ("make",),
        folder,
        variables,
        Config(normalize=normalize),
        None,
        artifacts=("out/*.bin", f"{folder}/dist/*.whl", "/elsewhere/x.tar"),
        images=("app:1",),
        as_is=as_is,
    )


def test_the_clock_is_the_commits_time_and_the_users_where_he_sets_one(tmp_path: Path) -> None:
    folder = repository(tmp_path / "project")
    assert commit_time(folder) == 1700000000
    found = place_of(options(folder, normalize=True))
    assert (found.given, found.around.epoch, found.normalise) == (None, 1700000000, 1700000000)
    found = place_of(options(folder, normalize=True, SOURCE_DATE_EPOCH="5"))
    assert (found.given, found.around.epoch, found.normalise) == (5, 5, 5)


def test_as_is_gives_no_clock_but_normalises_to_the_commits_time(tmp_path: Path) -> None:
    folder = repository(tmp_path / "project")
    assert place_of(options(folder, as_is=True)).around.epoch is None
    found = place_of(options(folder, as_is=True, normalize=True, SOURCE_DATE_EPOCH="5"))
    assert (found.around.epoch, found.normalise) == (None, 5)
    assert found.around.environment == {"SOURCE_DATE_EPOCH": "5"}


@pytest.mark.parametrize("date", ["@-5 +0000", "1700000000 +0200"])
def test_a_commit_before_1970_or_none_at_all_gives_no_time(tmp_path: Path, date: str) -> None:
    if date.startswith("@-"):  # git itself makes no such commit, but others do
        folder = repository(tmp_path / "project")
        raw = subprocess.check_output(["git", "cat-file", "commit", "HEAD"], cwd=folder)
        made = subprocess.run(
            ["git", "hash-object", "-t", "commit", "--literally", "-w", "--stdin"],
            input=raw.replace(b"> 1700000000", b"> -5"),
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout.decode()
        subprocess.run(["git", "update-ref", "HEAD", made.strip()], cwd=folder, check=True)
    else:
        folder = tmp_path / "no-repository"
        folder.mkdir()
    assert commit_time(folder) is None
    assert "SOURCE_DATE_EPOCH" not in place_of(options(folder)).around.environment
    with pytest.raises(Refused, match="needs a time"):
        place_of(options(folder, normalize=True))


def test_what_a_rebuild_has_to_repeat_is_recorded_and_names_no_place(tmp_path: Path) -> None:
    folder = repository(tmp_path / "project")
    wanted = options(folder, as_is=True, normalize=True)
    found = set(place_of(wanted).told(wanted))
    assert found == {
        Setting("option", "as-is", "true"),
        Setting("option", "normalize", "true"),
        Setting("option", "artifact", "out/*.bin"),
        Setting("option", "artifact", "dist/*.whl"),
        Setting("option", "artifact", "x.tar"),
        Setting("option", "image", "app:1"),
    }
    plain = options(folder)
    assert Setting("option", "umask", "022") in set(place_of(plain).told(plain))
