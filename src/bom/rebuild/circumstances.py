"""What is known of how both were built: of the first what its BOM and run record say, of the second
what this machine is."""

from __future__ import annotations

import getpass
import os
import platform
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bom import canonical, purl
from bom.compare.protocol import Circumstances
from bom.compose import reading
from bom.compose.statement import PROVENANCE
from bom.errors import BadArtifact, BomError
from bom.seal.beside import RUN_RECORD_ENDING, stands
from bom.sign import base64

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def of_original(document: Mapping[str, Any], artifact: Path) -> Circumstances:
    """Of the build that was sealed. The run record beside it is verified with it."""
    run = _run_record(artifact)
    details = _mapping(_mapping(run, "buildDefinition"), "internalParameters")
    times = _mapping(_mapping(run, "runDetails"), "metadata")
    variables = _variables(document)
    return Circumstances(
        user=str(details.get("host.user") or ""),
        hostname=str(details.get("host.name") or ""),
        started=_seconds(times.get("startedOn")),
        finished=_seconds(times.get("finishedOn")),
        locale=variables.get("LC_ALL") or variables.get("LANG", ""),
        timezone=variables.get("TZ") or str(details.get("environment.TZ") or ""),
        tools=_tools(document),
        dependencies=_dependencies(document),
        variables=variables,
    )


def of_rebuild(
    document: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str],
    times: tuple[int, int],
) -> Circumstances:
    """Of the second build, in `folder`, with these variables. `times`: its start and end."""
    variables = _variables(document)
    return Circumstances(
        folder=str(folder),
        home=environment.get("HOME", ""),
        user=_user(),
        hostname=platform.node(),
        started=times[0],
        finished=times[1],
        locale=variables.get("LC_ALL") or environment.get("LANG", ""),
        timezone=variables.get("TZ") or environment.get("TZ", ""),
        processors=len(os.sched_getaffinity(0)),
        tools=_tools(document),
        dependencies=_dependencies(document),
        variables=variables,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this number, as in containers
        return ""


def _variables(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        item.name: item.value for item in reading.settings(document) if item.kind == "environment"
    }


def _tools(document: Mapping[str, Any]) -> dict[str, str]:
    return {tool.name: tool.version for tool in reading.tools(document) if tool.version}


def _dependencies(document: Mapping[str, Any]) -> dict[str, str]:
    """Packages by their purls without version, images by their names."""
    found: dict[str, str] = {}
    for text in reading.purls(document):
        try:
            parts = purl.parse(text)
        except (ValueError, BomError):
            continue
        if parts.version:
            found[text.partition("?")[0].rpartition("@")[0]] = parts.version
    for kind in ("base-image", "build-image"):
        for name, digests in reading.materials(document, kind).items():
            found[name] = ", ".join(f"sha256:{item.value}" for item in digests)
    return found


def _run_record(artifact: Path) -> Mapping[str, Any]:
    """The provenance predicate beside the artifact; empty where there is none."""
    path = artifact.with_name(artifact.name + RUN_RECORD_ENDING)
    if not stands(path):
        return {}
    for line in path.read_bytes().splitlines():
        try:
            bundle = canonical.loads_unchecked(line)
            payload = _mapping(bundle, "dsseEnvelope").get("payload")
            statement = canonical.loads_unchecked(base64.decode(payload))
        except (BadArtifact, ValueError):
            continue
        if isinstance(statement, dict) and statement.get("predicateType") == PROVENANCE:
            return _mapping(statement, "predicate")
    return {}


def _mapping(holder: Any, key: str) -> Mapping[str, Any]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _seconds(time: object) -> int:
    try:
        return int(datetime.fromisoformat(str(time)).timestamp())
    except (ValueError, OverflowError):
        return 0
