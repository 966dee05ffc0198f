"""pip: `pip download` by digest into a private folder, then `pip install` from there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from bom.errors import BomError, EnvironmentLacks
from bom.install.python.client import Package, check_digest, requirements, run
from bom.install.python.interpreter import clean
from bom.installed.python import wheel_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.install.protocol import Request
    from bom.install.python.interpreter import Interpreter
    from bom.installed.python.listed import Listed

# Of pip's variables those about where packages come from (PIP_INDEX_URL, ...), not those about
# where they go to and which ones.
_RESPECTED: Final = frozenset(
    [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_NO_INDEX",
        "PIP_TRUSTED_HOST",
        "PIP_CERT",
        "PIP_CLIENT_CERT",
        "PIP_PROXY",
        "PIP_RESUME_RETRIES",
        "PIP_RETRIES",
        "PIP_TIMEOUT",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_CACHE_DIR",
        "PIP_NO_CACHE_DIR",
        "PIP_CONFIG_FILE",
        "PIP_KEYRING_PROVIDER",
        "PIP_USE_FEATURE",
        "PIP_USE_DEPRECATED",
    ]
)


class Pip:
    """`room`: a private folder of its own; the wheels lie in it."""

    name: str = "pip"

    def __init__(self, python: Interpreter, request: Request, room: Path) -> None:
        self._python, self._request, self._room = python, request, room
        self._base = _command(python, request.environment)
        self.wheels = room / "wheels"
        self.wheels.mkdir(mode=0o700, exist_ok=True)

    def fetch(self, wanted: Sequence[Listed], at_hand: Mapping[str, Path]) -> list[Package]:
        for item in wanted:
            if item.name in at_hand:
                shutil.copyfile(at_hand[item.name], self.wheels / at_hand[item.name].name)
        remote = [item for item in wanted if item.name not in at_hand]
        if remote:
            self._download(remote)
        return [self._package(item) for item in wanted]

    def stage(self, packages: Sequence[Package], folder: Path, target: Path | None) -> None:
        self._install(packages, ["--root" if target is None else "--target", str(folder)])
        self._compile(folder, target)

    def install(self, packages: Sequence[Package]) -> None:
        """Into the interpreter's own environment, which has to be a private one."""
        self._install(packages, [])

    def _install(self, packages: Sequence[Package], place: Sequence[str]) -> None:
        listing = self._room / "staged.txt"
        listing.write_text(
            "".join(f"{p.name}=={p.version} --hash={p.digest}\n" for p in packages), "utf-8"
        )
        argv = [*self._base, "install", "--no-deps", "--no-index", "--require-hashes"]
        argv += ["--only-binary", ":all:", "--no-compile", "--ignore-installed", "--no-cache-dir"]
        argv += ["--no-warn-script-location", "--find-links", str(self.wheels), *place]
        run([*argv, "-r", str(listing)], self._closed(), self._room, "pip does not install it")

    def build(self, source: Path, out: Path) -> Path:
        """The wheel that this interpreter's own packages build out of an sdist, without a
        network."""
        argv = [*self._base, "wheel", "--no-deps", "--no-index", "--no-build-isolation"]
        argv += ["--check-build-dependencies", "--no-cache-dir", "--wheel-dir", str(out)]
        run([*argv, str(source)], self._closed(), self._room, "the sdist does not build")
        found = sorted(out.glob("*.whl"))
        if len(found) != 1:
            raise BomError(f"{source.name} built {len(found)} wheels, not one")
        return found[0]

    def _download(self, wanted: Sequence[Listed]) -> None:
        listing = self._room / "wanted.txt"
        listing.write_text(requirements(wanted), "utf-8")
        argv = [*self._base, "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        argv += ["--dest", str(self.wheels), "-r", str(listing)]
        for place in self._request.find_links:
            argv += ["--find-links", place_of(place)]
        if self._request.no_index:
            argv.append("--no-index")
        names = ", ".join(f"{item.name} {item.version}" for item in wanted[:3])
        more = f" and {len(wanted) - 3} more" if len(wanted) > 3 else ""
        run(argv, self._open(), self._room, f"pip does not get {names}{more}")

    def _package(self, item: Listed) -> Package:
        for file in sorted(self.wheels.iterdir()):
            try:
                name, version, _, _ = parse_wheel_filename(file.name)
            except InvalidWheelFilename:
                continue
            if canonicalize_name(name) == item.name and version == Version(item.version):
                digest = check_digest(file, item)
                metadata, files = wheel_files.metadata(file), wheel_files.in_site(file)
                return Package(item.name, item.version, metadata, files, file, digest)
        raise EnvironmentLacks(f"pip got no wheel of {item.name} {item.version}")

    def _compile(self, folder: Path, target: Path | None) -> None:
        """Byte code as pip makes it, that names the place where it will be. What doesn't compile
        (a template, Python 2) stays as it is, with pip, too."""
        last = str(target) if target is not None else "/"
        argv = [self._python.executable, "-I", "-m", "compileall", "-q"]
        argv += ["-s", str(folder), "-p", last, str(folder)]
        subprocess.run(
            argv,
            env=self._closed(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )

    def _open(self) -> dict[str, str]:
        """With the user's own configuration of where packages come from."""
        kept = {
            name: value
            for name, value in clean(self._request.environment).items()
            if not name.startswith("PIP_") or name in _RESPECTED
        }
        if self._request.index_url:  # not on the command line: it may hold a password
            kept["PIP_INDEX_URL"] = self._request.index_url
        if self._request.extra_index_urls:
            kept["PIP_EXTRA_INDEX_URL"] = " ".join(self._request.extra_index_urls)
        return {**kept, **_QUIET}

    def _closed(self) -> dict[str, str]:
        """With no configuration at all."""
        kept = {
            name: value
            for name, value in clean(self._request.environment).items()
            if not name.startswith("PIP_")
        }
        return {**kept, **_QUIET, "PIP_CONFIG_FILE": os.devnull}


_QUIET: Final = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}


def place_of(place: str) -> str:
    """A folder as seen from anywhere; a URL as it is."""
    return place if "://" in place else str(Path(place).absolute())


def _command(python: Interpreter, environment: Mapping[str, str]) -> list[str]:
    """The interpreter's own pip; else the one beside `bom`, or on PATH, that works for it."""
    if python.has_pip:
        return [python.executable, "-I", "-m", "pip"]
    if importlib.util.find_spec("pip") is not None:
        # not isolated: `bom`, and pip with it, may be installed for the user
        return [sys.executable, "-m", "pip", "--python", python.executable]
    found = shutil.which("pip", path=environment.get("PATH"))
    if found is None:
        raise EnvironmentLacks(
            "there is no pip, neither in the environment nor beside bom",
            hint="install pip, or use --installer uv",
        )
    return [found, "--python", python.executable]
