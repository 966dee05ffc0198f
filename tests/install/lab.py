"""Tars made by hand, entry by entry, and sealed with a key of the lab's own."""

from __future__ import annotations

import io
import tarfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from click.testing import CliRunner

from bom import sha256sum
from bom.builder.protocol import Artifact, Silent
from bom.cli import bom
from bom.compose import statement
from bom.model import Dependency, Subject
from bom.seal import recognise
from bom.sealing import Session, compose, write
from bom.sign.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from click.testing import Result

    from bom.model import Component

TIME: Final = 1_700_000_000
_RUN: Final = "2024-01-01T00:00:00Z"


def entry(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A file, or what `type` says."""
    made = tarfile.TarInfo(name)
    made.size, made.mtime, made.mode = len(content), TIME, 0o644
    for field, value in fields.items():
        setattr(made, field, value)
    return made, content


def folder(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, **{"type": tarfile.DIRTYPE, "mode": 0o755, **fields})


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777)


def packed(
    entries: Iterable[tuple[tarfile.TarInfo, bytes]], mode: str = "", form: int = tarfile.GNU_FORMAT
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{mode}", format=form) as archive:  # type: ignore[call-overload]
        for made, content in entries:
            archive.addfile(made, io.BytesIO(content))
    return out.getvalue()


class Lab:
    """A folder with a key."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = PrivateKey.generate()
        self.public = root / "release.pub"
        self.public.write_bytes(self.key.public.pem())

    def sealed(
        self,
        built: bytes,
        name: str = "app.tar",
        kind: str = "",
        components: Iterable[Component] = (),
        **subject: Any,
    ) -> Path:
        """The built bytes with a signed BOM in them, or beside."""
        path = self.root / f"built-{name}"
        path.write_bytes(built)
        form = recognise(path)
        about = Subject(
            name,
            kind or (form.name if form else "file"),
            sha256sum.of_file(path),
            len(built),
            members=form.members(path) if form else (),
            **subject,
        )
        run = statement.Run(_RUN, _RUN, "urn:uuid:00000000-0000-0000-0000-000000000000", 0)
        facts = tuple(Dependency(item, direct=True) for item in components)
        session = Session(self.key, "1.6", TIME, facts, run)
        target = self.root / name
        with ExitStack() as stack:
            write(session, compose(session, Artifact(path, target, about), stack), stack, Silent())
        path.unlink()
        return target

    def run(self, verb: str, *arguments: str | Path, given: bytes = b"") -> Result:
        return CliRunner().invoke(
            bom, [verb, *map(str, arguments), "--key", str(self.public)], input=given
        )

    def install(self, artifact: Path | str, *arguments: str | Path, given: bytes = b"") -> Result:
        return self.run("install", artifact, *arguments, given=given)

    def drift(self, artifact: Path, place: Path) -> list[str]:
        """What `bom verify --installed` finds: code and where."""
        import json

        done = self.run("verify", artifact, "--installed", place, "--json")
        return [
            f"{item['code'].removeprefix('installed-')} {item['where']}"
            for item in json.loads(done.stdout)["findings"]
        ]


def listed(root: Path) -> dict[str, str | bytes]:
    """All that is below a folder, with contents, targets of links, modes of the rest."""
    found: dict[str, str | bytes] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = path.read_bytes() if path.is_file() else f"{path.stat().st_mode:o}"
    return found


def reason(done: Result) -> str:
    return str(getattr(done.exception, "reason", done.exception))


def hint(done: Result) -> str:
    return str(getattr(done.exception, "hint", ""))
