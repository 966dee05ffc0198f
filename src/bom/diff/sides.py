"""What the two words of `bom diff A B` stand for.

In this order: `docker:NAME`, `oci://…`, `git:REVISION`; a file or folder that is there; a revision
of the repository that the call is made in; the name of an image with its tag. A file carries a BOM,
is one, or is scanned for one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from bom import canonical
from bom.errors import BadArtifact, BomError
from bom.report.contents import contents
from bom.scan import scan
from bom.seal import beside, recognise, unseal_to
from bom.show import bom_file
from bom.sources import target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.builder.protocol import Progress
    from bom.report.contents import Contents

Kind = Literal["artifact", "bom", "image", "folder", "revision"]

GIT: Final = "git:"
# Gaps that say something of the scan's place and time, nothing of what was scanned.
_OF_THE_SCAN: Final = ("source.", "timestamp:")
_HINT: Final = (
    "a file or folder; an image: docker:NAME, oci://HOST/NAME:TAG; a revision: git:NAME, in its"
    " repository"
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `name`: for people. `contents`: what its BOM says, None where it has none;
    `scanned`: that BOM was made just now, and says nothing of a build. `built`: of a file, where
    its bytes are as they were built."""

    name: str
    kind: Kind
    contents: Contents | None
    scanned: bool = False
    built: Path | None = None


def sides(
    given: Sequence[Path | str],
    folder: Path,
    progress: Progress,
    environment: Mapping[str, str],
    platform: str,
) -> tuple[Side, Side]:
    """Both sides; what they need on disk goes into `folder`. Where only one of two artifacts
    carries a BOM, both are scanned: what is installed is held against what is installed."""
    reader = _Reader(folder, progress, environment, platform)
    first, second = (reader.side(word, str(number)) for number, word in enumerate(given))
    if first.kind == second.kind == "artifact" and bool(first.contents) != bool(second.contents):
        first, second = reader.scanned(first), reader.scanned(second)
    elif not first.contents or not second.contents:
        first, second = (
            side if side.contents else reader.scanned(side) for side in (first, second)
        )
    return first, second


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    progress: Progress
    environment: Mapping[str, str]
    platform: str

    def side(self, word: Path | str, place: str) -> Side:
        """A Path is always a file or folder."""
        if isinstance(word, Path):
            return self._path(word, place)
        if word.startswith((target.ENGINE, target.REGISTRY)):
            return self._image(word, word)
        if word.startswith(GIT):
            return self._revision(word.removeprefix(GIT), place, must_be=True)
        if os.path.lexists(word):
            return self._path(Path(word), place)
        try:
            return self._revision(word, place, must_be=False)
        except LookupError:
            pass
        if ":" in word.rpartition("/")[2]:
            return self._image(word, f"{target.ENGINE}{word}")
        raise BomError(f"{word} is no file, and no revision of a repository here", hint=_HINT)

    def _path(self, path: Path, place: str) -> Side:
        if path.is_dir():
            name = path.name or path.resolve().name
            return Side(name, "folder", self._scan(path), scanned=True)
        return self._file(path, place)

    def scanned(self, side: Side) -> Side:
        """With a BOM that is made of the file itself; none where it is of no kind that is read."""
        if side.built is None:
            return side
        try:
            return replace(side, contents=self._scan(side.built), scanned=True)
        except BomError:
            return replace(side, contents=None, scanned=True)

    def _scan(self, what: Path | str) -> Contents:
        data = scan(what, self.progress, self.environment, platform=self.platform)
        found = contents(canonical.loads_canonical(data))
        gaps = tuple(gap for gap in found.gaps if not gap.text.startswith(_OF_THE_SCAN))
        return replace(found, gaps=gaps)

    def _image(self, name: str, word: str) -> Side:
        return Side(name, "image", self._scan(word), scanned=True)

    def _file(self, path: Path, place: str) -> Side:
        try:
            form = recognise(path)
            envelope = form.read(path) if form else None
            if form is not None and envelope is not None:
                built = self.folder / place
                built.touch(mode=0o600)
                unseal_to(form, path, built)
                return Side(path.name, "artifact", _read(envelope.bom), built=built)
            if (bom := beside.part(path, beside.BOM_ENDING)) is not None:
                return Side(path.name, "artifact", _read(bom), built=path)
            if (bom := bom_file(path)) is not None:
                found = contents(_object(canonical.loads(bom)))
                return Side(path.name, "bom", found, scanned=_is_scan(found))
        except OSError as error:
            raise BomError(f"{path} can't be read: {error.strerror}") from error
        return Side(path.name, "artifact", None, built=path)

    def _revision(self, name: str, place: str, *, must_be: bool) -> Side:
        """Raises LookupError where there is none, BomError where there must be one."""
        from bom.diff.revision import at_revision, resolve

        commit = resolve(name, self.environment, must_be=must_be)
        with at_revision(commit, self.folder / place, self.environment) as tree:
            found = self._scan(tree.root)
        source = replace(found.source, commit=commit, state="clean", submodules=tree.submodules)
        return Side(name, "revision", replace(found, source=source), scanned=True)


def _read(bom: bytes) -> Contents:
    return contents(canonical.loads_canonical(bom))


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadArtifact("damaged", "the JSON is not an object", found=type(value).__name__)
    return value


def _is_scan(found: Contents) -> bool:
    """Whether a document says nothing of how its subject was built (CycloneDX 1.6, formulation)."""
    return not found.document.get("formulation")
