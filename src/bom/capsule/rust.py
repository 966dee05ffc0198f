"""The crates that a build takes, each held against Cargo.lock, in the layout of a CARGO_HOME: so
that cargo unpacks them as it did (The Cargo Book: Cargo Home)."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from bom import purl
from bom.capsule.fetched import Fetched, looked_for, said
from bom.capsule_record import Missing
from bom.catalog.rust.lock import CargoLock
from bom.catalog.stated import Unreadable
from bom.input import read_bounded
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.rust.lock import Locked

_PATIENCE: Final = 1800  # seconds
_LIMIT: Final = 64 * 1024 * 1024  # bytes of a lock
_CONFIG: Final = ("config.toml", "config")  # the second one is its name of old
_USERS: Final = (*_CONFIG, "credentials.toml", "credentials")
# Of the user's configuration: where crates come from, without which the index has another name.
_SOURCES: Final = ("source", "registries")
_SOURCE_KEYS: Final = frozenset(
    {"registry", "replace-with", "index", "local-registry", "directory"}
)


class Rust:
    """Crates of registries."""

    name = "cargo"
    kind = "cargo"
    locks = ("Cargo.lock",)

    def fetch(
        self, root: Path, folder: Path, environment: Mapping[str, str]
    ) -> Iterator[Fetched | Missing]:
        """Every crate, and what the index says of it; `folder`: a new one."""
        own = _home(environment)
        for name in _USERS:
            if (own / name).is_file():
                shutil.copyfile(own / name, folder / name)
        wanted: dict[str, Locked] = {}
        for place in looked_for(root, "Cargo.lock"):
            where = str(place.relative_to(root))
            try:
                packages = CargoLock(read_bounded(place, _LIMIT)).packages
            except (OSError, Unreadable) as error:
                yield Missing(what="package.file", where=where, why=f"it can't be read: {error}")
                continue
            manifest = str(place.with_name("Cargo.toml"))
            argv = ("cargo", "fetch", "--locked", "--quiet", "--manifest-path", manifest)
            done = said(argv, place.parent, {**environment, "CARGO_HOME": str(folder)}, _PATIENCE)
            if isinstance(done, str) or done.returncode:
                yield Missing(what="package.file", where=where, why=_why(done))
                continue
            for item in packages:
                if item.source.startswith("git+"):
                    why = "it comes from git, which this version of bom does not collect"
                    yield Missing(what="package.file", where=f"{item.name} {item.version}", why=why)
                elif item.source:
                    wanted[f"{item.name}-{item.version}.crate"] = item
        yield from self._files(folder, wanted)
        yield from self._configuration(folder)

    def _files(self, folder: Path, wanted: Mapping[str, Locked]) -> Iterator[Fetched | Missing]:
        crates = {file.name: file for file in sorted(folder.glob("registry/cache/*/*.crate"))}
        if not crates:
            return  # vendored ones come with the source
        for name, item in sorted(wanted.items()):
            named = f"{item.name} {item.version}"
            file = crates.get(name)
            if file is None:
                yield Missing(what="package.file", where=named, why="cargo did not fetch it")
                continue
            known: Literal["stated", "resolved"] = "stated"
            if hashlib.sha256(file.read_bytes()).hexdigest() != item.checksum:
                known = "resolved"
                why = (
                    "Cargo.lock states no such hash of it: what the registry has is in the capsule"
                )
                yield Missing(what="package.hash", where=named, why=why)
            text = purl.build("cargo", item.name, version=item.version)
            yield Fetched(file, f"{self.name}/{file.relative_to(folder)}", text, known)
        for file in sorted(folder.glob("registry/index/*/**/*")):
            parts = file.relative_to(folder).parts
            if file.is_file() and (".cache" in parts or file.name == "config.json"):
                yield Fetched(file, f"{self.name}/{'/'.join(parts)}")

    def _configuration(self, folder: Path) -> Iterator[Fetched | Missing]:
        """Where the user's cargo has crates from, as far as that is no secret."""
        texts = [folder / name for name in _CONFIG if (folder / name).is_file()]
        for name in _USERS[len(_CONFIG) :]:
            (folder / name).unlink(missing_ok=True)
        if not texts:
            return
        try:
            document = tomllib.loads(texts[0].read_text("utf-8", "replace"))
        except ValueError:
            return  # cargo has told
        for file in texts:
            file.unlink()
        lines = list(_tables(document))
        if any("@" in line for line in lines):
            why = "the address of a registry in cargo's configuration may hold a password"
            yield Missing(what="package.file", where="config.toml", why=why)
        elif lines:
            kept = folder / "sources.toml"
            kept.write_text("\n".join(lines) + "\n")
            yield Fetched(kept, f"{self.name}/config.toml")

    def settings(self, folder: Path, room: Path, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables by which a build takes them out of `folder`, a CARGO_HOME, and nothing from
        elsewhere. What names its path says the user's own instead, as in any other build."""
        config = folder / "config.toml"
        text = config.read_text("utf-8") if config.exists() else ""
        config.unlink(missing_ok=True)
        remap = f"--remap-path-prefix={folder}={_home(environment)}"
        config.write_text(f"{text}[build]\nrustflags = [{json.dumps(remap)}]\n")
        return {"CARGO_HOME": str(folder), "CARGO_NET_OFFLINE": "true"}


def _home(environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME") or str(Path.home())
    return Path(environment.get("CARGO_HOME") or Path(home, ".cargo"))


def _tables(document: Mapping[str, Any]) -> Iterator[str]:
    """The tables of sources as TOML (a JSON string without control characters is a TOML one)."""
    for kind in _SOURCES:
        tables = document.get(kind)
        for name, table in sorted(tables.items()) if isinstance(tables, dict) else ():
            if isinstance(table, dict):
                yield f"[{kind}.{json.dumps(name)}]"
                for key, value in sorted(table.items()):
                    if key in _SOURCE_KEYS and isinstance(value, str):
                        yield f"{key} = {json.dumps(value)}"


def _why(done: object) -> str:
    stderr = getattr(done, "stderr", b"")
    lines = stderr.decode("utf-8", "replace").strip().splitlines() if stderr else [str(done)]
    errors = [line for line in lines if line.startswith("error")] or lines
    return printable_name(errors[0])[:300]
