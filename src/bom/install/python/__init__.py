"""Wheels and sdists, with pip or uv: what they need is fetched by digest and installed as a whole.

Plan: the BOM says which files may be taken (`listed`), the packages themselves which are needed
(`closure`), the client fetches them into a private folder (`pip`, `uv`). Install: the client puts
everything together beside the environment, without a network; that is held against what was
fetched (`staged`) and moved into place under a journal (`journal`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bom.errors import BomError, EnvironmentLacks
from bom.install.protocol import Plan, Step
from bom.install.python import sdist
from bom.install.python.client import fetched
from bom.install.python.closure import Closure, stated
from bom.install.python.interpreter import Interpreter, interpreter
from bom.install.python.journal import was_cut_off, working_in
from bom.install.python.layout import Layout
from bom.install.python.pip import Pip
from bom.install.python.prerequisites import (
    check_extras,
    check_python,
    conflicts,
    refuse_older_records,
    refuse_strangers,
)
from bom.install.python.staged import check, put_in_order, write_receipt
from bom.install.python.uv import Uv
from bom.installed.python import receipt, wheel_files
from bom.installed.python.listed import Listed, shipped
from bom.installed.python.site import (
    digest,
    distributions,
    own_digest,
    package_digest,
    unowned,
    unowned_scripts,
)
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.install.protocol import Action, Request, Verified
    from bom.install.python.client import Client, Package
    from bom.installed.python.site import Distribution


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All that `install` needs. `name`: the artifact's package; `packages`: it, and what it needs.
    `kept`: those of them that are there already."""

    python: Interpreter
    client: Client
    name: str
    packages: tuple[Package, ...]
    kept: frozenset[str]
    target: Path | None


class PythonInstaller:
    """Stands in `bom.install.INSTALLERS`."""

    name: str = "python"
    options: frozenset[str] = frozenset(
        {
            "--python",
            "--target",
            "--installer",
            "--extra",
            "--index-url",
            "--extra-index-url",
            "--find-links",
            "--no-index",
        }
    )

    def recognises(self, artifact: Verified) -> bool:
        return artifact.kind in ("wheel", "sdist")

    def plan(self, artifact: Verified, request: Request) -> Plan:
        python = interpreter(request)
        target = None if request.target is None else Path(request.target.absolute())
        if target is not None and target.exists() and not target.is_dir():
            raise BomError(
                f"{printable_os(str(target))} is no folder", hint="--target names a folder"
            )
        where = str(target) if target is not None else python.prefix
        sites = _sites(python, target)
        restored = _restored(sites[0], _roots(python, target))
        client = _client(python, request, artifact.room)
        wheel = self._wheel(artifact, python, client, request)
        package, needed = _needed(wheel, artifact, python, client, request)
        packages = (package, *needed)
        refuse_older_records(sites, packages)
        there = _there(sites)
        refuse_strangers(sites, packages, there)
        same = frozenset(
            item.name
            for item in packages
            if item.name in there and _is_same(there[item.name], item)
        )
        whole = len(same) == len(packages) and _has_receipt(there[package.name], artifact, request)
        # a receipt is about all of them: with one that is replaced, it is written anew
        kept = same if whole else same - {package.name}
        steps = tuple(_step(item, there.get(item.name), same, kept) for item in packages)
        steps = (*restored, *steps)
        prepared = _Prepared(python, client, package.name, packages, kept, target)
        return Plan(printable_os(where), steps, conflicts(needed, there, packages), prepared)

    def install(self, artifact: Verified, request: Request, plan: Plan) -> Plan:
        prepared: _Prepared = plan.prepared
        new = [item for item in prepared.packages if item.name not in prepared.kept]
        if not new:
            return plan
        sites = _sites(prepared.python, prepared.target)
        roots = _roots(prepared.python, prepared.target)
        made = _made(sites[0])
        try:
            with working_in(sites[0], roots) as place:
                before = _there(sites)
                layout = _layout(prepared, place.stage)
                prepared.client.stage(new, place.stage, prepared.target)
                _require_layout(layout, prepared.client)
                check(layout, put_in_order(layout, prepared.name), new)
                _receive(layout, prepared, artifact, request, before, sites)
                staged = layout.places()
                place.put(staged, _outdated(before, new))
        except BaseException:
            for folder in reversed(made):  # what is empty; a journal, if there is one, stays
                try:
                    folder.rmdir()
                except OSError:
                    break
            raise
        return plan

    @staticmethod
    def _wheel(artifact: Verified, python: Interpreter, client: Client, request: Request) -> Path:
        """The wheel to install, under its right name: the artifact, or what it builds."""
        folder = artifact.room / "own"
        folder.mkdir(mode=0o700)
        if artifact.kind == "sdist":
            return sdist.built(artifact, python, request, folder)
        wheel = folder / artifact.built_name
        if not wheel.name.endswith(".whl"):
            raise BomError(f"{artifact.built_name} is not called as a wheel is")
        wheel.write_bytes(artifact.file.read_bytes())
        return wheel


def _sites(python: Interpreter, target: Path | None) -> tuple[Path, ...]:
    """The folders of packages, the first one where the work is done."""
    if target is not None:
        return (target,)
    return tuple(dict.fromkeys(Path(python.paths[name]) for name in ("purelib", "platlib")))


def _roots(python: Interpreter, target: Path | None) -> tuple[Path, ...]:
    return (target,) if target is not None else python.roots


