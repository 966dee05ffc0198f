"""The npm packages that a build takes, each held against the integrity in package-lock.json; for
the way back npm's own cache, which is by digest (npm, "package-lock.json"; cacache)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bom import purl
from bom.capsule.fetched import Fetched, looked_for, said
from bom.capsule_record import Missing
from bom.catalog.node.names import valid_name, valid_version
from bom.input import read_bounded
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.capsule.steps import NpmStep

LOCKS: Final = ("npm-shrinkwrap.json", "package-lock.json")  # npm reads the first that is there
CI: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_SCRIPT: Final = 'cp -r /bom/source /tmp/bom && cd /tmp/bom && npm "$@"'
_PATIENCE: Final = 1800  # seconds
_LIMIT: Final = 256 * 1024 * 1024  # bytes of a lock
_FOLDER: Final = "node_modules/"
_DEPTH: Final = 64
_ALGORITHMS: Final = ("sha512", "sha384", "sha256", "sha1")


class Locked(NamedTuple):
    """A package of a lock that a registry or another server has. `digests`: algorithm and hex."""

    name: str
    version: str
    digests: tuple[tuple[str, str], ...]
    optional: bool

    @property
    def file_name(self) -> str:
        """Where a registry has it: NAME/-/FILE.tgz, with the scope in NAME alone."""
        return f"{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"

    @property
    def purl(self) -> str:
        scope, _, name = self.name.rpartition("/")
        return purl.build("npm", name, namespace=scope, version=self.version)


class Npm:
    """npm packages."""

    name = "npm"
    kind = "npm"
    locks = LOCKS

    def fetch(
        self, root: Path, folder: Path, environment: Mapping[str, str]
    ) -> Iterator[Fetched | Missing]:
        """Every package's file, as `npm ci` chooses them here; `folder`: a new one."""
        for place in looked_for(root, LOCKS[1]) + looked_for(root, LOCKS[0]):
            if place.name != LOCKS[0] and place.with_name(LOCKS[0]).is_file():
                continue
            where = str(place.relative_to(root))
            environ = {**environment, "npm_config_cache": str(folder)}
            done = said(CI, place.parent, environ, _PATIENCE)
            shutil.rmtree(place.parent / "node_modules", ignore_errors=True)
            if isinstance(done, str) or done.returncode:
                yield Missing(what="package.file", where=where, why=why_not(done))
                continue
            yield from files(place, where, folder)

    def settings(self, folder: Path, room: Path, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables by which npm takes them out of a cache made in `room`."""
        for file in sorted(folder.rglob("*.tgz")):
            data = file.read_bytes()
            for algorithm in _ALGORITHMS:
                target = content(room, algorithm, hashlib.new(algorithm, data).hexdigest())
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.hardlink_to(file)
        return {"npm_config_cache": str(room), "npm_config_offline": "true"}


def in_image(
    step: NpmStep, client: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[Fetched | Missing]:
    """What the image's own npm takes for a step. `client`: what runs a container on the engine;
    `folder`: a new one."""
    argv = [*client, "run", "--rm", "--pull=never", "--network=host", "--user", "0"]
    argv += ["--entrypoint", "sh", "--volume", f"{folder}:/bom/out"]
    argv += ["--volume", f"{step.lock.parent}:/bom/source:ro", "--", step.image]
    argv += ["-c", _SCRIPT, "sh", *CI[1:], "--cache=/bom/out"]
    done = said(argv, folder, environment, _PATIENCE)
    if isinstance(done, str) or done.returncode:
        why = f"the image's npm does not get what {step.lock.name} has: {why_not(done)}"
        yield Missing(what="step.download", where=step.where, why=why)
        return
    yield from files(step.lock, step.lock.name, folder)


def files(lock: Path, where: str, cache: Path) -> Iterator[Fetched | Missing]:
    """The file in npm's cache of each package that this lock names."""
    for item in locked(lock):
        named = f"{item.name} {item.version}"
        if not valid_name(item.name) or valid_version(item.version) != item.version:
            why = f"{where} has it by a name or version that no registry takes"
            yield Missing(what="package.file", where=named, why=why)
            continue
        if not item.digests:
            why = f"{where} states no integrity of it"
            yield Missing(what="package.hash", where=named, why=why)
            continue
        found = [content(cache, *digest) for digest in item.digests]
        file = next((path for path in found if path.is_file()), None)
        if file is not None:
            yield Fetched(file, f"npm/{item.file_name}", item.purl, "stated")
        elif not item.optional:
            why = f"npm did not fetch it by the integrity in {where}"
            yield Missing(what="package.file", where=named, why=why)


def content(cache: Path, algorithm: str, digest: str) -> Path:
    """Where npm's cache has a content."""
    return cache / "_cacache/content-v2" / algorithm / digest[:2] / digest[2:4] / digest[4:]


def locked(lock: Path) -> list[Locked]:
    """What the lock has from elsewhere, sorted, each once; nothing of what is no lock."""
    try:
        document = json.loads(read_bounded(lock, _LIMIT))
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    packages = document.get("packages")
    entries: list[tuple[str, Mapping[str, Any]]]
    if isinstance(packages, dict):
        entries = [
            (str(entry.get("name") or key.rpartition(_FOLDER)[2]), entry)
            for key, entry in packages.items()
            if _FOLDER in key and isinstance(entry, dict)
        ]
    else:
        entries = list(_nested(document, _DEPTH))
    return sorted({_locked(name, entry) for name, entry in entries if _from_elsewhere(entry)})


def _nested(part: Mapping[str, Any], left: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The packages of version 1, packages in packages."""
    below = part.get("dependencies")
    for name, entry in below.items() if isinstance(below, dict) and left else ():
        if isinstance(entry, dict):
            yield str(name), entry
            yield from _nested(entry, left - 1)


def _from_elsewhere(entry: Mapping[str, Any]) -> bool:
    """Not a link to a folder of the source, and not inside of another package."""
    own = any(
        str(entry.get(key, "")).startswith("file:") for key in ("resolved", "version")
    ) or any(entry.get(key) is True for key in ("link", "inBundle", "bundled"))
    return not own


def _locked(name: str, entry: Mapping[str, Any]) -> Locked:
    digests = []
    for word in str(entry.get("integrity") or "").split():
        algorithm, _, value = word.partition("-")
        if algorithm in _ALGORITHMS:
            try:
                digests.append((algorithm, base64.b64decode(value, validate=True).hex()))
            except (binascii.Error, ValueError):
                continue
    digests.sort(key=lambda item: _ALGORITHMS.index(item[0]))
    optional = entry.get("optional") is True or entry.get("devOptional") is True
    return Locked(name, str(entry.get("version") or ""), tuple(digests), optional)


def why_not(done: object) -> str:
    """What npm says of why it did not."""
    stderr = getattr(done, "stderr", b"")
    lines = stderr.decode("utf-8", "replace").strip().splitlines() if stderr else [str(done)]
    errors = [line for line in lines if line.startswith(("npm error", "npm ERR!"))] or lines
    told = [line for line in errors if " code " not in line and "log of this run" not in line]
    return printable_name((told or errors)[0])[:300]
