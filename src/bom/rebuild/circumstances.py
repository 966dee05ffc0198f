"""What is known of how both were built: of the first what its BOM and run record say, of the second
what this machine is."""

from __future__ import annotations

import getpass
import locale
import os
import platform
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bom import canonical
from bom.compare.known import of_document
from bom.compose.statement import PROVENANCE
from bom.errors import BadArtifact
from bom.seal.beside import RUN_RECORD_ENDING, stands
from bom.sign import base64

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.compare.protocol import Circumstances


def of_original(document: Mapping[str, Any], artifact: Path) -> Circumstances:
    """Of the build that was sealed. The run record beside it is verified with it."""
    run = _run_record(artifact)
    details = _mapping(_mapping(run, "buildDefinition"), "internalParameters")
    times = _mapping(_mapping(run, "runDetails"), "metadata")
    stated = of_document(document)
    return replace(
        stated,
        user=str(details.get("host.user") or ""),
        hostname=str(details.get("host.name") or ""),
        started=_seconds(times.get("startedOn")),
        finished=_seconds(times.get("finishedOn")),
        timezone=stated.timezone or str(details.get("environment.TZ") or ""),
    )


def of_rebuild(
    document: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str],
    times: tuple[int, int],
) -> Circumstances:
    """Of the second build, in `folder`, with these variables. `times`: its start and end."""
    stated = of_document(document)
    return replace(
        stated,
        folder=str(folder),
        home=environment.get("HOME", ""),
        user=_user(),
        hostname=platform.node(),
        started=times[0],
        finished=times[1],
        locale=_in_effect(stated.locale or environment.get("LANG", "")),
        timezone=stated.timezone or environment.get("TZ", ""),
        processors=len(os.sched_getaffinity(0)),
    )


def _in_effect(name: str) -> str:
    """The locale, or `C` where it isn't installed here: programs keep to that one then
    (setlocale(3))."""
    before = locale.setlocale(locale.LC_COLLATE)
    try:
        locale.setlocale(locale.LC_COLLATE, name or "C")
    except locale.Error:
        return "C"
    locale.setlocale(locale.LC_COLLATE, before)
    return name


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this number, as in containers
        return ""


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
