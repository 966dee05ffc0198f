"""`bom capsule`: find all that building an artifact again takes, and say what could not be had."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bom import __version__, canonical
from bom.capsule import builder_image, fetchers, images, python, snapshot, tools
from bom.capsule.texts import readme, script
from bom.capsule.writing import Contents
from bom.capsule_record import CapsuleRecord, Missing
from bom.errors import BomError, Refused
from bom.git import Git
from bom.private_folder import private_folder
from bom.rebuild.original import original
from bom.rebuild.recipe import recipe
from bom.rebuild.source import Source, check_out
from bom.seal.beside import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.builder.protocol import Progress
    from bom.rebuild.original import Original
    from bom.rebuild.recipe import Recipe
    from bom.sign.trust import TrustedKey

_BRANCH: Final = "built"


@dataclass(frozen=True, slots=True)
class CapsuleOptions:
    """What the user asked for. `places`: folders in which package files may lie. `snapshot`:
    of which build environment, "" for none: `machine`, or `container:NAME`. `tools`: whether the
    packages of the tools are collected."""

    artifact: Path
    keys: tuple[TrustedKey, ...]
    environment: Mapping[str, str]
    source: Source = field(default_factory=Source)
    places: tuple[Path, ...] = ()
    snapshot: str = ""
    allow_missing: bool = False
    tools: bool = True


def collected(options: CapsuleOptions, out: Path, progress: Progress) -> CapsuleRecord:
    """Write the capsule to the new file `out`. What is missing in it is the caller's to tell; then
    nothing is written unless that is allowed.

    Raises BomError where there is nothing to collect from, EnvironmentLacks.
    """
    with private_folder() as folder:
        contents = Contents()
        for name in ("original", "source", "packages", "images", "modules", "tools", "snapshot"):
            (folder / name).mkdir(mode=0o700)
        sealed = original(options.artifact, options.keys, folder / "original")
        planned = recipe(sealed.document, options.artifact.name)
        if planned.source.changed or planned.source.tree_digest:
            raise Refused(
                "this was built from a tree with changes that are in no commit",
                hint="a capsule holds commits: commit, and build and seal it again",
            )
        git = Git.of(options.environment)
        progress.start("collect", 0)
        try:
            root = check_out(planned.source, options.source, folder / "source", git).root
            _add_artifact(contents, options.artifact, sealed, folder)
            _add_source(contents, planned, root, git, folder)
            missing = [
                *_packages(contents, planned, sealed.document, root, folder, options),
                *images.collected(
                    contents,
                    planned,
                    sealed.document,
                    root,
                    folder / "images",
                    options.environment,
                    options.places,
                ),
                *fetchers.collected(
                    contents,
                    planned.command,
                    sealed.document,
                    root,
                    folder / "modules",
                    options.environment,
                ),
            ]
            tools_missing = _tools(contents, planned, root, folder, options)
            snapshot.add(contents, options.snapshot, folder / "snapshot", options.environment)
        finally:
            progress.done()
        record = CapsuleRecord(
            commit=planned.source.commit,
            command=list(planned.command),
            items=contents.items,
            missing=sorted(missing, key=lambda item: (item.what, item.where)),
            tools_missing=sorted(tools_missing, key=lambda item: item.where),
        )
        if not record.missing or options.allow_missing:
            texts = {
                "README.md": readme(record, planned, sealed.name, __version__),
                "rebuild.sh": script(sealed.name),
            }
            contents.write(record, texts, planned.epoch, out)
        return record


def _add_artifact(contents: Contents, artifact: Path, sealed: Original, folder: Path) -> None:
    contents.add("artifact", artifact.name, artifact)
    for ending in ENDINGS:
        beside = artifact.with_name(artifact.name + ending)
        if beside.is_file():
            contents.add("beside", beside.name, beside)
    bom = folder / "original" / "bom.cdx.json"
    bom.write_bytes(canonical.dumps(sealed.document))
    contents.add("bom", bom.name, bom)


def _add_source(contents: Contents, planned: Recipe, root: Path, git: Git, folder: Path) -> None:
    bundle = folder / "source.bundle"
    _bundle(git, root, planned.source.commit, bundle)
    # a build may go by the name of its folder (compose's projects do), and a clone has the bundle's
    contents.add("source", f"{root.name}.bundle", bundle)
    for number, part in enumerate(planned.source.submodules):
        bundle = folder / f"submodule-{number}.bundle"
        _bundle(git, root / part.path, part.commit, bundle)
        contents.add("submodule", part.path, bundle)


def _bundle(git: Git, root: Path, commit: str, out: Path) -> None:
    """Everything that leads to the commit and all tags; equal sources give equal bundles."""
    said = git(root, "branch", "--force", _BRANCH, commit)
    if said.code == 0:
        said = git(
            root,
            *("bundle", "create", "--quiet", str(out), f"refs/heads/{_BRANCH}", "--tags", "HEAD"),
            settings=("pack.threads=1",),
        )
    if said.code:
        raise BomError(f"the source can't be bundled: {said.error}")


def _tools(
    contents: Contents, planned: Recipe, root: Path, folder: Path, options: CapsuleOptions
) -> list[Missing]:
    """Add what built it, as far as that can be had; what can't is told."""
    if not options.tools:
        return []
    own, environment = folder / "tools", options.environment
    return [
        *tools.collected(contents, planned.tools, own, environment, options.places),
        *builder_image.collected(contents, planned, root, own, environment),
    ]


def _packages(
    contents: Contents,
    planned: Recipe,
    document: Mapping[str, Any],
    root: Path,
    folder: Path,
    options: CapsuleOptions,
) -> list[Missing]:
    if not python.is_python(document):
        return []
    found, missing = python.packages(
        planned, document, root, folder / "packages", options.environment, options.places
    )
    for item in found:
        contents.add("package", item.file.name, item.file, purl=item.purl, known=item.known)
    return missing
