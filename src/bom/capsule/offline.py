"""`bom rebuild X.capsule.tar --offline`: everything comes out of the capsule."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from bom.builder import builder_for
from bom.capsule import deb
from bom.capsule.engine import private_engine, refuse_elsewhere, store_kind
from bom.capsule.fetchers import FETCHERS
from bom.capsule.reading import unpacked
from bom.errors import BadArtifact, BomError, EnvironmentLacks
from bom.printable import printable_name
from bom.private_folder import private_folder
from bom.rebuild import RebuildOptions, rebuilt
from bom.rebuild.original import original
from bom.rebuild.recipe import recipe
from bom.rebuild.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.build import Reporter
    from bom.capsule.reading import Capsule
    from bom.rebuild import Built
    from bom.sign.trust import TrustedKey

# Package managers told to look nowhere but here.
_OFFLINE: Final = {
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_OFFLINE": "1",
    "UV_NO_INDEX": "1",
    "npm_config_offline": "true",
    "CARGO_NET_OFFLINE": "true",
    "GOPROXY": "off",
}
_DROPPED: Final = ("PIP_", "UV_")


@dataclass(frozen=True, slots=True)
class OfflineOptions:
    """As RebuildOptions; the artifact and its source come out of `capsule`."""

    capsule: Path
    keys: tuple[TrustedKey, ...]
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    strict_tools: bool = False


@contextmanager
def rebuilt_from(options: OfflineOptions, reporter: Reporter) -> Iterator[Built]:
    """As `bom.rebuild.rebuilt`. Raises BadArtifact for a capsule that isn't what it says."""
    with private_folder() as folder:
        places = {
            name: folder / name for name in ("blobs", "artifact", "packages", "source", "modules")
        }
        for place in places.values():
            place.mkdir(mode=0o700)
        capsule = unpacked(options.capsule, places["blobs"])
        artifact = _put(capsule, ("artifact", "beside"), places["artifact"])
        source = _source(capsule, places["source"])
        packages = _put(capsule, ("package",), places["packages"])
        if not artifact:
            raise BomError("the capsule holds no artifact", hint="make it anew: bom capsule")
        with ExitStack() as stack:
            if _is_image(capsule):
                _index_debs(packages, places["packages"])
                modules = placed(capsule, places["packages"])
                (folder / "e").mkdir(mode=0o700)
                environment = stack.enter_context(
                    _with_engine(
                        capsule,
                        artifact[0],
                        folder / "e",
                        places["packages"] if packages or modules else None,
                        options,
                        reporter,
                    )
                )
            else:
                environment = _offline(options.environment, places["packages"])
                environment |= _modules(
                    capsule, places["modules"], folder / "room", options.environment
                )
                if packages:
                    environment = _with_tools(folder / "tools", packages, environment)
            asked = RebuildOptions(
                artifact=artifact[0],
                keys=options.keys,
                environment=environment,
                source=source,
                secrets=options.secrets,
                strict_tools=options.strict_tools,
            )
            with rebuilt(asked, reporter) as built:
                named = replace(built.original, artifact=options.capsule)
                yield replace(built, original=named)


def _is_image(capsule: Capsule) -> bool:
    """Raises BomError for images that no Docker engine builds."""
    name = builder_for(capsule.record.command).name
    if name == "podman":
        raise BomError(
            "this version of bom builds images out of a capsule by Docker alone",
            hint="load its base images (podman load), and `bom rebuild` the artifact in it",
        )
    return name != "files"


@contextmanager
def _with_engine(
    capsule: Capsule,
    artifact: Path,
    folder: Path,
    packages: Path | None,
    options: OfflineOptions,
    reporter: Reporter,
) -> Iterator[dict[str, str]]:
    """The variables of an engine of its own, without a network, that has the base images."""
    read = folder / "read"
    read.mkdir(mode=0o700)
    document = original(artifact, options.keys, read).document
    shutil.rmtree(read)
    planned = recipe(document, artifact.name)
    refuse_elsewhere(planned.command, options.environment, folder)
    for lack in capsule.record.missing:
        reporter.warn(f"the capsule lacks {lack.what} {lack.where}: {lack.why}")
    kind = store_kind(document)
    with private_engine(kind, folder, options.environment, packages) as (engine, environment):
        for item, blob in capsule.items("base-image"):
            engine.load(blob)
            found = engine.inspect(item.name)
            wanted = {f"sha256:{one.value}" for one in planned.bases.get(item.name, ())}
            if found is None:
                raise BadArtifact(
                    "damaged", f"the capsule has another image for {printable_name(item.name):.120}"
                )
            # the classic store keeps no digest by which a registry serves an image
            if kind == "containerd" and wanted and not wanted & {found.id, *found.served}:
                raise BadArtifact(
                    "damaged",
                    f"the capsule's {printable_name(item.name):.120} is not what was built on",
                    expected=min(wanted),
                    found=found.id,
                )
        yield environment


