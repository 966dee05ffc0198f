"""A folder that an archive was unpacked into, compared with the archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.errors import BomError
from bom.installed.contents import is_tar
from bom.installed.protocol import Drift
from bom.installed.tree import Node, differences, digest_of, unpacked
from bom.seal import BOM_ENTRY, BUNDLE_ENTRY
from bom.seal.beside import BOM_ENDING, BUNDLE_ENDING, stands

if TYPE_CHECKING:
    from bom.installed.protocol import Sealed
    from bom.model import Finding

_KINDS: Final = ("tar", "tar.gz", "file")
_LISTED: Final = 1000  # findings
_RIGHTS: Final = 0o644


class PrefixFolder:
    """Stands in `bom.installed.INSPECTORS`."""

    name: str = "folder"

    def recognises(self, place: str, artifact: Sealed) -> bool:
        return artifact.kind in _KINDS and Path(place).is_dir()

    def compare(self, place: str, artifact: Sealed) -> Drift:
        if artifact.kind == "file" and not is_tar(artifact.file):
            raise BomError(
                f"{artifact.file.name} is no archive", hint="archives are compared with folders"
            )
        expected = unpacked(artifact.file)
        _add_bom(artifact.file, expected)
        return limited(list(differences(Path(place), expected)))


def limited(findings: list[Finding], warnings: tuple[str, ...] = ()) -> Drift:
    """By place, and at most so many as somebody reads."""
    if len(findings) > _LISTED:
        warnings += (f"{len(findings) - _LISTED} more differences are not listed",)
    ordered = sorted(findings, key=lambda item: item.where)
    return Drift(tuple(ordered[:_LISTED]), warnings)


def _add_bom(artifact: Path, expected: dict[str, Node]) -> None:
    """An artifact whose BOM stands beside it left it in the folder."""
    for ending, entry in ((BOM_ENDING, BOM_ENTRY), (BUNDLE_ENDING, BUNDLE_ENTRY)):
        beside = artifact.with_name(artifact.name + ending)
        if entry not in expected and stands(beside) and not _carries(expected):
            expected[entry] = Node("file", digest_of(beside), "", _RIGHTS)
    if BOM_ENTRY in expected:
        expected.setdefault(BOM_ENTRY.partition("/")[0], Node("folder"))


def _carries(expected: dict[str, Node]) -> bool:
    """Whether it is in the archive, below the folder that all of it shares."""
    tops = {path.partition("/")[0] for path in expected}
    return len(tops) == 1 and f"{min(tops)}/{BOM_ENTRY}" in expected
