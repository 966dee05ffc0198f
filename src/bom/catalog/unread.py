"""Ecosystems whose files are known and not read: a project of one is a gap, never silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.catalog.protocol import Declared, Reads
from bom.catalog.python.wanted import foreign
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from bom.catalog.protocol import Extract, FileView, Owned
    from bom.model import Dependency, Finding, Gap

_FILES: Final = {
    "Bazel": "MODULE.bazel MODULE.bazel.lock",
    "Conan": "conanfile.txt conanfile.py conan.lock",
    "Dart": "pubspec.yaml pubspec.lock",
    "Deno": "deno.json deno.jsonc deno.lock",
    "Elixir": "mix.exs mix.lock",
    "Haskell": "stack.yaml stack.yaml.lock cabal.project cabal.project.freeze",
    "Nix": "flake.nix flake.lock",
    "Perl": "cpanfile cpanfile.snapshot",
    "R": "renv.lock",
    "Scala": "build.sbt",
    "Swift": "Package.swift Package.resolved Podfile Podfile.lock",
    "vcpkg": "vcpkg.json",
}
NAMES: Final = {name: language for language, names in _FILES.items() for name in names.split()}


class Unread:
    """What nobody reads yet."""

    name = "unread"
    reads = Reads(frozenset(NAMES))
    extracts: Extract | None = None

    def matches(self, path: PurePosixPath) -> bool:
        return path.name in NAMES and not foreign(str(path))

    def installed(self, files: FileView) -> Iterable[Dependency | Gap | Finding | Owned]:
        """Nothing: how they install is as little known."""
        return ()

    def declared(self, files: FileView) -> Iterable[Declared]:
        """A gap for each file."""
        from bom.model import Gap

        for entry in files.wanted():
            folder, _, name = entry.path.rpartition("/")
            language = NAMES.get(name)
            if language is None or foreign(entry.path):
                continue
            location = printable_name(entry.path)
            gap = Gap("ecosystem", location, f"{language} dependencies are not read yet")
            yield Declared(self.name, folder, location, locked=False, gaps=(gap,))
