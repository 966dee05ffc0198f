"""New files of a shared folder put in place of old ones: all of them, or, by a journal, none.

In the folder `.bom-install` (mode 0700, locked while an install runs) the new files are put
together. Then the journal says which files come and which go, the old ones are moved away beside
it, and the new ones to their places; without the journal it is done. What was killed meanwhile is
taken back by the next install that finds a journal: whatever is new goes, whatever is old comes
back. That may be killed, too, and done again.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping  # noqa: TC003 - pydantic reads it
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from bom.errors import BomError, EnvironmentLacks, Refused
from bom.input import read_bounded
from bom.install.locked_folder import locked
from bom.installed.python.site import WORK
from bom.output import make_durable
from bom.printable import printable_os
from bom.private_folder import remove

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_JOURNAL: Final = "journal.json"
_STAGE: Final = "stage-"
_LIMIT: Final = 256 << 20  # bytes


class _Journal(BaseModel):
    """`moved`: path -> name of its old content in the folder `old`; `new`: paths of what comes;
    `folders`: those that are made for it, outer ones first. Paths are absolute; a character
    stands for each byte, since a path may be no UTF-8."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    moved: Mapping[str, str]
    new: tuple[str, ...]
    folders: tuple[str, ...]


class _Moves(NamedTuple):
    """What a journal says, its paths as this process spells them."""

    moved: Mapping[str, str]
    new: tuple[str, ...]
    folders: tuple[str, ...]


class Workplace:
    """The folder `.bom-install` in `site`, locked. `stage`: an empty folder for what is new.
    `roots`: nothing is moved that does not lie below one of them."""

    def __init__(self, folder: Path, roots: Sequence[Path]) -> None:
        # a name of its own: what a killed install had started may still write into another
        self.stage = folder / f"{_STAGE}{os.urandom(6).hex()}"
        self._folder = folder
        self._old = folder / "old"
        self._roots = tuple(map(os.path.normpath, roots))

    def put(self, new: Mapping[Path, Path], old: Sequence[Path]) -> None:
        """Move each of `new` (place -> where it is staged) to its place, and `old` out of the way.

        Raises BomError where a place is a folder, OSError; then everything is as before.
        """
        for place in new:
            if place.is_dir() and not place.is_symlink():
                raise BomError(
                    f"{printable_os(str(place))} is a folder, and a file is to be there",
                    hint="look what it is, and remove it",
                )
        gone = sorted({str(path) for path in (*old, *new) if os.path.lexists(path)})
        folders = _to_be_made(new)
        journal = _Moves(
            moved={path: str(number) for number, path in enumerate(gone)},
            new=tuple(sorted(map(str, new))),
            folders=tuple(map(str, folders)),
        )
        self._check(journal)
        self._old.mkdir(mode=0o700)
        self._write(journal)
        try:
            for path, name in journal.moved.items():
                _move(Path(path), self._old / name)
            for folder in folders:
                folder.mkdir(exist_ok=True)
            for place, staged in new.items():
                _move(staged, place)
        except BaseException:
            self.restore()
            raise
        self._remove_empty(gone)
        (self._folder / _JOURNAL).unlink()  # from here on it is done

    def restore(self) -> bool:
        """Take back what a cut-off install did; whether there was anything."""
        try:
            raw = read_bounded(self._folder / _JOURNAL, _LIMIT)
        except FileNotFoundError:
            self.clear()
            return False
        try:
            journal = _moves(raw)
        except ValueError as error:
            raise BomError(
                f"{printable_os(str(self._folder / _JOURNAL))} is no journal of an install",
                hint="look what it is, and remove the folder",
            ) from error
        self._check(journal)
        for path in journal.new:
            # an old file that was not moved away yet still stands where a new one was to be
            if path not in journal.moved or os.path.lexists(self._old / journal.moved[path]):
                with suppress(FileNotFoundError):
                    Path(path).unlink()
        for path, name in journal.moved.items():
            if os.path.lexists(self._old / name):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                _move(self._old / name, Path(path))
        for folder in reversed(journal.folders):
            self._remove_cache(Path(folder))
            with suppress(OSError):
                Path(folder).rmdir()
        (self._folder / _JOURNAL).unlink()
        self.clear()
        return True

    def _write(self, journal: _Moves) -> None:
        part = self._folder / f"{_JOURNAL}.part"
        part.write_text(_text(journal), "utf-8")
        make_durable(part)
        part.replace(self._folder / _JOURNAL)
        make_durable_folder(self._folder)

    def _check(self, journal: _Moves) -> None:
        """What a journal names must be ours to move: it lies in a folder that others may see."""
        for path in (*journal.new, *journal.moved, *journal.folders):
            whole = os.path.normpath(path) == path
            inside = any(path.startswith(f"{root}/") for root in self._roots)
            if not (whole and inside):
                raise Refused(
                    f"{printable_os(path)} is not in the environment that is installed into",
                    hint=f"look into {printable_os(str(self._folder))}",
                )
        self._check_folders(journal)
        if any(not name.isdecimal() for name in journal.moved.values()):
            raise Refused(f"{printable_os(str(self._folder))} holds no journal of an install")

    def _check_folders(self, journal: _Moves) -> None:
        """A link among the folders must not lead out of the environment."""
        roots = [os.path.realpath(root) for root in self._roots]
        for folder in {os.path.dirname(path) for path in (*journal.new, *journal.moved)}:  # noqa: PTH120
            real = os.path.realpath(folder)
            if not any(real == root or real.startswith(f"{root}/") for root in roots):
                raise Refused(
                    f"{printable_os(folder)} leads out of the environment that is installed into",
                    hint="look what that link is for, and remove it",
                )

    def _remove_empty(self, gone: Sequence[str]) -> None:
        """Folders that held nothing but what went."""
        for folder in sorted({os.path.dirname(path) for path in gone}, reverse=True):  # noqa: PTH120
            while folder not in self._roots and any(
                folder.startswith(f"{r}/") for r in self._roots
            ):
                self._remove_cache(Path(folder))
                try:
                    Path(folder).rmdir()
                except OSError:
                    break
                folder = os.path.dirname(folder)  # noqa: PTH120

    @staticmethod
    def _remove_cache(folder: Path) -> None:
        """Byte code that an interpreter wrote beside modules that are gone."""
        try:
            names = [entry.name for entry in folder.iterdir()]
        except OSError:
            return
        if folder.name != "__pycache__" and names != ["__pycache__"]:
            return
        cache = folder if folder.name == "__pycache__" else folder / "__pycache__"
        if cache.is_symlink():
            return
        modules = {path.name.partition(".")[0] for path in cache.parent.glob("*.py")}
        for path in cache.glob("*.pyc"):
            if path.name.partition(".")[0] not in modules:
                with suppress(OSError):
                    path.unlink()
        with suppress(OSError):
            cache.rmdir()

    def clear(self) -> None:
        """Take away all that is no journal."""
        for path in self._folder.iterdir():
            if path.name == self._old.name or path.name.startswith(_STAGE):
                remove(path)
        with suppress(FileNotFoundError):
            (self._folder / f"{_JOURNAL}.part").unlink()


