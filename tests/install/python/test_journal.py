"""Files put in place under a journal: whole or not at all, killed at any moment."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.install.python.conftest import environment, site, tree

from bom.errors import BomError, Refused
from bom.install import planned
from bom.install.protocol import Request
from bom.install.python.journal import was_cut_off, working_in
from bom.installed.python.site import WORK
from bom.sign.trust import trusted_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Need
    from tests.install.python.conftest import World

# What changes a file system, as Python's audit events have it (PEP 578).
CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "subprocess.Popen"})


def killed(work: Callable[[], object], moment: int) -> bool:
    """Do `work` in a process of its own that is killed (-9) at the `moment`-th change that it is
    about to make; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            count = 0

            def hook(event: str, arguments: object) -> None:
                nonlocal count
                writes = event == "open" and _writes(arguments)
                if event in CHANGES or writes:
                    count += 1
                    if count == moment:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(hook)
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _writes(arguments: object) -> bool:
    assert isinstance(arguments, tuple)
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def old_state(folder: Path) -> Path:
    """A folder with one package, and what belongs to others."""
    for path, text in {
        "pkg/__init__.py": "old",
        "pkg/only_old.py": "old",
        "pkg/gone/deep.py": "old",
        "other/mod.py": "other",
        "caf\udce9.py": "no utf-8",
    }.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def put_new(folder: Path) -> None:
    """Replace the package by one with other files."""
    with working_in(folder, [folder]) as place:
        new = {}
        for number, path in enumerate(["pkg/__init__.py", "pkg/new/a.py", "pkg2/b.py"]):
            staged = place.stage / str(number)
            staged.write_text("new")
            new[folder / path] = staged
        old = [folder / "pkg" / name for name in ("__init__.py", "only_old.py", "gone/deep.py")]
        place.put(new, [*old, folder / "caf\udce9.py"])


NEW = {
    "pkg/__init__.py": b"new",
    "pkg/new/a.py": b"new",
    "pkg2/b.py": b"new",
    "other/mod.py": b"other",
}


def folders(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_dir()}


def test_files_come_and_go_together(tmp_path: Path) -> None:
    folder = old_state(tmp_path / "site")
    put_new(folder)
    assert tree(folder) == NEW
    assert folders(folder) == {"pkg", "pkg/new", "pkg2", "other"}


def test_killed_at_any_change_it_is_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    before = tree(old_state(tmp_path / "model"))
    moment = 0
    seen = set()
    while True:
        moment += 1
        folder = old_state(tmp_path / f"site{moment}")
        if not killed(lambda: put_new(folder), moment):  # noqa: B023 - called at once
            assert tree(folder) == NEW
            break
        # the restoring is killed, too, once
        killed(lambda: _restore(folder), moment % 7 + 1)  # noqa: B023 - called at once
        _restore(folder)
        now = tree(folder)
        assert now in (before, NEW), moment
        if now == before:
            assert folders(folder) == {"pkg", "pkg/gone", "other"}
        seen.add("old" if now == before else "new")
    assert moment > 20
    assert seen == {"old", "new"}


def _restore(folder: Path) -> None:
    with working_in(folder, [folder]):
        assert not was_cut_off(folder)
    assert not (folder / WORK).exists()


def test_a_full_disk_at_any_rename_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(old_state(tmp_path / "model"))
    real = Path.rename
    for moment in range(1, 50):
        folder = old_state(tmp_path / f"site{moment}")
        calls = iter(range(1, 1000))

        def rename(self: Path, target: Path) -> Path:
            if next(calls) == moment:  # noqa: B023 - called at once
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
            return real(self, target)

        monkeypatch.setattr(Path, "rename", rename)
        try:
            put_new(folder)
        except BomError as error:
            assert "No space left on device" in error.reason
            assert error.hint.startswith("make room on its disk")
            assert tree(folder) == before
            assert not (folder / WORK).exists()
        else:
            break
    assert moment > 5


def test_across_file_systems_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = old_state(tmp_path / "site")
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if WORK in self.parts and WORK not in Path(target).parts:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    put_new(folder)
    assert tree(folder) == NEW


