"""Go programs in a view: each with the modules that its build information states."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bom import redact
from bom.catalog.came_with import layer
from bom.catalog.golang.build_info import BuildInfo, Module, parse
from bom.catalog.golang.declared import projects
from bom.catalog.golang.module import (
    DEVEL,
    LOCAL,
    STDLIB,
    component,
    is_folder,
    shown_folder,
    sums,
)
from bom.catalog.golang.sums import differing_sums
from bom.catalog.golang.wanted import ERROR, MODULES, VERSION
from bom.catalog.program import program, program_ref
from bom.catalog.stated import Unreadable
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileEntry, FileView, Owned
    from bom.model import Finding

RULE: Final = "go-build-info"
SETTING: Final = "bom-seal:go:setting"

_VCS: Final = {
    "vcs": "bom-seal:go:vcs",
    "vcs.revision": "bom-seal:go:vcs:revision",
    "vcs.time": "bom-seal:go:vcs:time",
    "vcs.modified": "bom-seal:go:vcs:modified",
}
_RELEASE: Final = re.compile(r"go([0-9][0-9A-Za-z.+_-]*)")
_NOWHERE: Final = Path("/nowhere")  # below it lies nothing: every absolute path loses its folders
_NO_SUM: Final = "a module inside a program has no bytes of its own, and no h1 of it is stated"
_FOLDER: Final = "it was built from a folder of the builder's own"
_LICENCE: Final = "a program's build information states no licences"


class _Copies(NamedTuple):
    """A program and where its copies lie."""

    parts: Mapping[str, bytes]
    entries: list[FileEntry]


def find(files: FileView) -> Iterator[Dependency | Gap | Finding | Owned]:
    """Every program that Go made, its modules and the standard library; and the modules of
    which a go.sum in the view states another h1."""
    found = []
    for item in programs(files):
        if isinstance(item, Dependency):
            found.append(item)
        yield item
    if found:
        yield from differing_sums(projects(files), found)


def programs(view: FileView) -> Iterator[Dependency | Gap | Owned]:
    """Every program once, whatever the number of its copies, and its modules."""
    found: dict[str, _Copies] = {}
    for path, parts in view.extracted():
        if VERSION not in parts and ERROR not in parts:
            continue
        entry = view.entry(path)
        if entry is not None:
            found.setdefault(entry.sha256 or path, _Copies(parts, [])).entries.append(entry)
    for copies in sorted(found.values(), key=lambda item: item.entries[0].path):
        yield from _program(copies)


def _program(copies: _Copies) -> Iterator[Dependency | Gap | Owned]:
    first = copies.entries[0]
    place = printable_name(first.path)
    ref = program_ref(first)
    info = BuildInfo("")
    if VERSION in copies.parts:
        try:
            info = parse(copies.parts[VERSION], copies.parts[MODULES])
        except Unreadable as error:
            yield Gap("component", place, f"it is a Go program that {error}", ref)
            info = parse(copies.parts[VERSION], b"")
    else:
        why = copies.parts[ERROR].decode("utf-8", "replace")
        yield Gap("component", place, f"it is a Go program: {why}", ref)
    where = tuple(Occurrence(printable_name(entry.path)) for entry in copies.entries)
    layers = {item for entry in copies.entries for item in layer(entry)}
    modules, gaps = _Modules(info, where, layers).all()
    main, *others = modules or [None]
    yield from gaps
    below = tuple(made.purl for made in others if made is not None)
    if main is not None:
        yield Dependency(_with_edges(main, below))
    for made in others:
        if made is not None:
            yield Dependency(made)
    if len(below) > 1:
        why = "build information does not say which module needs which: all stand below the main"
        yield Gap("dependency.graph", place, why, ref)
    version = "" if info.main is None or info.main.version == DEVEL else info.main.version
    needs = (main.purl,) if main is not None else below
    yield from program(copies.entries, version, layers | _properties(info), where, needs, RULE)


def _with_edges(made: Component, requires: tuple[str, ...]) -> Component:
    return replace(made, requires=tuple(sorted(set(requires) - {made.purl})))


class _Modules:
    """The modules of one program, seen in the files `where`, with the properties `facts`."""

    def __init__(
        self, info: BuildInfo, where: tuple[Occurrence, ...], facts: set[Property]
    ) -> None:
        self._info = info
        self._where = where
        self._facts = facts
        self._gaps: list[Gap] = []

    def all(self) -> tuple[list[Component | None], list[Gap]]:
        """The main module (None where there is none), the others, the standard library."""
        info = self._info
        found = [None if info.main is None else self._module(info.main)]
        found += [made for item in info.dependencies if (made := self._module(item)) is not None]
        if info.go:
            found.append(self._standard_library(info.go))
        return found, self._gaps

    def _module(self, item: Module) -> Component | None:
        facts = set(self._facts)
        path, version = item.path, item.version
        if item.original is not None and is_folder(path):
            facts.add(Property(LOCAL, shown_folder(path)))
            path, version = item.original[0], DEVEL
        try:
            made = component(
                path,
                version,
                sum=item.sum,
                original=item.original,
                properties=facts,
                occurrences=self._where,
            )
        except BomError as error:
            self._gaps.append(Gap("component", path, f"a Go program names it: {error.reason}"))
            return None
        ref = made.purl
        if not made.version:
            self._gaps.append(Gap("dependency.version", path, _FOLDER, ref))
        if not sums(made):
            why = _NO_SUM if made.version else f"{_FOLDER}: {_NO_SUM}"
            self._gaps.append(Gap("component.hash", ref, why, ref))
        self._gaps.append(Gap("component.licence", ref, _LICENCE, ref))
        return made

    def _standard_library(self, go: str) -> Component:
        """The toolchain's own packages, versioned as it is: `go1.22.1 X:boringcrypto`,
        `devel go1.23-0123abc`."""
        words = [found[1] for word in go.split() if (found := _RELEASE.fullmatch(word))]
        made = component(
            STDLIB, words[0] if words else "", properties=self._facts, occurrences=self._where
        )
        ref = made.purl
        if not made.version:
            why = "the program names no release of the toolchain that built it"
            self._gaps.append(Gap("dependency.version", STDLIB, why, ref))
        why = "the standard library is compiled in, and build information states no digest of it"
        self._gaps.append(Gap("component.hash", ref, why, ref))
        self._gaps.append(Gap("component.licence", ref, _LICENCE, ref))
        return made


def _properties(info: BuildInfo) -> set[Property]:
    found = set()
    if info.go:
        found.add(Property("bom-seal:go:toolchain", redact.text(info.go)))
    if info.path:
        found.add(Property("bom-seal:go:package", redact.text(info.path)))
    for key, value in info.settings:
        if key in _VCS:
            found.add(Property(_VCS[key], redact.text(value)))
        elif value:
            found.add(Property(SETTING, f"{redact.text(key)}={_setting(key, value)}"))
    return found


def _setting(key: str, value: str) -> str:
    """A setting's value: flags may hold secrets (`-X main.token=...`) and the builder's paths."""
    try:
        words = shlex.split(value)
    except ValueError:  # a quote that nothing closes
        words = value.split()
    shown = redact.command(words, root=_NOWHERE, cwd=_NOWHERE) if len(words) > 1 else value
    if len(words) == 1:
        shown = redact.command(["", *words], root=_NOWHERE, cwd=_NOWHERE).removeprefix("'' ")
    return redact.value(key.strip("-"), shown)
