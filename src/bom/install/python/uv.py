"""uv: `uv pip install` by digest into private folders, out of a cache that nobody else has.

uv keeps no wheels, only what was in them, and checks a file's digest while it unpacks it. So what
was fetched is what lies in the private cache, and staging works out of that, offline.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from bom.catalog.python.record import INSTALLERS_OWN
from bom.errors import BomError, EnvironmentLacks
from bom.install.python.client import Package, requirements, run
from bom.install.python.interpreter import clean
from bom.install.python.pip import place_of
from bom.installed.python.site import is_cached, read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.install.protocol import Request
    from bom.install.python.interpreter import Interpreter
    from bom.installed.python.listed import Listed

# Of uv's variables those about where packages come from.
_RESPECTED: Final = (
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_SYSTEM_CERTS",
)


class Uv:
    """`room`: a private folder of its own; the cache lies in it."""

    name: str = "uv"

    def __init__(self, python: Interpreter, request: Request, room: Path) -> None:
        self._python, self._request, self._room = python, request, room
        self._program = _program(request.environment)
        self._hand = room / "at-hand"
        self._hand.mkdir(mode=0o700, exist_ok=True)
        self._listed: dict[str, Listed] = {}
        self._round = 0

    def fetch(self, wanted: Sequence[Listed], at_hand: Mapping[str, Path]) -> list[Package]:
        wanted = [self._at_hand(item, at_hand) for item in wanted]
        self._round += 1
        folder = self._room / f"fetched-{self._round}"
        names = ", ".join(f"{item.name} {item.version}" for item in wanted[:3])
        more = f" and {len(wanted) - 3} more" if len(wanted) > 3 else ""
        self._install(wanted, ["--prefix", str(folder)], f"uv does not get {names}{more}")
        return [_package(item, folder) for item in wanted]

    def _at_hand(self, item: Listed, at_hand: Mapping[str, Path]) -> Listed:
        """By its path, where it is at hand: an index may have another file of this version."""
        if item.name in at_hand:
            copy = self._hand / at_hand[item.name].name
            shutil.copyfile(at_hand[item.name], copy)
            item = replace(item, url=copy.as_uri())
        self._listed[item.name] = item
        return item

    def stage(self, packages: Sequence[Package], folder: Path, target: Path | None) -> None:
        wanted = [self._listed[package.name] for package in packages]
        place = ["--prefix" if target is None else "--target", str(folder)]
        self._install(wanted, [*place, "--offline"], "uv does not install it")
        for lock in folder.glob(".lock"):
            lock.unlink()

    def _install(self, wanted: Sequence[Listed], more: Sequence[str], what: str) -> None:
        listing = self._room / "wanted.txt"
        listing.write_text(requirements(wanted), "utf-8")
        argv = [self._program, "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        argv += ["--only-binary", ":all:", "--python", self._python.executable]
        argv += ["--link-mode", "copy", "--cache-dir", str(self._room / "cache")]
        argv.append("--break-system-packages")
        for place in self._request.find_links:
            argv += ["--find-links", place_of(place)]
        if self._request.no_index:
            argv.append("--no-index")
        run([*argv, *more, "-r", str(listing)], self._environment(), self._room, what)

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in clean(self._request.environment).items()
            if not name.startswith("UV_")
            or name in _RESPECTED
            or name.startswith("UV_INDEX_")
            or name in ("UV_CONFIG_FILE", "UV_NO_CONFIG")
        }
        if self._request.index_url:
            kept.pop("UV_INDEX_URL", None)
            kept["UV_DEFAULT_INDEX"] = self._request.index_url
        if self._request.extra_index_urls:
            kept["UV_EXTRA_INDEX_URL"] = " ".join(self._request.extra_index_urls)
        return {**kept, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}


def _package(item: Listed, folder: Path) -> Package:
    for info in sorted(folder.rglob("*.dist-info")):
        if not info.parent.name.endswith("-packages"):
            continue  # what a package holds inside itself
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        if canonicalize_name(name) == item.name and Version(version) == Version(item.version):
            try:
                metadata = (info / "METADATA").read_bytes()
            except OSError as error:
                raise BomError(f"{item.name} {item.version} has no METADATA") from error
            digest = item.digests[0] if len(item.digests) == 1 else ""
            return Package(item.name, item.version, metadata, _files(info), None, digest)
    raise EnvironmentLacks(f"uv got nothing of {item.name} {item.version}")


def _files(info: Path) -> dict[str, str]:
    own = {f"{info.name}/{name}" for name in INSTALLERS_OWN}
    rows = read_rows(info / "RECORD") or {}
    return {
        path: digest
        for path, digest in rows.items()
        if digest and path not in own and not path.startswith("../") and not is_cached(path)
    }


def _program(environment: Mapping[str, str]) -> str:
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv", path=environment.get("PATH"))
    if found is None and beside.is_file():
        found = str(beside)
    if found is None:
        raise EnvironmentLacks("there is no uv on PATH", hint="install uv, or use --installer pip")
    return found
