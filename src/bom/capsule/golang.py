"""The Go modules that a build takes, each held against go.sum (Go Modules Reference: go.sum files,
GOPROXY protocol). A module proxy is a folder of files: so are these."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ValidationError

from bom import purl
from bom.capsule.fetched import Fetched, looked_for, said
from bom.capsule_record import Missing
from bom.printable import printable_name

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PATIENCE: Final = 1800  # seconds
_SERVED: Final = frozenset({".info", ".mod", ".zip"})  # what a proxy is asked for by a build


class _Download(BaseModel):
    """One module, as `go mod download -json` tells it."""

    Path: str = ""
    Version: str = ""
    Error: str = ""
    Zip: str = ""
    Sum: str = ""
    GoModSum: str = ""


class Go:
    """Go modules."""

    name = "go"
    kind = "golang"
    locks = ("go.mod",)

    def fetch(
        self, root: Path, folder: Path, environment: Mapping[str, str]
    ) -> Iterator[Fetched | Missing]:
        """Every file of a proxy that holds what the modules of `root` need; `folder`: a new one."""
        cache = folder / "cache" / "download"
        stated: set[Path] = set()
        zips: dict[Path, _Download] = {}
        for place in looked_for(root, "go.mod"):
            if (place.parent / "vendor" / "modules.txt").is_file():
                continue  # comes with the source
            where = str(place.relative_to(root))
            sums = _sums(place.with_name("go.sum"))
            environ = {**environment, "GOMODCACHE": str(folder), "GOFLAGS": "-modcacherw"}
            argv = ("go", "mod", "download", "-json")
            done = said(argv, place.parent, environ, _PATIENCE)
            if isinstance(done, str):
                yield Missing(what="package.file", where=where, why=done)
                continue
            downloads = list(_downloads(done.stdout))
            for item in downloads:
                named = f"{item.Path} {item.Version}"
                if item.Error:
                    yield Missing(what="package.file", where=named, why=_shown(item.Error))
                    continue
                if item.Sum in sums.get((item.Path, item.Version), ()):
                    stated.add(folder / item.Zip)
                else:
                    yield Missing(
                        what="package.hash",
                        where=named,
                        why=f"{where}: go.sum has no such hash of it: what the proxy has now is"
                        " in the capsule",
                    )
                zips[folder / item.Zip] = item
            if done.returncode and not any(item.Error for item in downloads):
                yield Missing(what="package.file", where=where, why=_last(done))
        for file in sorted(cache.rglob("*")):
            path = file.relative_to(cache)
            if file.is_file() and file.suffix in _SERVED and path.parts[0] != "sumdb":
                module = zips.get(file)
                known: Literal["stated", "resolved"] = "stated" if file in stated else "resolved"
                name = f"{self.name}/{path}"
                yield Fetched(file, name, _purl(module), known) if module else Fetched(file, name)

    def settings(self, folder: Path, room: Path, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables by which a build takes them out of `folder`, and nothing from elsewhere.
        `room`: a private folder for what is unpacked."""
        return {
            "GOPROXY": folder.as_uri(),
            "GOSUMDB": "off",  # go.sum has all that is taken
            "GONOSUMDB": "",
            "GOPRIVATE": "",
            "GONOPROXY": "",
            "GOMODCACHE": str(room),
        }


def _sums(path: Path) -> dict[tuple[str, str], set[str]]:
    """Module and version -> its hashes, as go.sum states them."""
    found: dict[tuple[str, str], set[str]] = {}
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return found
    for line in lines:
        words = line.split()
        if len(words) == 3:
            found.setdefault((words[0], words[1]), set()).add(words[2])
    return found


def _downloads(data: bytes) -> Iterator[_Download]:
    """The JSON objects, one after the other."""
    text = data.decode("utf-8", "replace").lstrip()
    decoder = json.JSONDecoder()
    while text:
        try:
            value, end = decoder.raw_decode(text)
            yield _Download.model_validate(value)
        except (ValueError, ValidationError, RecursionError):
            return
        text = text[end:].lstrip()


def _purl(item: _Download) -> str:
    namespace, _, name = item.Path.rpartition("/")
    return purl.build("golang", name, namespace=namespace, version=item.Version)


def _last(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return _shown(lines[-1] if lines else "go says nothing")


def _shown(text: str) -> str:
    return printable_name(text)[:300]


__all__: Sequence[str] = ("Go",)
