"""`docker buildx bake`: the client is asked what it would build (`--print`), builds it, and says
for each target in its metadata file which image that became.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bom.builder.docker import bakefile as bakefiles
from bom.builder.docker import plugin, pushes, tools
from bom.builder.docker.added import METADATA_PROVENANCE, NO_ATTESTATIONS
from bom.builder.docker.client import DOCKER_DRIVER
from bom.builder.docker.engine import reach
from bom.builder.docker.platform_provenance import PlatformProvenance
from bom.builder.docker.plugin_client import client_of, plugin_tools
from bom.builder.docker.target_stages import exporter
from bom.builder.docker.targets import (
    FOLDER_PREFIX,
    Inputs,
    PreparedTargets,
    Report,
    recipe,
)
from bom.builder.images import naming, provenance, results, stdin, unsealed
from bom.builder.images.context import Dialect
from bom.builder.images.outcome import Outcome
from bom.builder.images.remote import is_remote
from bom.builder.prepared import looked_at
from bom.builder.protocol import Invocation
from bom.errors import BomError
from bom.model import Gap, Setting
from bom.repeatable import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bom.builder.docker.client import Client
    from bom.builder.docker.engine import Engine
    from bom.builder.docker.plugin import PluginCall
    from bom.builder.docker.targets import Definition
    from bom.builder.images.results import Result
    from bom.builder.protocol import BuildRequest, PreparedBuild

EXAMPLE: Final = "docker buildx bake"


def results_of(label: str, item: bakefiles.Target, driver: str, cwd: Path) -> tuple[Result, ...]:
    """What this target leaves to be sealed; empty where it is meant to leave nothing. Raises
    BomError for what can't be sealed."""
    if item.call and item.call != "build":
        return ()
    outputs = [bakefiles.fields(one) for one in item.output or ()]
    try:
        left = results.of_outputs(outputs, cwd)
    except BomError as error:
        raise BomError(f"{label}: {error.reason}", hint=error.hint) from error
    if all(isinstance(one, results.Nothing) for one in left):
        return ()
    loaded = any(one.get("type") == "docker" and not one.get("dest") for one in outputs)
    if results.EngineImage() in left and driver not in ("", DOCKER_DRIVER) and not loaded:
        raise BomError(
            f"{label}: the builder (driver {driver}) would keep the image to itself",
            hint="add --load to the build",
        )
    return left


def outcomes_of(
    left: Mapping[str, Sequence[Result]], tags: Mapping[str, Sequence[str]], request: BuildRequest
) -> dict[str, Outcome]:
    """Where the results of each target go. An image in the engine needs `-o`; what a target writes
    into files is sealed in place without it, and folders always."""
    placed = [
        label
        for label, wanted in left.items()
        if any(isinstance(one, results.EngineImage | results.Pushed) for one in wanted)
        or (request.output and not any(isinstance(one, results.RootFsFolder) for one in wanted))
    ]
    files = naming.destinations(request.output, placed, EXAMPLE) if placed else ()
    places = dict(zip(placed, files, strict=True))
    return {
        label: Outcome(wanted, replace(request, output=places.get(label)), tags[label])
        for label, wanted in left.items()
    }


def _nothing_asked(call: PluginCall) -> str:
    """Why this call is not meant to build an image, "" where it is."""
    if call.wants_help:
        return "this prints a help text"
    if call.flag("print"):
        return "--print shows the definition and builds nothing"
    if call.value("list") or call.flag("list-targets") or call.value("list-variables"):
        return "--list lists the definition and builds nothing"
    if call.flag("check") or call.value("call") not in ("", "build"):
        return "this checks the Dockerfiles and builds nothing"
    return ""


def prepare(request: BuildRequest) -> PreparedBuild:
    """Everything that must be known before the build. Raises BomError, EnvironmentLacks."""
    call = plugin.parse(request.command)
    if why := _nothing_asked(call):
        return unsealed.prepare(request, results.Nothing(why))
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    engine: Engine | None = None
    try:
        given = stdin.spool(folder) if "-" in call.values("file") else None
        client = client_of(call, request)
        definition = _printed(call, request, given)
        if missing := _without_epoch(definition, request.epoch):
            call = call.with_options("set", missing)
            definition = _printed(call, request, given)
        engine = reach(call, request.environment, request.cwd)
        return _prepared(request, call, client, definition, engine, folder, given)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if engine is not None:
            engine.close()
        raise


def _printed(call: PluginCall, request: BuildRequest, given: Path | None) -> bakefiles.Bakefile:
    """What the client would build. Raises BomError, EnvironmentLacks."""
    argv = (*call.argv[: call.at], "--print", *call.argv[call.at :])
    printed = plugin.ask("bake --print", argv, request.environment, request.cwd, given)
    return bakefiles.read(printed)


