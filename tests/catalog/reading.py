"""What the tests of ecosystems share: declared and installed of a folder or of files in memory, as
JSON for cases, and the laws that hold for anything that a reader is given."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tests.catalog.memory import memory_view

from bom.catalog.interest import Wanted
from bom.catalog.protocol import Owned
from bom.catalog.view import directory_view
from bom.model import Dependency, Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from bom.catalog.protocol import Declared, Ecosystem

Item = Dependency | Gap | Finding | Owned


def declared(root: Path, ecosystem: Ecosystem) -> list[Declared]:
    view, _ = directory_view(root, Wanted([ecosystem]))
    return sorted(ecosystem.declared(view), key=lambda item: item.folder)


def installed(root: Path, ecosystem: Ecosystem) -> list[Item]:
    view, _ = directory_view(root, Wanted([ecosystem]))
    return list(ecosystem.installed(view))


def dependencies(items: Iterable[Item]) -> dict[str, Dependency]:
    return {item.component.bom_ref: item for item in items if isinstance(item, Dependency)}


def gaps(items: Iterable[Item]) -> set[tuple[str, str]]:
    return {(item.what, item.where) for item in items if isinstance(item, Gap)}


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def matches_case(folder: Path, found: Iterable[Declared]) -> bool:
    """Whether it is as `expected.json` has it; BOM_UPDATE_CASES=1 writes that anew."""
    shown = [_lean(asdict(item)) for item in found]
    expected = folder / "expected.json"
    if os.environ.get("BOM_UPDATE_CASES") == "1":
        expected.write_text(json.dumps(shown, ensure_ascii=False, indent=1) + "\n")
    return bool(shown == json.loads(expected.read_text()))


def _lean(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := _lean(v)) not in ("", [], None)}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_lean(part) for part in value] if isinstance(value, list | tuple) else value


def check_laws(ecosystem: Ecosystem, files: Mapping[str, bytes]) -> None:
    """Only what is promised comes out, the same each time, in text that can be written; and what
    has no hash has a gap."""
    view = memory_view(files)
    first = list(ecosystem.installed(view))
    for item in first:
        assert isinstance(item, Dependency | Gap | Finding | Owned)
        for text in _texts(asdict(item)):
            text.encode()
    lacking = {item.ref for item in first if isinstance(item, Gap)}
    for item in first:
        if isinstance(item, Dependency):
            assert item.component.name
            assert item.component.name.isprintable() and item.component.version.isprintable()
            assert item.component.hashes or item.component.bom_ref in lacking
    projects = list(ecosystem.declared(view))
    for project in projects:
        unknown = {gap.ref for gap in project.gaps}
        for text in _texts(asdict(project)):
            text.encode()
        for wanted in project.dependencies:
            component = wanted.component
            assert component.name
            assert component.name.isprintable() and component.version.isprintable()
            stated = any(file.hashes for file in component.distributions)
            assert stated or component.bom_ref in unknown
    again = list(ecosystem.installed(memory_view(files)))
    assert [repr(item) for item in first if not isinstance(item, Owned)] == [
        repr(item) for item in again if not isinstance(item, Owned)
    ]
    assert projects == list(ecosystem.declared(memory_view(files)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple | frozenset):
        for part in value:
            yield from _texts(part)


def mutated(real: bytes, seed: int) -> bytes:
    """Real bytes with pieces cut, doubled, swapped and replaced."""
    chance = random.Random(seed)
    out = bytearray(real)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(out) + 1)
        upto = min(len(out), at + chance.choice([1, 2, 8, 200]))
        piece = bytes(out[at:upto])
        kind = chance.randrange(5)
        if kind == 0:
            del out[at:upto]
        elif kind == 1:
            out[at:at] = piece * chance.randint(1, 3)
        elif kind == 2:
            out[at:upto] = chance.randbytes(len(piece))
        elif kind == 3:
            out[at:upto] = chance.choice(
                [b'"', b"[", b"]", b"{", b"\n", b"\x00", b"\\ud800", b"null", b"-1", b"\x1b[31m"]
            )
        else:
            words = out.split(b"\n")
            chance.shuffle(words)
            out = bytearray(b"\n".join(words)) if chance.random() < 0.2 else out
    return bytes(out)
