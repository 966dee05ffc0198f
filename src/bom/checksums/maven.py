"""Maven has no lock: what a project downloads is what a repository of its own holds afterwards
(`mvn -Dmaven.repo.local=DIR verify`), plugins included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.checksums.model import Lacking, Project, Wanted
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.checksums.places import Found, Places

NO_LOCK: Final = "it states only what is asked for directly; name a repository of its own (--from)"
_SIDECAR: Final = 200  # bytes


def completed(project: Project, places: Places) -> Project:
    """With all that the repositories among the places hold, instead of what pom.xml names."""
    here = [found for found in places.all() if found.ecosystem == "maven" and "/" in found.key]
    if not here:
        return project
    asked = [item for item in project.files if item.ecosystem == "maven"]
    files = {_wanted(found) for found in here}
    held = {(item.name, item.version) for item in files}
    lacking = {
        Lacking("the repository that was named does not hold it", item.shown)
        for item in asked
        if (item.name, item.version) not in held
    }
    others = {item for item in project.files if item.ecosystem != "maven"}
    return replace(
        project,
        files=tuple(sorted(others | files)),
        lacking=tuple(sorted({*settled(project).lacking, *lacking})),
    )


def settled(project: Project) -> Project:
    """Without the word that there is no lock: something else says what is downloaded."""
    rest = tuple(row for row in project.lacking if row.reason != NO_LOCK)
    return replace(project, lacking=rest)


def _wanted(found: Found) -> Wanted:
    """By its path, `GROUP/ARTIFACT/VERSION/FILE`, and the checksum that Maven put beside it."""
    *group, artifact, version, file = found.key.split("/")
    own = next(_beside(found.path), "")
    name = f"{'.'.join(group)}:{artifact}"
    return Wanted("maven", name, version, file, own=own, place=f"{file}.sha1")


def _beside(path: Path) -> Iterator[str]:
    sidecar = Path(f"{path}.sha1")
    try:
        with sidecar.open("rb") as stream:
            word = stream.read(_SIDECAR).split()[:1]
    except FileNotFoundError:
        return
    except OSError as error:
        raise BomError(f"{sidecar} can't be read: {error.strerror}") from error
    text = word[0].decode("ascii", "replace").lower() if word else ""
    if len(text) == 40 and all(char in "0123456789abcdef" for char in text):
        yield f"sha1:{text}"