@contextmanager
def working_in(site: Path, roots: Sequence[Path]) -> Iterator[Workplace]:
    """The workplace in a folder of packages, which is there, for one install at a time. What an
    earlier one left is taken back first. Raises BomError where another install is at it."""
    folder = site / WORK
    try:
        lock = locked(folder, site)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _failed(site, error) from error
    place = Workplace(folder, roots)
    try:
        place.restore()
        place.stage.mkdir(mode=0o700)
        yield place
    except OSError as error:
        raise _failed(site, error) from error
    finally:
        if not (folder / _JOURNAL).exists():
            place.clear()
            with suppress(OSError):
                folder.rmdir()
        os.close(lock)


def was_cut_off(site: Path) -> bool:
    """Whether an install into the folder was killed while it changed it."""
    return (site / WORK / _JOURNAL).exists()


def _text(moves: _Moves) -> str:
    def spell(path: str) -> str:
        return os.fsencode(path).decode("latin-1")

    return _Journal(
        moved={spell(path): name for path, name in moves.moved.items()},
        new=tuple(map(spell, moves.new)),
        folders=tuple(map(spell, moves.folders)),
    ).model_dump_json()


def _moves(raw: bytes) -> _Moves:
    """Raises ValueError where it is no journal."""

    def read(text: str) -> str:
        return os.fsdecode(text.encode("latin-1"))

    found = _Journal.model_validate_json(raw)
    return _Moves(
        {read(path): name for path, name in found.moved.items()},
        tuple(map(read, found.new)),
        tuple(map(read, found.folders)),
    )


def _to_be_made(new: Mapping[Path, Path]) -> list[Path]:
    found: set[Path] = set()
    for place in new:
        folder = place.parent
        while folder not in found and not folder.is_dir():
            found.add(folder)
            folder = folder.parent
    return sorted(found)


def _move(path: Path, target: Path) -> None:
    """Rename; across file systems copy to a name beside the target, then rename that."""
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".bom-tmp-{target.name[:80]}")
        with suppress(FileNotFoundError):
            part.unlink()
        shutil.copy2(path, part, follow_symlinks=False)
        part.rename(target)
        path.unlink()


def make_durable_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(site: Path, error: OSError) -> BomError:
    reason = f"{printable_os(str(site))} can't be installed into: {error.strerror or error}"
    kept = "what was there before is still there"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentLacks(reason, hint=f"make room on its disk; {kept}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        own = "install into an environment of your own: `python3 -m venv FOLDER`, then --python"
        return BomError(reason, hint=own)
    return BomError(reason, hint=kept)
