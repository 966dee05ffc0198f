"""The image of a builder that buildx runs in a container of its own (driver docker-container)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bom.builder.docker.client import DOCKER_DRIVER, stated_builder
from bom.builder.docker.engine import Engine
from bom.builder.images.naming import file_name
from bom.capsule.fetched import said
from bom.capsule_record import Missing
from bom.errors import BomError
from bom.lock.stores import store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bom.capsule.writing import Contents
    from bom.rebuild.recipe import Recipe

_PATIENCE: Final = 60  # seconds
_BUILDKIT: Final = ("builder", "buildkit")
_IN_CONTAINER: Final = "docker-container"
_NODES: Final = re.compile(r"^Nodes:$", re.MULTILINE)
_NAME: Final = re.compile(r"^Name:\s*([A-Za-z0-9][\w.-]*)\s*$", re.MULTILINE | re.ASCII)
_PREFIX: Final = "buildx_buildkit_"  # of the containers that buildx makes


def collected(
    contents: Contents, planned: Recipe, root: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[Missing]:
    """Add it, where the builder that buildx uses here has one; of a builder that is elsewhere is
    told. What is inside of the engine is of the engine's version, which the BOM has."""
    builders = [tool for tool in planned.tools if (tool.kind, tool.name) == _BUILDKIT]
    if not builders:
        return
    recorded = {tool.version for tool in builders if tool.version}
    with store(planned.command, environment, root) as where:
        asked = said((*where.client, "buildx", "inspect"), root, environment, _PATIENCE)
        text = "" if isinstance(asked, str) else asked.stdout.decode("utf-8", "replace")
        driver, here = stated_builder(text)
        if driver in ("", DOCKER_DRIVER):
            return
        named = f"builder of the driver {driver}"
        if driver != _IN_CONTAINER or not isinstance(where.images, Engine):
            yield _missing(named, "it runs elsewhere")
            return
        if recorded and here and not recorded & set(here):
            versions = f"BuildKit {', '.join(here)}, and {', '.join(sorted(recorded))} built it"
            yield _missing(named, f"the one here is {versions}")
            return
        for node in _nodes(text):
            try:
                reference = _exported(where.images, node, folder)
            except BomError as error:
                yield _missing(f"builder {node}", error.reason)
                continue
            file = folder / file_name(node)
            contents.add("builder-image", reference, file, known="resolved")


def _nodes(text: str) -> list[str]:
    begin = _NODES.search(text)
    return _NAME.findall(text, begin.end()) if begin else []


def _exported(engine: Engine, node: str, folder: Path) -> str:
    """The name of the image of the node's container, which is written into the folder."""
    container: dict[str, Any] | None = engine.container(f"{_PREFIX}{node}")
    if container is None:
        raise BomError("it has no container in this engine")
    config = container.get("Config")
    reference = str(config.get("Image") or "") if isinstance(config, dict) else ""
    identity = str(container.get("Image") or "")
    found = engine.inspect(reference) if reference else None
    # its tag may have moved since the container was made
    name = reference if found is not None and identity in (found.id, found.digest) else identity
    with (folder / file_name(node)).open("wb") as out:
        for piece in engine.export([name]):
            out.write(piece)
    return name


def _missing(where: str, why: str) -> Missing:
    return Missing(what="builder-image", where=where, why=why)
