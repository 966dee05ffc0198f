"""What an image build takes: its base images as the engine saves them, and what its steps fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bom.builder import builder_for
from bom.builder.images.naming import file_name
from bom.capsule import npm
from bom.capsule.apt import Apt
from bom.capsule.python import wheel_purl
from bom.capsule.steps import AptStep, NpmStep, Requirements, steps
from bom.capsule.wheels import downloaded
from bom.capsule_record import Missing
from bom.compose import reading
from bom.lock.stores import store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.capsule.steps import Step
    from bom.capsule.writing import Contents
    from bom.lock.stores import Store
    from bom.rebuild.recipe import Recipe


def collected(
    contents: Contents,
    planned: Recipe,
    document: Mapping[str, Any],
    root: Path,
    folder: Path,
    environment: Mapping[str, str],
    places: Sequence[Path],
) -> Iterator[Missing]:
    """Add the base images, and what the steps on them install by digest; what can't be had is
    told."""
    if builder_for(planned.command, planned.images).name == "files" and not planned.images:
        return
    with store(planned.command, environment, root) as where:
        yield from _bases(contents, planned, where, folder)
        found = steps(root, _dockerfiles(root, document), root / planned.folder)
        yield from _steps(contents, list(found), root, where.client, folder, environment, places)


def _bases(contents: Contents, planned: Recipe, where: Store, folder: Path) -> Iterator[Missing]:
    for name, digests in sorted(planned.bases.items()):
        wanted = {f"sha256:{item.value}" for item in digests}
        found = where.images.inspect(name) if where.images is not None else None
        if where.images is None or found is None:
            yield Missing(what="base-image", where=name, why="no engine here has it")
            continue
        if wanted and not wanted & {found.id, found.digest, *found.served}:
            yield Missing(
                what="base-image",
                where=name,
                why="the engine has another image of this name than was built on",
            )
            continue
        file = folder / file_name(name)
        with file.open("wb") as out:
            for piece in where.images.export([name]):
                out.write(piece)
        contents.add("base-image", name, file, known="stated" if wanted else "resolved")


def _steps(
    contents: Contents,
    found: Sequence[Step | Missing],
    root: Path,
    client: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    places: Sequence[Path],
) -> Iterator[Missing]:
    wheels, debs = folder / "wheels", folder / "debs"
    for place in (wheels, debs):
        place.mkdir(mode=0o700)
    apt = Apt(root, client, debs, environment, places)
    for number, step in enumerate(found):
        if isinstance(step, Missing):
            yield step
        elif isinstance(step, NpmStep):
            cache = folder / f"npm-{number}"
            cache.mkdir(mode=0o700)
            for item in npm.in_image(step, client, cache, environment):
                if isinstance(item, Missing):
                    yield item
                else:
                    contents.add("module", item.name, item.file, purl=item.purl, known=item.known)
        elif isinstance(step, Requirements):
            lack = downloaded(step, client, wheels, environment, places)
            if lack is not None:
                yield lack
    yield from apt.collect([step for step in found if isinstance(step, AptStep)])
    for file in sorted(wheels.iterdir()):
        contents.add("package", file.name, file, purl=wheel_purl(file), known="stated")
    for deb in apt.found:
        contents.add("package", deb.file.name, deb.file, purl=deb.purl, known=deb.known)


def _dockerfiles(root: Path, document: Mapping[str, Any]) -> list[Path]:
    """Those that the BOM says were built from; where it names none of the source, all that look
    like one."""
    named = [root / name for name in sorted(reading.materials(document, "dockerfile"))]
    found = [
        path for path in named if path.is_file() and path.resolve().is_relative_to(root.resolve())
    ]
    return found or sorted(
        path
        for path in root.rglob("*")
        if path.is_file() and path.name.startswith(("Dockerfile", "Containerfile"))
    )
