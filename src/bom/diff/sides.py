"""What the two words of `bom diff A B` stand for.

In this order: `docker:NAME`, `oci://…`, `git:REVISION`; a file or folder that is there; a revision
of the repository that the call is made in; the name of an image with its tag. A file carries a BOM,
is one, or is scanned for one.
"""

from __future__ import annotations

import os
import tempfile
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
    from collections.abc import Mapping

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
    `scanned`: that BOM was made just now, and says nothing of a build. `file`: the artifact;
    `built`: where its bytes are as they were built, None where nobody wants them."""

    name: str
    kind: Kind
    contents: Contents | None
    scanned: bool = False
    file: Path | None = None
    built: Path | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads sides; what they need on disk goes into `folder`. `bytes_too`: artifacts are there as
    they were built."""

    folder: Path
    progress: Progress
    environment: Mapping[str, str]
    platform: str
    bytes_too: bool

    def side(self, word: Path | str, place: str) -> Side:
        """A Path is always a file or folder."""
        if isinstance(word, Path):
            return self._path(word)
        if word.startswith((target.ENGINE, target.REGISTRY)):
            return self._image(word, word)
        if word.startswith(GIT):
            return self._revision(word.removeprefix(GIT), place, must_be=True)
        if os.path.lexists(word):
            return self._path(Path(word))
        try:
            return self._revision(word, place, must_be=False)
        except LookupError:
            pass
        if ":" in word.rpartition("/")[2]:
            return self._image(word, f"{target.ENGINE}{word}")
        raise BomError(f"{word} is no file, and no revision of a repository here", hint=_HINT)

    def with_boms(self, first: Side, second: Side) -> tuple[Side, Side]:
        """Both, with a BOM made now for each that has none. Where only one of two artifacts carries
        one, both are scanned: what is installed is held against what is installed."""
        if first.contents and second.contents:
            return first, second
        if first.kind == second.kind == "artifact" and (first.contents or second.contents):
            return self._scanned(first), self._scanned(second)
        return (
            first if first.contents else self._scanned(first),
            second if second.contents else self._scanned(second),
        )

    def _path(self, path: Path) -> Side:
        if path.is_dir():
            name = path.name or path.resolve().name
            return Side(name, "folder", self._scan(path), scanned=True)
        return self._file(path)

    def _scanned(self, side: Side) -> Side:
        """With a BOM that is made of the file itself; none where it is of no kind that is read."""
        if side.file is None:
            return side
        built = side.built or self._as_built(side.file)
        try:
            return replace(side, contents=self._scan(built), scanned=True)
        except BomError:
            return replace(side, contents=None, scanned=True)

    def _as_built(self, path: Path) -> Path:
        """The file with its seal taken off: itself, where it has none inside."""
        form = recognise(path)
        if form is None or form.read(path) is None:
            return path
        place = Path(tempfile.mkdtemp(dir=self.folder)) / path.name
        place.touch(mode=0o600)
        unseal_to(form, path, place)
        return place

    def _scan(self, what: Path | str) -> Contents:
        data = scan(what, self.progress, self.environment, platform=self.platform)
        found = contents(canonical.loads_canonical(data))
        gaps = tuple(gap for gap in found.gaps if not gap.text.startswith(_OF_THE_SCAN))
        return replace(found, gaps=gaps)

    def _image(self, name: str, word: str) -> Side:
        return Side(name, "image", self._scan(word), scanned=True)

    def _file(self, path: Path) -> Side:
        try:
            form = recognise(path)
            envelope = form.read(path) if form else None
            bom = envelope.bom if envelope else beside.part(path, beside.BOM_ENDING)
            if bom is None and (own := bom_file(path)) is not None:
                found = contents(_object(canonical.loads(own)))
                return Side(path.name, "bom", found, scanned=_is_scan(found))
            built = self._as_built(path) if self.bytes_too else None
        except OSError as error:
            raise BomError(f"{path} can't be read: {error.strerror}") from error
        found_here = _read(bom) if bom is not None else None
        return Side(path.name, "artifact", found_here, file=path, built=built)

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