def _put(capsule: Capsule, roles: tuple[str, ...], folder: Path) -> list[Path]:
    """The files of these roles under their own names, in the order of the roles."""
    found: list[Path] = []
    for role in roles:
        for item, blob in capsule.items(role):
            is_plain = item.name == PurePosixPath(item.name).name and item.name.isprintable()
            if not is_plain or item.name in ("", ".", ".."):
                raise BadArtifact(
                    "damaged", f"the capsule names a file {printable_name(item.name):.120}"
                )
            target = folder / item.name
            if target.exists():
                raise BadArtifact("damaged", f"the capsule has two files {item.name:.120}")
            target.hardlink_to(blob)
            found.append(target)
    return found


def _modules(
    capsule: Capsule, folder: Path, room: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables by which package managers take their own files, put into the new folder
    `folder`. `room`: a private one for what they unpack."""
    found = placed(capsule, folder)
    settings: dict[str, str] = {}
    for fetcher in FETCHERS:
        if fetcher.name in found:
            place = room / fetcher.name
            place.mkdir(mode=0o700, parents=True)
            settings |= fetcher.settings(folder / fetcher.name, place, environment)
    return settings


def placed(capsule: Capsule, folder: Path) -> set[str]:
    """The package managers whose files are in the capsule; the files are put into `folder`, below
    a folder for each manager. Raises BadArtifact for names that lead elsewhere."""
    found: set[str] = set()
    for item, blob in capsule.items("module"):
        path = PurePosixPath(item.name)
        is_plain = str(path) == item.name and item.name.isprintable() and not path.is_absolute()
        if not is_plain or ".." in path.parts or len(path.parts) < 2:
            raise BadArtifact(
                "damaged", f"the capsule names a file {printable_name(item.name):.120}"
            )
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(blob)
        except OSError as error:
            raise BadArtifact(
                "damaged", f"the capsule has two files {printable_name(item.name):.120}"
            ) from error
        found.add(path.parts[0])
    return found


def _index_debs(packages: list[Path], folder: Path) -> None:
    """An index beside the .deb files, where there are any."""
    debs = [path for path in packages if path.suffix == ".deb"]
    if debs:
        try:
            with (folder / deb.NAME).open("x", encoding="utf-8") as out:
                out.write(deb.index(debs))
        except FileExistsError as error:
            raise BadArtifact("damaged", f"the capsule names a package {deb.NAME}") from error


def _source(capsule: Capsule, folder: Path) -> Source:
    (folder / "main").mkdir(mode=0o700)
    found = _put(capsule, ("source",), folder / "main")
    bundles: dict[str, str] = {}
    for number, (item, blob) in enumerate(capsule.items("submodule")):
        bundle = folder / f"submodule-{number}.bundle"
        bundle.hardlink_to(blob)
        bundles[item.name] = str(bundle)
    if not found:
        raise BomError("the capsule holds no source", hint="make it anew: bom capsule")
    return Source(str(found[0]), bundles)


def _offline(own: Mapping[str, str], packages: Path) -> dict[str, str]:
    """The user's variables, without what would lead to an index of his own."""
    kept = {name: value for name, value in own.items() if not name.startswith(_DROPPED)}
    here = str(packages)
    return {
        **kept,
        **_OFFLINE,
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": here,
        "UV_FIND_LINKS": here,
    }


def _with_tools(folder: Path, packages: list[Path], environment: dict[str, str]) -> dict[str, str]:
    """A virtual environment with the build's own front and back ends, first on PATH."""
    python = folder / "bin" / "python"
    wheels = [str(path) for path in packages if path.suffix == ".whl"]
    for argv in (
        ("python3", "-m", "venv", str(folder)),
        (str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *wheels),
    ):
        try:
            done = subprocess.run(
                argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except FileNotFoundError as error:
            raise EnvironmentLacks(
                "python3 is not on PATH", hint="the build's tools are Python packages"
            ) from error
        if done.returncode:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
            raise EnvironmentLacks(
                "the capsule's packages can't be installed here:"
                f" {printable_name(said[-1] if said else '')[:300]}",
                hint="they are for the Python that built it: is python3 another version?",
            )
    return {**environment, "PATH": f"{python.parent}:{environment.get('PATH', '')}"}
