"""What compose would build, as the client prints it (`compose config`): JSON, or YAML where compose
is old. The model: github.com/compose-spec/compose-spec, build.md.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from bom.builder.docker.targets import Definition
from bom.builder.images import credentials as lent
from bom.builder.images.credentials import Lent
from bom.builder.pflag import FALSE
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIMIT: Final = 10_000  # services of one project
_SERVICE: Final = "service:"
_AGENT: Final = re.compile(r"=|: ?")

_Text = Annotated[str, StringConstraints(max_length=65_536)]


def _as_mapping(value: Any) -> Any:
    """compose 1 prints some mappings as lists of `KEY=VALUE`."""
    if not isinstance(value, list):
        return value
    pairs = (str(item).partition("=") for item in value)
    return {name: text if equals else None for name, equals, text in pairs}


def _as_text(value: Any) -> Any:
    """compose 1 prints numbers and truth values as such."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


_Value = Annotated[_Text, BeforeValidator(_as_text)]
_Mapping = Annotated[dict[_Text, _Value | None], BeforeValidator(_as_mapping)]


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Source(_Foreign):
    source: _Text = ""
    target: _Text = ""


class Secret(_Foreign):
    """A secret of the project: where its value is."""

    file: _Text = ""
    environment: _Text = ""


class Build(_Foreign):
    """A service's `build`."""

    context: _Text = "."
    dockerfile: _Text = ""
    dockerfile_inline: Annotated[str, StringConstraints(max_length=4 * 1024 * 1024)] | None = None
    args: _Mapping = {}
    additional_contexts: _Mapping = {}
    target: _Text = ""
    tags: list[_Text] = []
    platforms: list[_Text] = []
    secrets: list[_Source | _Text] = []
    ssh: list[_Text] | _Mapping = []
    network: _Text = ""
    entitlements: list[_Text] = []
    provenance: bool | _Text = ""
    sbom: bool | _Text = ""


class Service(_Foreign):
    build: Build | None = None
    image: _Text = ""
    platform: _Text = ""
    depends_on: _Mapping | dict[_Text, object] | list[_Text] = []


class Project(_Foreign):
    """What `config` gives."""

    name: _Text = ""
    services: dict[_Text, Service] = {}
    secrets: dict[_Text, Secret] = {}


def read(printed: bytes) -> Project:
    """The project that `config` gave, as JSON or as YAML (compose 1). Raises BomError for
    anything else."""
    try:
        found = json.loads(printed)
    except (ValueError, RecursionError):
        found = _yaml(printed)
    try:
        project = Project.model_validate(found)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BomError(f"compose's project is not as compose prints it: {where}") from error
    if len(project.services) > _LIMIT:
        raise BomError(f"compose's project has more than {_LIMIT} services")
    return project


def _yaml(printed: bytes) -> object:
    import yaml

    try:
        return yaml.safe_load(printed)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BomError("compose's project is not as compose prints it") from error


def chosen(project: Project, named: Sequence[str], *, with_dependencies: bool) -> tuple[str, ...]:
    """The services that are built, in the project's order: those named, else all that have a
    `build`; with those that they take files from, and on request those they depend on."""
    waiting = list(named or project.services)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        service = project.services.get(name)
        if service is None or name in found:
            continue
        found.add(name)
        if service.build is not None:
            waiting += [other for _, other in _links(service.build)]
        if with_dependencies:
            waiting += list(service.depends_on)
    return tuple(name for name, item in project.services.items() if name in found and item.build)


def _links(build: Build) -> list[tuple[str, str]]:
    return [
        (name, place.removeprefix(_SERVICE))
        for name, place in build.additional_contexts.items()
        if place is not None and place.startswith(_SERVICE)
    ]


def definitions(
    project: Project, arguments: Mapping[str, str], separator: str
) -> tuple[Definition, ...]:
    """Every service that has a `build`. `arguments`: the call's own, which go before.
    `separator`: between project and service in the name of an image that has none."""
    return tuple(
        _definition(project, name, item, item.build, arguments, separator)
        for name, item in project.services.items()
        if item.build is not None
    )


def _lent(build: Build, known: Mapping[str, Secret]) -> Lent:
    """The secrets under the ids that RUN asks for, and the agents (`ID`, `ID=PATH`; compose's YAML
    has `ID: PATH`)."""
    secrets = []
    for one in build.secrets:
        source, target = (one, "") if isinstance(one, str) else (one.source, one.target)
        value = known.get(source, Secret())
        secrets.append(lent.Secret(target or source, value.file, value.environment))
    agents = [_AGENT.split(text, maxsplit=1) for text in build.ssh]
    return Lent(
        tuple(secret for secret in secrets if secret.id),
        tuple((name, tuple(filter(None, path))) for name, *path in agents if name),
    )


def _definition(
    project: Project,
    label: str,
    service: Service,
    build: Build,
    arguments: Mapping[str, str],
    separator: str,
) -> Definition:
    own = {name: value for name, value in build.args.items() if value is not None}
    return Definition(
        label=label,
        context=build.context,
        dockerfile=build.dockerfile,
        inline=build.dockerfile_inline,
        named=tuple(
            (name, place)
            for name, place in build.additional_contexts.items()
            if place is not None and not place.startswith(_SERVICE)
        ),
        linked=tuple(_links(build)),
        arguments={**own, **arguments},
        stage=build.target,
        tags=(service.image or f"{project.name}{separator}{label}", *build.tags),
        platforms=tuple(build.platforms or filter(None, [service.platform])),
        lent=_lent(build, project.secrets),
        network=build.network,
        entitlements=tuple(build.entitlements),
        attested=any(
            str(asked).lower() not in ("", "none", *FALSE)
            for asked in (build.provenance, build.sbom)
        ),
    )
