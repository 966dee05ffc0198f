"""bom.toml, or `[tool.bom]` in pyproject.toml: read once, passed down, never global."""

from __future__ import annotations

import tomllib
from datetime import date  # noqa: TC003 - pydantic reads it
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bom.errors import BomError
from bom.input import open_plain

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "bom.toml"
SIZE_LIMIT: Final = 8 * 1024 * 1024  # bytes


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckConfig(_Strict):
    """A check that this project expects before a build."""

    name: str = Field(min_length=1)
    command: list[str] = []


class IgnoreConfig(_Strict):
    """A vulnerability that is known and accepted."""

    id: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    until: date = Field(description="The last day of it, UTC.")


class AuditConfig(_Strict):
    """What `bom audit` is to know."""

    ignore: list[IgnoreConfig] = []


class Config(_Strict):
    """The project's settings. Unknown keys are refused, so a typing mistake never goes unseen."""

    environment: list[str] = Field(
        default=[], description="Names of further variables whose values go into the BOM."
    )
    checks: list[CheckConfig] = Field(
        default=[], description="Checks that a build expects; one without a result is a gap."
    )
    artifacts: list[str] = Field(
        default=[], description="Globs, relative to the project, as `--artifact` takes them."
    )
    spec_version: str = Field(default="1.6", pattern=r"^1\.[567]$")
    normalize: bool = Field(
        default=False, description="Make stable what builders leave unstable, as --normalize does."
    )
    stages: bool = Field(
        default=True,
        description="Look into the stages of a multi-stage image build that don't ship.",
    )
    record_host: bool = Field(
        default=False, description="Put host and user name into the run record (personal data)."
    )
    audit: AuditConfig = Field(
        default=AuditConfig(), description="What `bom audit` accepts, why, and until when."
    )
    trusted_keys: list[str] = Field(
        default=[],
        description="Public keys that `verify --config FILE` trusts, relative to the file.",
    )


def nearest(cwd: Path, root: Path) -> Path:
    """The folder whose configuration counts for `cwd`: the first one from there up to the root
    that has any (a project of a monorepo has its own), else `root`."""
    for folder in (cwd, *cwd.parents):
        if not folder.is_relative_to(root):
            break
        if (folder / FILE_NAME).is_file() or "bom" in _tools(folder / "pyproject.toml"):
            return folder
    return root


def _tools(pyproject: Path) -> dict[str, object]:
    try:
        tools = _read(pyproject).get("tool")
    except (OSError, ValueError):
        return {}  # a broken pyproject.toml is its own build's to report
    return tools if isinstance(tools, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    """A file's table. Raises OSError, and ValueError for what is no TOML."""
    with open_plain(path) as stream:
        data = stream.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise ValueError(f"it is over {SIZE_LIMIT >> 20} MiB")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def load(root: Path, explicit: Path | None = None) -> Config:
    """The configuration in the folder `root`, or of the file that `--config` names.

    Raises BomError with the place of the mistake.
    """
    candidates = [explicit] if explicit else [root / FILE_NAME, root / "pyproject.toml"]
    for path in candidates:
        if explicit is None and not path.is_file():
            continue
        try:
            table = _read(path)
        except (OSError, ValueError) as error:
            if explicit is None and path.name == "pyproject.toml":
                continue  # a broken pyproject.toml is its own build's to report
            reason = error.strerror if isinstance(error, OSError) else str(error)
            hint = "is the path right?" if isinstance(error, OSError) else "mend the file"
            raise BomError(f"{path} can't be read: {reason}", hint=hint) from error
        if path.name == "pyproject.toml":
            tools = table.get("tool")
            if not isinstance(tools, dict) or "bom" not in tools:
                continue
            table = tools["bom"]
        try:
            return Config.model_validate(table)
        except ValidationError as error:
            raise BomError(
                f"{path}: {_mistake(error)}", hint="docs/configuration.md lists every key"
            ) from error
    return Config()


def _mistake(error: ValidationError) -> str:
    """The first mistake, in words for who wrote the file."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        places: dict[tuple[str, int], type[_Strict]] = {
            ("checks", 3): CheckConfig,
            ("audit", 2): AuditConfig,
            ("audit", 4): IgnoreConfig,
        }
        known = places.get((str(first["loc"][0]), len(first["loc"])), Config)
        near = get_close_matches(str(first["loc"][-1]), known.model_fields, 1)
        return f"unknown key {where}" + (f"; did you mean {near[0]}?" if near else "")
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"
