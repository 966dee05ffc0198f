"""`docker compose build`: compose is asked for its project (`config`), builds it, and the image of
each service is found in the engine under its name.

Compose has no metadata file. That the name was given to the image by this very build the engine
says (`tags`); what the image was made from, BuildKit's record of the build (`history`), which is
found by what buildx notes of it on this machine (`local_builds`).
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder.docker import compose_project, plugin, pushes, tools
from bom.builder.docker.added import NO_ATTESTATIONS
from bom.builder.docker.build import dialect
from bom.builder.docker.compose_records import Records
from bom.builder.docker.engine import reach
from bom.builder.docker.plugin_client import client_of, is_first, plugin_tools
from bom.builder.docker.tags import TagWatch
from bom.builder.docker.target_stages import exporter
from bom.builder.docker.targets import (
    FOLDER_PREFIX,
    Inputs,
    PreparedTargets,
    Report,
    recipe,
)
from bom.builder.images import epoch, naming, stdin, unsealed
from bom.builder.images.outcome import Outcome
from bom.builder.images.results import EngineImage, Nothing, Pushed
from bom.builder.pflag import TRUE
from bom.builder.prepared import looked_at
from bom.builder.protocol import Invocation
from bom.errors import BomError
from bom.model import Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.builder.docker.client import Client
    from bom.builder.docker.compose_project import Project
    from bom.builder.docker.engine import Engine
    from bom.builder.docker.plugin import PluginCall
    from bom.builder.docker.tags import Tagged
    from bom.builder.docker.targets import Definition
    from bom.builder.images.recipe import Recipe
    from bom.builder.protocol import BuildRequest, PreparedBuild

EXAMPLE: Final = "docker compose build"


# --- before the build ---------------------------------------------------------------------------


def _nothing_asked(call: PluginCall) -> str:
    """Why this call is not meant to build an image, "" where it is."""
    if call.wants_help:
        return "this prints a help text"
    if call.flag("print"):
        return "--print shows the bake file and builds nothing"
    if call.flag("check"):
        return "--check checks the Dockerfiles and builds nothing"
    if call.flag("dry-run") or call.plugin_flag("dry-run"):
        return "--dry-run builds nothing"
    return ""


def prepare(request: BuildRequest) -> PreparedBuild:
    """Everything that must be known before the build. Raises BomError, EnvironmentLacks."""
    call = plugin.parse(request.command)
    if why := _nothing_asked(call):
        return unsealed.prepare(request, Nothing(why))
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    engine: Engine | None = None
    try:
        reads_stdin = any(o.name == "file" and o.value == "-" for o in call.plugin_options)
        given = stdin.spool(folder) if reads_stdin else None
        client = client_of(call, request)
        project = _project(call, request, given)
        engine = reach(call, request.environment, request.cwd)
        return _prepared(request, call, client, project, engine, folder, given)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if engine is not None:
            engine.close()
        raise


def _project(call: PluginCall, request: BuildRequest, given: Path | None) -> Project:
    """The project as this call sees it: services that it names count whatever their profile."""
    ask = (*call.argv[: call.before], "config")
    as_json = ("--format", "json")
    shown = "compose config"
    try:
        project = compose_project.read(
            plugin.ask(shown, (*ask, *as_json), request.environment, request.cwd, given)
        )
    except BomError:
        # compose 1 knows YAML alone, and compose 2.40 prints no JSON of agents with a path; what
        # else is wrong it says again
        return compose_project.read(plugin.ask(shown, ask, request.environment, request.cwd, given))
    if all(name in project.services for name in call.words):
        return project
    more = (*ask, *as_json, *call.words)
    also = compose_project.read(plugin.ask(shown, more, request.environment, request.cwd, given))
    return project.model_copy(update={"services": {**project.services, **also.services}})


def _named(
    project: Project, call: PluginCall, environment: Mapping[str, str], labels: Sequence[str]
) -> Project:
    """The project with its name, by which images are called. compose 1 doesn't state it, and
    reduces what it is given so."""
    if project.name:
        return project
    given = call.plugin_value("project-name") or environment.get("COMPOSE_PROJECT_NAME", "")
    name = re.sub(r"[^-_a-z0-9]", "", given.lower())
    unnamed = [label for label in labels if not project.services[label].image]
    if unnamed and not name:
        raise BomError(
            f"compose does not say what it would call the image of {unnamed[0]}",
            hint="name the project: docker-compose -p NAME build",
        )
    return project.model_copy(update={"name": name})


def _pushed(project: Project, call: PluginCall, labels: Iterable[str]) -> frozenset[str]:
    """The services whose images compose pushes: those that name one."""
    if not call.flag("push"):
        return frozenset()
    return frozenset(label for label in labels if project.services[label].image)


def _separator(call: PluginCall, environment: Mapping[str, str], client: Client) -> str:
    asked = environment.get("COMPOSE_COMPATIBILITY", "")
    old = call.plugin_flag("compatibility") or asked in TRUE
    return "_" if old or (call.alone and is_first(client.version)) else "-"


def _arguments(call: PluginCall, environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for text in call.values("build-arg"):
        name, equals, value = text.partition("=")
        if equals:
            found[name] = value
        elif name in environment:
            found[name] = environment[name]
    return found


def _prepared(
    request: BuildRequest,
    call: PluginCall,
    client: Client,
    project: Project,
    engine: Engine,
    folder: Path,
    given: Path | None,
) -> PreparedTargets:
    environment = request.environment
    labels = compose_project.chosen(
        project, call.words, with_dependencies=call.flag("with-dependencies")
    )
    warnings: tuple[str, ...] = ()
    if not labels:
        nothing = Nothing("no service of this call has a build section", is_build=True)
        warnings = unsealed.prepare(request, nothing).warnings
    project = _named(project, call, environment, labels)
    every = compose_project.definitions(
        project, _arguments(call, environment), _separator(call, environment, client)
    )
    known = {item.label: item for item in every}
    outputs = naming.destinations(request.output, labels, EXAMPLE) if labels else ()
    inputs = Inputs(every, dialect(client), request, outputs, folder)
    call, known = _with_epoch(call, [known[label] for label in labels], client, inputs, request)
    pushed = _pushed(project, call, labels)
    planned = [
        pushes.planned(
            replace(
                recipe(known[label], inputs.of(label), request, "compose-service"),
                exporter=exporter(
                    call,
                    client,
                    known[label],
                    inputs.of(label),
                    request,
                    (inputs.room(label), engine.architecture),
                ),
            ),
            Outcome(
                (Pushed() if label in pushed else EngineImage(),),
                replace(request, output=output),
                known[label].tags,
            ),
            lambda names: pushes.store_of(engine, call, request, names),
        )
        for label, output in zip(labels, outputs, strict=True)
    ]
    parts = engine.version()
    attested = call.values("provenance") or call.values("sbom")
    variables = dict(environment)
    # what is pushed is the user's to use, so nothing is left out of it
    if not attested and not pushed and not any(known[label].attested for label in labels):
        variables.setdefault(NO_ATTESTATIONS, "1")
    recipes = [item.recipe for item in planned]
    watch = TagWatch(engine, [tag for item in recipes for tag in item.tags])
    looks = _Looks(engine, watch, pushed)
    required = frozenset(call.words or labels)
    records = Records(call, client, request, [known[label] for label in labels])
    return PreparedTargets(
        request,
        Invocation(call.argv, variables, given),
        planned,
        engine,
        folder,
        settings=(Setting("option", "builder", client.route),),
        tools=looked_at(lambda: (*plugin_tools(call, client), *tools.engine_tools(client, parts))),
        reports=lambda: _reports(looks, recipes, required, records),
        warnings=warnings,
        closed=watch.close,
    )


def _with_epoch(
    call: PluginCall,
    built: Sequence[Definition],
    client: Client,
    inputs: Inputs,
    request: BuildRequest,
) -> tuple[PluginCall, dict[str, Definition]]:
    """The call with SOURCE_DATE_EPOCH as a build argument, and what it builds then. A service that
    has its own keeps it: an argument of the call would go before it, and buildx takes the variable
    for all others. Without buildx it is given where a Dockerfile declares it."""
    known = {item.label: item for item in built}
    argument = epoch.argument((), request.epoch)
    if not argument:
        return call, known
    buildx = client.route == "buildx"
    name, _, value = argument.partition("=")
    alone = not any(name in item.arguments for item in built)
    if alone and (buildx or any(epoch.is_declared(inputs.of(label)) for label in known)):
        call = call.with_options("build-arg", (argument,))
    elif not buildx:
        return call, known
    return call, {
        label: replace(item, arguments={name: value, **item.arguments})
        for label, item in known.items()
    }


# --- after the build ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Looks:
    """Where images are looked for after the build. `pushed`: the services that it pushed."""

    engine: Engine
    watch: TagWatch
    pushed: frozenset[str]


def _reports(
    looks: _Looks,
    recipes: Iterable[Recipe],
    required: frozenset[str],
    records: Records,
) -> dict[str, Report]:
    """What each service's image is. A service that was not asked for by name, and that the build
    left alone, is left out."""
    images: dict[str, Tagged] = {}
    found: dict[str, Report] = {}
    for item in recipes:
        if item.label in looks.pushed:
            stated = records.pushed(item.label, looks.engine.inspect(item.tags[0]))
            if stated is not None:
                found[item.label] = Report(stated)
                continue
            if not records.by_engine(item.label):
                _refuse_unkept(looks, item)
        tagged = looks.watch.image(item.tags)
        if tagged is None and item.label in required:
            raise BomError(
                f"{item.label}: the engine holds no image {item.tags[0]} after the build",
                hint="does the build leave it in this engine?",
            )
        if tagged is not None and (tagged.is_new or item.label in required):
            images[item.label] = tagged
    made = {label: tagged.image for label, tagged in images.items()}
    reported = records.reported(made)
    return found | {label: Report(reported[label], tagged.gaps) for label, tagged in images.items()}


def _refuse_unkept(looks: _Looks, item: Recipe) -> None:
    """Raise BomError unless the engine shows that the command gave it the image."""
    if all(looks.engine.inspect(tag) is not None for tag in item.tags):
        tagged = looks.watch.image(item.tags)
        if tagged is not None and tagged.is_new:
            return
    raise BomError(
        f"{item.label}: the engine doesn't keep the image that was pushed, and its builder has no"
        " record of it",
        hint="`docker buildx bake --push` says which image it pushed",
    )
