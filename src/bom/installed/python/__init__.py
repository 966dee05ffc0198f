"""A Python environment, or a folder of packages, compared with the BOM of what was installed there.

The artifact's own files are held against the artifact. Of other packages a BOM has digests of their
wheels: their files are held against their RECORD, and RECORD and all against the receipt that
`bom install` left. Nothing of the environment is run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bom.compose import reading
from bom.errors import BomError
from bom.installed.protocol import Drift, additional, changed, missing
from bom.installed.python import listed, receipt, wheel_files
from bom.installed.python.markers import holds
from bom.installed.python.site import (
    WORK,
    Distribution,
    digest,
    distributions,
    own_digest,
    package_digest,
    unowned,
    unowned_scripts,
)
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bom.installed.protocol import Sealed
    from bom.model import Finding

_CONFIGURATION: Final = "pyvenv.cfg"  # at the top of a virtual environment (PEP 405)
# What an environment brings by itself.
_TOOLS: Final = frozenset({"distribute", "pip", "setuptools", "uv", "wheel"})
_FILES: Final = frozenset({"_virtualenv.pth", "_virtualenv.py", "distutils-precedence.pth"})
_SCRIPTS: Final = ("activate", "Activate", "deactivate", "python", "pypy", "pydoc")
_SEAL: Final = ("/sboms/bom-seal.cdx.json", "/bom-seal.sigstore.json")
_LISTED: Final = 100  # files that are named one by one


@dataclass(frozen=True, slots=True)
class _Environment:
    """`top`: what paths are told from. `scripts`: the folder of programs, None where there is none
    of its own."""

    top: Path
    sites: tuple[Path, ...]
    scripts: Path | None
    python: str


class PythonEnvironment:
    """Stands in `bom.installed.INSPECTORS`."""

    name: str = "python"

    def recognises(self, place: str, artifact: Sealed) -> bool:
        return artifact.kind in ("wheel", "sdist") and _environment(Path(place)) is not None

    def compare(self, place: str, artifact: Sealed) -> Drift:
        environment = _environment(Path(place))
        assert environment is not None
        return _Comparison(environment, artifact).drift()


class _Comparison:
    def __init__(self, environment: _Environment, artifact: Sealed) -> None:
        self._artifact = artifact
        self._name = canonicalize_name(str(reading.subject(artifact.document).get("name") or ""))
        by_site = {site: distributions(site) for site in environment.sites}
        holding = tuple(site for site, found in by_site.items() if self._name in found)
        if environment.scripts is None and holding:
            # a system's Python has several folders: those of its package manager are its own
            environment = replace(environment, sites=holding)
        self._where = environment
        self._found: dict[str, Distribution] = {}
        for site in reversed(environment.sites):
            self._found |= by_site[site]
        self._listed = listed.shipped(artifact.document)
        self._warnings: list[str] = []

    def drift(self) -> Drift:
        subject = reading.subject(self._artifact.document)
        name = self._name
        own = self._found.get(name)
        findings = [*self._cut_off()]
        if own is None:
            findings.append(missing("the artifact is not installed there", name))
            return Drift(tuple(findings), ())
        note = receipt.read(own.info, self._artifact.built_sha256)
        stated = {item.name: item for item in note.packages} if note else {}
        findings += self._own_files(own, str(subject.get("version") or ""))
        expected = {name, *stated} if note else {name, *self._needed(own)}
        expected |= self._found.keys() & self._listed.keys()
        for package in sorted(expected):
            findings += self._package(package, name, stated.get(package))
        findings += self._additional(expected, note)
        if note is None:
            self._warnings.append(
                f"no receipt of `bom install` is there: {len(expected)} packages are only held"
                " against their own RECORD"
            )
        unstated = sorted((expected & self._found.keys()) - stated.keys())
        if note is not None and unstated:
            self._warnings.append(
                f"installed by something else, and only held against RECORD: {_names(unstated)}"
            )
        once = {(item.code, item.where): item for item in reversed(findings)}
        kept = tuple(item for item in findings if once[(item.code, item.where)] is item)
        return Drift(kept, tuple(self._warnings))

    def _cut_off(self) -> Iterator[Finding]:
        for site in self._where.sites:
            if (site / WORK / "journal.json").exists():
                yield changed(
                    "an install was cut off here; the next `bom install` takes it back",
                    self._shown(site / WORK),
                )

    def _own_files(self, own: Distribution, version: str) -> Iterator[Finding]:
        """The artifact's files against the artifact itself. What a built wheel (not sealed, or
        made from the sdist) lacks of the seal is no drift."""
        if not _same(own.version, version):
            yield changed(
                "another version of the artifact is installed",
                own.name,
                expected=version,
                found=own.version,
            )
            return
        if self._artifact.kind != "wheel":
            return
        for member in wheel_files.members(self._artifact.file):
            if member.scheme:
                continue  # where they went stands in RECORD, which is held against the receipt
            place = own.site / member.path
            actual = digest(place)
            if actual == member.digest or (not actual and member.path.endswith(_SEAL)):
                continue
            if not actual:
                yield missing("a file of the artifact", self._shown(place), expected=member.digest)
            else:
                yield changed(
                    "a file of the artifact",
                    self._shown(place),
                    expected=member.digest,
                    found=actual,
                )

    def _needed(self, own: Distribution) -> set[str]:
        """What the artifact needs here, by what is stated in what is installed. Without a receipt
        nobody knows for which extras."""
        markers = {str(key): str(value) for key, value in default_environment().items()}
        if self._where.python:
            full = self._where.python
            markers["python_version"] = ".".join(full.split(".")[:2])
            markers["python_full_version"] = full
        active: dict[str, set[str]] = {own.name: {""}}
        waiting = [own.name]
        while waiting:
            item = self._found.get(waiting.pop())
            for text in item.requires if item else ():
                try:
                    wanted = Requirement(text)
                except InvalidRequirement:
                    continue
                if (
                    item
                    and wanted.marker
                    and not any(
                        holds(str(wanted.marker), markers, extra) for extra in active[item.name]
                    )
                ):
                    continue
                name = canonicalize_name(wanted.name)
                asked = {"", *map(canonicalize_name, wanted.extras)}
                if not asked <= active.get(name, set()):
                    active.setdefault(name, set()).update(asked)
                    waiting.append(name)
        return set(active)

    def _package(
        self, name: str, artifact: str, stated: receipt.Package | None
    ) -> Iterator[Finding]:
        item = self._found.get(name)
        if item is None:
            yield missing("a package that the artifact needs", name)
            return
        allowed = [entry.version for entry in self._listed.get(name, ())]
        if name != artifact and not any(_same(item.version, version) for version in allowed):
            yield changed(
                "another version than the BOM lists" if allowed else "the BOM does not list it",
                name,
                expected=", ".join(allowed),
                found=item.version,
            )
            return
        wrong = list(self._against_record(item))
        yield from wrong
        if stated is None or wrong:
            return
        now = own_digest(item) if name == artifact else package_digest(item)
        if not _same(stated.version, item.version) or stated.digest != now:
            yield changed(
                "a package is not as it was installed, and its RECORD was changed with it",
                self._shown(item.info),
                expected=f"sha256:{stated.digest}",
                found=f"sha256:{now}",
            )

    def _against_record(self, item: Distribution) -> Iterator[Finding]:
        if item.rows is None:
            yield changed("nothing says which files are the package's", self._shown(item.info))
            return
        for path, place in item.files():
            row = item.rows[path]
            actual = digest(place)
            if not actual:
                yield missing(f"a file of {item.name}", self._shown(place), expected=row)
            elif row and row.startswith("sha256:") and row != actual:
                yield changed(
                    f"a file of {item.name}", self._shown(place), expected=row, found=actual
                )

    def _additional(self, expected: set[str], note: receipt.Receipt | None) -> Iterator[Finding]:
        before = set(note.others) if note else set()
        others = sorted(self._found.keys() - expected - _TOOLS)
        for name in others:
            if name not in before:
                item = self._found[name]
                yield additional("a package that the BOM does not list", name, found=item.version)
        if kept := [name for name in others if name in before]:
            self._warnings.append(f"there before, and not compared: {_names(kept)}")
        files, known = self._unowned(note)
        if known:
            self._warnings.append(
                f"there before, of no package, and not compared: {_names(sorted(known))}"
            )
        for path in files[:_LISTED]:
            yield additional("a file that no package lists", path)
        if len(files) > _LISTED:
            yield additional(
                f"{len(files) - _LISTED} more files that no package lists",
                self._shown(self._where.sites[0]),
            )

    def _unowned(self, note: receipt.Receipt | None) -> tuple[list[str], list[str]]:
        """Files that are nobody's: those that are new, and those that were there before."""
        new: list[str] = []
        known: list[str] = []
        for site in self._where.sites:
            for path in unowned(site, self._found):
                if path not in _FILES:
                    before = note is not None and printable_os(path) in note.files
                    (known if before else new).append(self._shown(site / path))
        if self._where.scripts is not None:
            for name in unowned_scripts(self._where.scripts, self._found.values()):
                if not name.startswith(_SCRIPTS):
                    before = note is not None and printable_os(name) in note.scripts
                    (known if before else new).append(self._shown(self._where.scripts / name))
        return new, known

    def _shown(self, place: Path) -> str:
        try:
            return printable_os(str(place.relative_to(self._where.top)))
        except ValueError:
            return printable_os(str(place))


