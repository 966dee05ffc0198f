"""What package managers fetch for builds of files: each manager's part in a module, found by the
packages that the BOM names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom.capsule.fetched import looked_for
from bom.capsule.golang import Go
from bom.capsule.npm import Npm
from bom.capsule.python import is_python
from bom.capsule.rust import Rust
from bom.capsule_record import Missing
from bom.compose import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.capsule.fetched import Fetcher
    from bom.capsule.writing import Contents

FETCHERS: Final[tuple[Fetcher, ...]] = (Go(), Rust(), Npm())
# Ecosystems whose packages a build fetches by itself; what only packs files needs none of them.
_FETCHED: Final[Mapping[str, str]] = {
    "cargo": "crates",
    "composer": "Composer packages",
    "gem": "gems",
    "golang": "Go modules",
    "maven": "Maven artifacts",
    "npm": "npm packages",
    "nuget": "NuGet packages",
}
_PACKERS: Final = frozenset({("npm", "pack"), ("pnpm", "pack"), ("yarn", "pack")})
# What a Python package is built of beside Python packages: extension modules in Rust.
_OF_PYTHON: Final = frozenset({"cargo"})


def collected(
    contents: Contents,
    command: Sequence[str],
    document: Mapping[str, Any],
    root: Path,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[Missing]:
    """Add what this build takes; what can't be had is told. `root`: the source, checked out;
    `folder`: a new one."""
    if tuple(command[:2]) in _PACKERS:
        return
    if reading.subject_property(document, "bom-seal:subject:kind") == "image":
        return  # what its steps fetch is told step by step
    kinds = _FETCHED.keys() & _OF_PYTHON if is_python(document) else _FETCHED.keys()
    counted: dict[str, int] = {}
    for text in reading.purls(document):
        kind = text.removeprefix("pkg:").partition("/")[0]
        if kind in kinds:
            counted[kind] = counted.get(kind, 0) + 1
    for fetcher in FETCHERS:
        if fetcher.kind not in counted:
            continue
        if any(looked_for(root, name) for name in fetcher.locks):
            del counted[fetcher.kind]
            place = folder / fetcher.name
            place.mkdir(mode=0o700)
            for item in fetcher.fetch(root, place, environment):
                if isinstance(item, Missing):
                    yield item
                else:
                    contents.add("module", item.name, item.file, purl=item.purl, known=item.known)
    known = {fetcher.kind: fetcher.locks for fetcher in FETCHERS}
    for kind, count in sorted(counted.items()):
        why = (
            f"the source has no {known[kind][-1]}"
            if kind in known
            else "this version of bom does not collect them; vendored ones come with the source"
        )
        yield Missing(what="package.file", where=f"{count} {_FETCHED[kind]}", why=why)