def _without_epoch(definition: bakefiles.Bakefile, epoch: int | None) -> tuple[str, ...]:
    """What `--set` gives the targets that don't have SOURCE_DATE_EPOCH: buildx before 0.10 doesn't
    take it from the environment."""
    if epoch is None:
        return ()
    return tuple(
        f"{name}.args.{EPOCH}={epoch}"
        for name, item in definition.target.items()
        if EPOCH not in (item.args or {})
    )


def _prepared(
    request: BuildRequest,
    call: PluginCall,
    client: Client,
    bakefile: bakefiles.Bakefile,
    engine: Engine,
    folder: Path,
    given: Path | None,
) -> PreparedTargets:
    remote = next((w for w in call.words[:1] if is_remote(w)), "")
    every = bakefiles.definitions(bakefile, remote)
    driver = client.details().driver
    built = bakefile.built()
    found = {name: results_of(name, bakefile.target[name], driver, request.cwd) for name in built}
    left = {name: wanted for name, wanted in found.items() if wanted}
    labels = list(left)
    warnings = list(_skipped(built, labels))
    if not labels:
        nothing = results.Nothing("no target of this definition leaves an image", is_build=True)
        warnings += unsealed.prepare(request, nothing).warnings
    known = {item.label: item for item in every}
    outcomes = outcomes_of(left, {label: known[label].tags for label in labels}, request)
    files = [file for outcome in outcomes.values() for file in outcome.files]
    inputs = Inputs(every, Dialect(), request, files, folder)
    planned = [
        pushes.planned(
            replace(
                recipe(known[label], inputs.of(label), request, "bake-target"),
                exporter=exporter(
                    call,
                    client,
                    known[label],
                    inputs.of(label),
                    request,
                    (inputs.room(label), engine.architecture),
                ),
            ),
            outcomes[label],
            lambda names: pushes.store_of(engine, call, request, names),
        )
        for label in labels
    ]
    metadata = call.value("metadata-file")
    file = request.cwd / metadata if metadata else folder / "metadata.json"
    added = () if metadata else ("--metadata-file", str(file))
    parts = engine.version()
    platforms = {
        label: PlatformProvenance.of_call(
            call.as_build("buildx"), client, request, known[label].platforms
        )
        for label in labels
    }
    return PreparedTargets(
        request,
        Invocation(
            (*call.argv[: call.at], *added, *call.argv[call.at :]),
            _environment(request.environment, call, [known[label] for label in labels], left),
            given,
        ),
        planned,
        engine,
        folder,
        settings=tuple(_settings(remote)),
        tools=looked_at(lambda: (*plugin_tools(call, client), *tools.engine_tools(client, parts))),
        reports=lambda: _reports(file, left, platforms),
        warnings=warnings,
    )


def _environment(
    environment: Mapping[str, str],
    call: PluginCall,
    built: Sequence[Definition],
    left: Mapping[str, Sequence[Result]],
) -> dict[str, str]:
    """The build's, with what makes it say more of itself and leave the images alone. What is
    pushed is the user's to use, so nothing is left out of it."""
    out = dict(environment)
    asked = call.values("provenance") or call.values("sbom") or any(d.attested for d in built)
    if not asked and not any(map(pushes.any_of, left.values())):
        out.setdefault(NO_ATTESTATIONS, "1")
    out.setdefault(METADATA_PROVENANCE, "max")
    return out


def _settings(remote: str) -> Iterator[Setting | Gap]:
    yield Setting("option", "builder", "buildx")
    if remote:
        yield Gap(
            "bake.definition",
            "the bake definition",
            "it is remote: buildx fetches it, and states no digest of it",
        )


def _skipped(built: Sequence[str], labels: Sequence[str]) -> Iterator[str]:
    for name in built:
        if name not in labels:
            yield f"{name} leaves no image: nothing is sealed for it"


def _reports(
    file: Path,
    left: Mapping[str, Sequence[Result]],
    platforms: Mapping[str, PlatformProvenance],
) -> dict[str, Report]:
    """What each target became."""
    found = provenance.read_targets(file)
    for label, wanted in left.items():
        images = not all(isinstance(r, results.RootFsTar | results.RootFsFolder) for r in wanted)
        if images and not (label in found and found[label].digests):
            raise BomError(
                f"the build ended well but did not say which image {label} became",
                hint="does it leave an image in the engine? it may need --load",
            )
    return {
        label: Report(platforms[label].added_to(found.get(label, provenance.Reported())))
        for label in left
    }