def _environment(place: Path) -> _Environment | None:
    """An environment by its folder or its interpreter, or a folder with packages (`--target`);
    None where it is none of them."""
    try:
        if place.is_dir():
            if (place / _CONFIGURATION).is_file():
                return _virtual(place)
            if any(place.glob("*.dist-info")):
                return _Environment(place, (place,), None, "")
            return None
        if not place.is_file():
            return None
    except OSError:
        return None
    top = place.absolute().parent.parent
    if (top / _CONFIGURATION).is_file():
        return _virtual(top)
    names = (
        "lib/python3*/site-packages",
        "lib/python3*/dist-packages",
        "local/lib/python3*/*-packages",
    )
    sites = _folders(top, names)
    return _Environment(top, sites, None, _version(sites[0])) if sites else None


def _virtual(top: Path) -> _Environment:
    sites = _folders(top, ("lib/*/site-packages", "lib64/*/site-packages"))
    if not sites:
        raise BomError(
            f"{printable_os(str(top))} is an environment without a folder for packages",
            hint="is it a whole one?",
        )
    full = ""
    for line in (top / _CONFIGURATION).read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() in ("version", "version_info"):
            full = ".".join(value.strip().split(".")[:3])
    return _Environment(top, sites, top / "bin", full or _version(sites[0]))


def _folders(top: Path, patterns: Iterable[str]) -> tuple[Path, ...]:
    """Each once, where `lib64` is a link to `lib`."""
    found: dict[Path, Path] = {}
    for pattern in patterns:
        for folder in sorted(top.glob(pattern)):
            if folder.is_dir():
                found.setdefault(folder.resolve(), folder)
    return tuple(found.values())


def _version(site: Path) -> str:
    name = site.parent.name.removeprefix("python")
    return name if name[:1].isdigit() and "." in name else ""


def _same(one: str, two: str) -> bool:
    try:
        return Version(one) == Version(two)
    except InvalidVersion:
        return one == two


def _names(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
