"""The tools that a BOM records against those that are here."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom.errors import EnvironmentLacks
from bom.model import Tool
from bom.observe.environment import EnvironmentObserver
from bom.observe.tools import ToolsObserver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bom.observe.protocol import BuildContext

# What the command itself is, or calls by name: without it nothing can be built.
_NEEDED: Final = ("wrapped", "build-frontend")


@dataclass(frozen=True, slots=True, order=True)
class ToolDifference:
    """One tool that is another here. `recorded`, `here`: its version, `VERSION (sha256:HEX)` where
    only the bytes differ; `here` is "" where it is not there."""

    name: str
    kind: str
    recorded: str
    here: str

    @property
    def text(self) -> str:
        here = self.here or "not here"
        return f"{self.kind} {self.name}: {self.recorded or 'of no known version'} -> {here}"


def tools_here(context: BuildContext, others: Iterable[object]) -> tuple[Tool, ...]:
    """What takes part here: found on PATH and asked, and what the builder states (`others`)."""
    seen = (
        *ToolsObserver().observe(context),
        *EnvironmentObserver().observe(context),  # the C library
        *others,
    )
    return tuple(sorted({fact for fact in seen if isinstance(fact, Tool)}))


def differences(recorded: Sequence[Tool], here: Sequence[Tool]) -> tuple[ToolDifference, ...]:
    """Every recorded tool that is missing here, or here in another version or with other bytes."""
    found = []
    there = _by_name(recorded)
    now = _by_name(here)
    for key, tools in sorted(there.items()):
        kind, name = key
        others = now.get(key, [])
        if not others:
            if _states_itself(tools):
                continue
            found.append(ToolDifference(name, kind, _versions(tools), ""))
        elif _versions(tools) != _versions(others):
            found.append(ToolDifference(name, kind, _versions(tools), _versions(others)))
        elif (one := _digests(tools)) and (two := _digests(others)) and one != two:
            found.append(ToolDifference(name, kind, _with_bytes(tools), _with_bytes(others)))
    return tuple(found)


def _states_itself(tools: Sequence[Tool]) -> bool:
    """Whether the artifact itself says that it took part (a wheel's backend): known here only when
    it is built."""
    return all(tool.kind == "build-backend" and tool.evidence == "stated" for tool in tools)


def refuse_without(
    command: Sequence[str],
    changed: Sequence[ToolDifference],
    environment: Mapping[str, str],
    folder: Path,
) -> None:
    """Raises EnvironmentLacks where what is to be run isn't here at all."""
    name = command[0]
    given = name if "/" not in name else str(folder / name)
    if shutil.which(given, path=environment.get("PATH")) is None:
        recorded = next((item.recorded for item in changed if item.kind == "wrapped"), "")
        raise EnvironmentLacks(
            f"{name} is not here, and the build is run by it",
            hint=f"install it{f' (it was {recorded})' if recorded else ''}",
        )
    missing = [item for item in changed if item.kind in _NEEDED and not item.here]
    if missing:
        raise EnvironmentLacks(
            "the build needs what is not here: "
            + ", ".join(f"{item.name} {item.recorded}".strip() for item in missing),
            hint="install it in these versions",
        )


def _by_name(tools: Sequence[Tool]) -> dict[tuple[str, str], list[Tool]]:
    found: dict[tuple[str, str], list[Tool]] = {}
    for tool in tools:
        found.setdefault((tool.kind, tool.name), []).append(tool)
    return found


def _versions(tools: Sequence[Tool]) -> str:
    return ", ".join(sorted({tool.version for tool in tools if tool.version}))


def _digests(tools: Sequence[Tool]) -> tuple[str, ...]:
    return tuple(sorted({item.value for tool in tools for item in tool.hashes}))


def _with_bytes(tools: Sequence[Tool]) -> str:
    shown = ", ".join(f"sha256:{digest[:12]}" for digest in _digests(tools))
    return f"{_versions(tools)} ({shown})".strip()
