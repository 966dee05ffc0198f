"""What an image build takes: its base images as the engine saves them, and what its steps fetch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bom.builder import builder_for
from bom.builder.images.naming import file_name
from bom.capsule_record import Missing
from bom.catalog.images.runs import runs
from bom.lock.stores import store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.capsule.writing import Contents
    from bom.rebuild.recipe import Recipe

# Programs that fetch something from elsewhere, as they are called in a RUN.
_FETCHES: Final = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|yum|microdnf|zypper)\b[^&|;]*\b(?:install|add|update|upgrade)\b"
    r"|\b(?:pip3?|uv|poetry|pdm|pipenv|conda|mamba)\b[^&|;]*\b(?:install|sync|download)\b"
    r"|\b(?:npm|pnpm|yarn|bun)\b[^&|;]*\b(?:ci|i|install|add)\b|\byarn\s*(?:$|[&|;])"
    r"|\b(?:go)\s+(?:mod|get|install|build|run)\b|\bcargo\s+(?:build|install|fetch|run|test)\b"
    r"|\b(?:mvn|gradle|gradlew|composer|bundle|gem|dotnet)\b"
    r"|\b(?:curl|wget|git\s+clone|git\s+fetch|svn)\b"
)


def collected(
    contents: Contents,
    planned: Recipe,
    root: Path,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[Missing]:
    """Add the base images; what can't be had is told."""
    if builder_for(planned.command, planned.images).name == "files" and not planned.images:
        return
    with store(planned.command, environment, root) as where:
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
    yield from _steps(root)


def _steps(root: Path) -> Iterator[Missing]:
    for path in sorted(root.rglob("*")):
        name = path.name
        if not path.is_file() or not (name.startswith("Dockerfile") or name == "Containerfile"):
            continue
        for run in runs(path.read_text("utf-8", "surrogateescape")):
            if match := _FETCHES.search(run.command):
                yield Missing(
                    what="step.download",
                    where=f"{path.relative_to(root)}:{run.line}",
                    why=f"what `{match[0][:60]}` fetches is not known by digest",
                )