def test_two_at_once_one_is_told_so(tmp_path: Path) -> None:
    folder = old_state(tmp_path / "site")
    with (
        working_in(folder, [folder]),
        pytest.raises(BomError, match=r"another install into .* is running"),
        working_in(folder, [folder]),
    ):
        pass
    put_new(folder)


@pytest.mark.parametrize(
    "planted",
    [
        {"new": ["/etc/bom-test"], "moved": {}, "folders": []},
        {"new": [], "moved": {"SITE/../victim": "0"}, "folders": []},
        {"new": ["SITE/link/victim"], "moved": {}, "folders": []},
        {"new": [], "moved": {"SITE/x": "../../victim"}, "folders": []},
        {"new": "nonsense"},
    ],
)
def test_a_planted_journal_moves_nothing(tmp_path: Path, planted: dict[str, object]) -> None:
    folder = old_state(tmp_path / "site")
    (tmp_path / "victim").write_text("mine")
    (folder / "link").symlink_to(tmp_path)
    work = folder / WORK
    work.mkdir(mode=0o700)
    text = json.dumps({"format": 1, **planted}).replace("SITE", str(folder))
    (work / "journal.json").write_text(text)
    before = tree(tmp_path)
    with pytest.raises(BomError), working_in(folder, [folder]):
        pass
    assert tree(tmp_path) == before


def test_a_place_of_somebody_else_is_not_worked_in(tmp_path: Path) -> None:
    folder = old_state(tmp_path / "site")
    (folder / WORK).mkdir()
    (folder / WORK).chmod(0o777)
    with pytest.raises(Refused), working_in(folder, [folder]):
        pass


def test_a_link_out_of_the_environment_is_not_followed(tmp_path: Path) -> None:
    folder = old_state(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    (folder / "pkg2").symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path)
    with pytest.raises(Refused, match="leads out of the environment"):
        put_new(folder)
    assert tree(tmp_path) == before


@pytest.mark.e2e
def test_an_install_killed_at_20_moments_is_taken_back_or_done(
    world: World, tmp_path: Path, need: Need
) -> None:
    need("uv")

    def fresh(name: str) -> Path:
        place = environment(tmp_path / name)
        old = site(place) / "beta_lib-1.0.dist-info"
        old.mkdir()
        (old / "METADATA").write_text("Name: beta-lib\nVersion: 1.0\n")
        (old / "RECORD").write_text("beta_old.py,,\nbeta_lib-1.0.dist-info/METADATA,,\n")
        (site(place) / "beta_old.py").write_text("B = 1\n")
        return place

    place = fresh("venv")
    before = tree(place)
    keys = trusted_keys([world.key], [], {})
    request = Request(
        dict(os.environ),
        python=place,
        installer="uv",
        no_index=True,
        find_links=(str(world.wheels),),
    )
    with planned(world.wheel, keys, request) as work:
        total = _changes(work.run, tmp_path)
        done = tree(place)
        outcomes = set()
        for number in range(20):
            _put_back(place, before)
            assert killed(work.run, 1 + number * (total - 1) // 19)
            with working_in(site(place), [place]):  # what the next install begins with
                pass
            assert tree(place) in (before, done), number
            outcomes.add("old" if tree(place) == before else "new")
    assert "old" in outcomes
    again = world.offline(world.wheel, "--python", place, "--installer", "uv")
    assert again.code == 0, again.err
    assert world.verify(world.wheel, place).code == 0


def _changes(work: Callable[[], object], scratch: Path) -> int:
    """How many changes `work` makes; it is done."""
    counted = scratch / "changes"
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, arguments: object) -> None:
            nonlocal count
            count += event in CHANGES or (event == "open" and _writes(arguments))

        sys.addaudithook(hook)
        work()
        counted.write_text(str(count))
        os._exit(0)
    os.waitpid(child, 0)
    return int(counted.read_text())


def _put_back(place: Path, before: dict[str, bytes]) -> None:
    """The environment as it was."""
    for path in sorted(place.rglob("*"), reverse=True):
        name = str(path.relative_to(place))
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in before:
            path.unlink()
    for name, content in before.items():
        path = place / name
        if not path.is_symlink():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
