"""bom.toml, or `[tool.bom]` in pyproject.toml: read once, passed down, never global."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bom.errors import BomError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "bom.toml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckConfig(_Strict):
    """A check that this project expects before a build."""

    name: str = Field(min_length=1)
    command: list[str] = []


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
    spec_version: str = Field(default="1.6", pattern=r"^1\.[67]$")
    record_host: bool = Field(
        default=False, description="Put host and user name into the run record (personal data)."
    )
    trusted_keys: list[str] = Field(
        default=[],
        description="Public keys that `verify --config FILE` trusts, relative to the file.",
    )


def load(root: Path, explicit: Path | None = None) -> Config:
    """The configuration of the project at `root`, or of the file that `--config` names.

    Raises BomError with the place of the mistake.
    """
    candidates = [explicit] if explicit else [root / FILE_NAME, root / "pyproject.toml"]
    for path in candidates:
        if explicit is None and not path.is_file():
            continue
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            if explicit is None and path.name == "pyproject.toml":
                continue  # a broken pyproject.toml is its own build's to report
            raise BomError(f"{path} can't be read: {error}", hint="mend the file") from error
        if path.name == "pyproject.toml":
            table = table.get("tool", {}).get("bom")
            if table is None:
                continue
        try:
            return Config.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BomError(
                f"{path}: {where}: {first['msg']}", hint="docs/configuration.md lists every key"
            ) from error
    return Config()
