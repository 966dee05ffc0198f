"""The BOMs that this one is held against: the base branch's last ones.

Given by the input `base-bom`, a BOM or a sealed artifact; else what the last run for the base
branch uploaded under the name that this run uploads to. No signature of it is checked: it decides
nothing.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom import canonical
from bom.archive.zip_errors import BROKEN_ZIP
from bom.errors import BadArtifact, BomError
from bom.github.api import Denied
from bom.report.contents import contents
from bom.seal import beside
from bom.show import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.github.api import Api
    from bom.github.event import Event
    from bom.report.contents import Contents

BOMS_ENDING: Final = ".bom"  # of the uploaded artifact that holds the BOMs alone
_LIMIT: Final = 64 * 1024 * 1024  # bytes: of the archive, and of each BOM in it
_MEMBERS: Final = 100


@dataclass(frozen=True, slots=True)
class Base:
    """`origin`: where they come from, a phrase of ours. `missing`: why there are none."""

    boms: tuple[Contents, ...] = ()
    origin: str = ""
    missing: str = ""


def given(paths: tuple[str, ...]) -> Base:
    """Of the input `base-bom`. Raises BomError where one can't be read."""
    return Base(tuple(_read(Path(path)) for path in paths), "the base BOM")


def last(api: Api, event: Event, name: str) -> Base:
    """Of the last run for the base branch. What is in the way is in `missing`: a build doesn't fail
    for want of something to compare with."""
    branch = event.base_branch
    if not branch:
        return Base(missing="no base branch is known")
    try:
        found = _newest(api, event, f"{name}{BOMS_ENDING}")
        if found == 0:
            return Base(missing="no run for the base branch has uploaded one that is still kept")
        boms = tuple(_members(api.archive(found, _LIMIT)))
    except Denied as error:
        return Base(missing=f"the token may not read artifacts (`{error.needs}`)")
    except BomError as error:
        return Base(missing=error.reason)
    return Base(boms, "the base branch's last BOM")


def identity(of: Contents) -> str:
    """What an artifact is called whatever its version: to find it again in another run."""
    purl = of.subject.purl.partition("?")[0]
    name = purl.rpartition("@")[0] or of.subject.full_name
    return f"{of.kind} {name}"


def _newest(api: Api, event: Event, name: str) -> int:
    """The artifact's ID, 0 where there is none. A fork's branch may have the base branch's name:
    what its runs uploaded doesn't count."""
    for item in api.artifacts(name):
        run = item.workflow_run
        if item.name != name or item.expired or run is None:
            continue
        own = run.repository_id == run.head_repository_id == event.repository_id
        if own and run.head_branch == event.base_branch:
            return item.id
    return 0


def _members(archive: bytes) -> Iterator[Contents]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            names = sorted(name for name in opened.namelist() if name.endswith(beside.BOM_ENDING))
            for name in names[:_MEMBERS]:
                with opened.open(name) as stream:
                    yield _parsed(stream.read(_LIMIT + 1))
    except (*BROKEN_ZIP, OSError) as error:
        raise BomError("the base branch's artifact is no zip that can be read") from error


def _read(path: Path) -> Contents:
    try:
        with path.open("rb") as stream:
            head = stream.read(1)
            if head == b"{":
                return _parsed(head + stream.read(_LIMIT))
    except OSError as error:
        raise BomError(f"the input base-bom: {path}: {error.strerror}") from error
    return _parsed(embedded(path))


def _parsed(data: bytes) -> Contents:
    document = canonical.loads_unchecked(data, limit=_LIMIT)
    if not isinstance(document, dict):
        raise BadArtifact("damaged", "the base BOM is no JSON object")
    return contents(document)
