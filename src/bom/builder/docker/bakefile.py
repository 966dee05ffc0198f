"""What bake would build, as the client prints it (`bake --print`).

JSON (docs.docker.com/build/bake/reference): groups and targets, with all variables, functions,
inheritance, matrices, overrides and compose files resolved.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bom.builder.docker.targets import Definition
from bom.builder.images.credentials import Lent
from bom.builder.images.remote import is_remote
from bom.builder.images.results import parse_output
from bom.builder.pflag import TRUE
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT: Final = "default"
_LIMIT: Final = 10_000  # targets of one definition
_TARGET: Final = "target:"
_HERE: Final = "cwd://"  # of a remote definition: relative to the working directory after all

_Text = Annotated[str, StringConstraints(max_length=65_536)]


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Group(_Foreign):
    targets: list[_Text] = []


class Target(_Foreign):
    """A target as printed. Values may be null where they are unset."""

    context: _Text | None = None
    contexts: dict[_Text, _Text] | None = None
    dockerfile: _Text | None = None
    inline: Annotated[str, StringConstraints(max_length=4 * 1024 * 1024)] | None = Field(
        default=None, alias="dockerfile-inline"
    )
    args: dict[_Text, _Text | None] | None = None
    target: _Text | None = None
    tags: list[_Text] | None = None
    output: list[dict[_Text, _Text] | _Text] | None = None
    platforms: list[_Text] | None = None
    secret: list[dict[_Text, _Text] | _Text] | None = None
    ssh: list[dict[_Text, object] | _Text] | None = None
    attest: list[dict[_Text, _Text] | _Text] | None = None
    call: _Text | None = None
    network: _Text | None = None
    entitlements: list[_Text] | None = None


class Bakefile(_Foreign):
    """What `--print` gives."""

    group: dict[_Text, _Group] = {}
    target: dict[_Text, Target] = {}

    def built(self) -> tuple[str, ...]:
        """The targets that the default group leads to, each once, in order."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        waiting = list(self.group[_DEFAULT].targets) if _DEFAULT in self.group else []
        while waiting:
            name = waiting.pop(0)
            if name in self.group and name not in seen and name != _DEFAULT:
                seen.add(name)
                waiting[:0] = self.group[name].targets
            elif name in self.target:
                found[name] = None
        return tuple(found)


def read(printed: bytes) -> Bakefile:
    """The definition that `--print` gave. Raises BomError for anything else."""
    try:
        found = Bakefile.model_validate_json(printed)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BomError(f"bake's definition is not as buildx prints it: {where}") from error
    if len(found.target) > _LIMIT:
        raise BomError(f"bake's definition has more than {_LIMIT} targets")
    return found


def definitions(bakefile: Bakefile, remote: str = "") -> tuple[Definition, ...]:
    """Every target. `remote`: where the definition itself comes from, "" for files here."""
    return tuple(_definition(name, item, remote) for name, item in bakefile.target.items())


def _definition(label: str, item: Target, remote: str) -> Definition:
    named = []
    linked = []
    for name, place in (item.contexts or {}).items():
        if place.startswith(_TARGET):
            linked.append((name, place.removeprefix(_TARGET)))
        else:
            named.append((name, place.removeprefix(_HERE) or "."))
    return Definition(
        label=label,
        context=_place(item.context or ".", remote),
        dockerfile=item.dockerfile or "",
        inline=item.inline,
        named=tuple(named),
        linked=tuple(linked),
        arguments={k: v for k, v in (item.args or {}).items() if v is not None},
        stage=item.target or "",
        tags=(*(item.tags or ()), *_output_names(item)),
        platforms=tuple(name for text in item.platforms or () for name in text.split(",")),
        lent=_lent(item),
        network=item.network or "",
        entitlements=tuple(item.entitlements or ()),
        attested=any(fields(one).get("disabled") not in TRUE for one in item.attest or ()),
    )


def _place(place: str, remote: str) -> str:
    """Where a context is: those of a remote definition are relative to it."""
    if place.startswith(_HERE):
        return place.removeprefix(_HERE) or "."
    if remote and not is_remote(place) and not Path(place).is_absolute():
        return remote
    return place


def fields(value: dict[str, str] | str) -> dict[str, str]:
    """An output or attestation by its fields; older versions of buildx print the option's value."""
    return value if isinstance(value, dict) else parse_output(value)


def _lent(item: Target) -> Lent:
    """Secrets and agents; older versions of buildx print them as the options' values."""
    secrets = [one if isinstance(one, str) else _joined(one) for one in item.secret or ()]
    agents = [one if isinstance(one, str) else _agent(one) for one in item.ssh or ()]
    return Lent.by(secrets, agents, {})


def _joined(fields: Mapping[str, str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([f"{key}={fields[key]}" for key in fields])
    return text.getvalue()


def _agent(fields: Mapping[str, object]) -> str:
    paths = fields.get("paths")
    listed = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    return f"{fields.get('id') or 'default'}={','.join(listed)}"


def _output_names(item: Target) -> tuple[str, ...]:
    names = [fields(one).get("name", "").split(",") for one in item.output or ()]
    return tuple(name for group in names for name in group if name)
