"""Where the sealed images of one command go: a file for one, one each in a folder for several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST: Final = 200  # bytes; a file's name may have 255, and endings are put behind it


def file_name(name: str) -> str:
    """The file for the image of this name (a bake target, a compose service, a reference):
    `NAME.tar`, with `_` for every character that isn't a letter, a digit, `.`, `_` or `-`."""
    safe = _UNSAFE.sub("_", name)
    return f"{'_' + safe[1:] if safe.startswith('.') else safe}.tar"


def destinations(output: Path | None, names: Sequence[str], example: str) -> tuple[Path, ...]:
    """Where each of these images goes, in their order: into the folder `output`, or, for one image
    alone, to the file `output`. Raises BomError where that can't be. `example`: a command of this
    kind, for what is said then."""
    several = len(names) > 1
    if output is None:
        raise BomError(
            f"an image build needs a {'folder' if several else 'file'} for what it seals",
            hint=f"bom build -o {'release/' if several else 'app.tar'} -- {example}",
        )
    if not output.is_dir():
        if several:
            raise BomError(
                f"this build makes {len(names)} images, and {output.name} is no folder",
                hint="-o names a folder that is there: it gets one file for each image",
            )
        if not output.parent.is_dir():
            raise BomError(
                f"{output.name} can't be written there",
                hint="-o names a file in a folder that exists",
            )
        return (output,)
    files = [file_name(name) for name in names]
    for name, file in zip(names, files, strict=True):
        if len(file) > _LONGEST:
            raise BomError(f"the name {name[:40]}... is too long for a file")
        if files.count(file) > 1:
            raise BomError(
                f"several images would go to {file}", hint="build them with a call for each"
            )
        if (output / file).is_dir():
            raise BomError(f"{file} is a folder: the sealed image can't be written there")
    return tuple(output / file for file in files)