def _restored(site: Path, roots: Sequence[Path]) -> tuple[Step, ...]:
    """Take back what an install did that was cut off."""
    if not was_cut_off(site):
        return ()
    with working_in(site, roots):
        detail = "an install that was cut off was taken back"
    return (Step(printable_os(str(site)), action="restore", detail=detail),)


def _client(python: Interpreter, request: Request, room: Path) -> Client:
    folder = room / "client"
    folder.mkdir(mode=0o700)
    return (
        Uv(python, request, folder) if request.installer == "uv" else Pip(python, request, folder)
    )


def _needed(
    wheel: Path, artifact: Verified, python: Interpreter, client: Client, request: Request
) -> tuple[Package, tuple[Package, ...]]:
    """The artifact as a package, and all that it needs here."""
    own = stated(wheel_files.metadata(wheel))
    check_extras(request, own)
    check_python(python, own)
    with wheel.open("rb") as stream:
        digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    mine = Listed(own.name, own.version, (digest,))
    (package,) = client.fetch([mine], {own.name: wheel})
    closure = Closure(shipped(artifact.document), python.markers)
    return package, fetched(closure, closure.add(own, request.extras), client)


def _there(sites: Sequence[Path]) -> dict[str, Distribution]:
    return {name: item for site in reversed(sites) for name, item in distributions(site).items()}


def _is_same(item: Distribution, package: Package) -> bool:
    """Whether what is installed is, file by file, what would be installed."""
    if item.version != package.version or item.rows is None or item.is_editable:
        return False
    if any(item.rows.get(path) != stated for path, stated in package.files.items()):
        return False
    return all(digest(place) == item.rows[path] for path, place in item.files() if item.rows[path])


def _has_receipt(item: Distribution, artifact: Verified, request: Request) -> bool:
    found = receipt.read(item.info, artifact.built_sha256)
    wanted = tuple(sorted(map(canonicalize_name, request.extras)))
    return found is not None and found.extras == wanted


def _step(
    package: Package, there: Distribution | None, same: frozenset[str], kept: frozenset[str]
) -> Step:
    action: Action = "install"
    detail = ""
    if package.name in kept:
        action = "keep"
    elif package.name in same:
        action, detail = "replace", "the same, with a new receipt"
    elif there is not None:
        action = "replace"
        detail = "other files" if there.version == package.version else f"{there.version} was there"
    return Step(package.name, package.version, action, package.digest, detail)


def _layout(prepared: _Prepared, stage: Path) -> Layout:
    if prepared.target is not None:
        return Layout(prepared.python, stage, prepared.target, prepared.target)
    top = Path(prepared.python.prefix if prepared.client.name == "uv" else "/")
    layout = Layout(prepared.python, stage, top, None)
    for site in layout.sites:
        if not site.is_relative_to(top):
            raise EnvironmentLacks(
                f"{prepared.client.name} does not install into {printable_os(str(site))}",
                hint="use --installer pip",
            )
    return layout


def _require_layout(layout: Layout, client: Client) -> None:
    """uv knows nothing of the folders that an operating system's Python has of its own."""
    if not any(site.is_dir() for site in layout.staged_sites):
        raise EnvironmentLacks(
            f"{client.name} does not install into {printable_os(str(layout.sites[0]))}",
            hint="use --installer pip",
        )


def _receive(
    layout: Layout,
    prepared: _Prepared,
    artifact: Verified,
    request: Request,
    before: Mapping[str, Distribution],
    sites: Sequence[Path],
) -> None:
    """Write the receipt: how every package looks now, and what else was there before."""
    now = layout.staged()
    own = now[prepared.name]
    packages = []
    for package in prepared.packages:
        item = now.get(package.name) or before[package.name]
        digest = own_digest(item) if item is own else package_digest(item)
        packages.append(receipt.Package(name=item.name, version=item.version, digest=digest))
    listed = {item.name for item in prepared.packages}
    note = receipt.Receipt(
        built_sha256=artifact.built_sha256,
        extras=tuple(sorted(map(canonicalize_name, request.extras))),
        packages=tuple(packages),
        others=tuple(sorted(set(before) - listed)),
        files=tuple(
            sorted({printable_os(path) for site in sites for path in unowned(site, before)})
        ),
        scripts=()
        if prepared.target is not None
        else tuple(
            map(
                printable_os,
                unowned_scripts(Path(prepared.python.paths["scripts"]), before.values()),
            )
        ),
    )
    write_receipt(own, note.model_dump_json(indent=1) + "\n")


def _outdated(before: Mapping[str, Distribution], new: Sequence[Package]) -> list[Path]:
    """All files of the packages that are replaced."""
    found: list[Path] = []
    for package in new:
        item = before.get(package.name)
        if item is None:
            continue
        if item.rows is None:
            raise BomError(
                f"{item.name} {item.version} is there, and nothing says which files are its",
                hint="uninstall it first, by what installed it",
            )
        places = [place for _, place in item.files()]
        places += [path for path in item.info.rglob("*") if path.is_symlink() or path.is_file()]
        for place in places:
            if place.suffix == ".py":
                found += place.parent.glob(f"__pycache__/{_escaped(place.stem)}.*.pyc")
        found += places
    return found


def _escaped(text: str) -> str:
    from glob import escape

    return escape(text)


def _made(site: Path) -> list[Path]:
    """Make the folder of packages with those above it; those that are new, outer ones first."""
    new: list[Path] = []
    folder = site
    while not folder.exists():
        new.append(folder)
        folder = folder.parent
    new.reverse()
    for folder in new:
        folder.mkdir(exist_ok=True)
    return new
