"""Which files can be artifacts: those of a known format, by content and name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom.output import TEMPORARY_PREFIX
from bom.seal import HEAD, recognise_head
from bom.seal.beside import ENDINGS

if TYPE_CHECKING:
    from pathlib import Path

    from bom.seal.protocol import ArtifactFormat

# Formats that get the BOM beside them: how they begin, and how their names end.
_BESIDE: Final = (
    (
        (b"PK\x03\x04", b"PK\x05\x06"),
        (
            *(".zip", ".jar", ".war", ".ear", ".aar", ".whl", ".egg", ".pex", ".pyz", ".shiv"),
            *(".nupkg", ".snupkg", ".vsix", ".xpi", ".crx", ".apk", ".aab", ".ipa", ".conda"),
        ),
    ),
    ((b"#!",), (".pex", ".pyz", ".shiv")),  # a zip behind a line that names its interpreter
    ((b"Cr24",), (".crx",)),
    ((b"\xfd7zXZ\x00",), (".tar.xz", ".txz", ".xbps")),
    ((b"BZh",), (".tar.bz2", ".tbz2", ".tbz")),
    ((b"\x28\xb5\x2f\xfd",), (".tar.zst", ".tzst")),
    ((b"!<arch>\n",), (".deb", ".udeb", ".ipk")),
    ((b"\xed\xab\xee\xdb",), (".rpm",)),
    ((b"\x1f\x8b",), (".apk",)),
    ((b"7z\xbc\xaf\x27\x1c",), (".7z",)),
)
# The names that files of any known format have: only these are looked into when unchanged.
ENDINGS_KNOWN: Final = (
    *(".tar", ".tar.gz", ".tgz", ".gem", ".crate"),
    *(ending for _, endings in _BESIDE for ending in endings),
)


def recognised(path: Path) -> tuple[ArtifactFormat | None, bool]:
    """The format that can carry a seal, and whether the file is of any format that is known."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    form = recognise_head(head, path.name)
    return form, form is not None or any(
        head.startswith(magics) and path.name.lower().endswith(endings)
        for magics, endings in _BESIDE
    )


def is_own(path: Path) -> bool:
    return path.name.endswith((*ENDINGS, ".sigstore.json")) or path.name.startswith(
        TEMPORARY_PREFIX
    )
