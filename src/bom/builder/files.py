"""Builds that write files: `python -m build`, `make`, `npm pack`, a script.

The command runs unchanged. Its artifacts are the files of a known format that are new or
changed afterwards, or those that `--artifact` names.
"""

from __future__ import annotations

import glob
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bom.archive.package import holding, identify
from bom.builder.artifact_files import ENDINGS_KNOWN, is_own, recognised
from bom.builder.prepared import Closing
from bom.builder.protocol import Artifact, Collected, Invocation
from bom.builder.snapshot import Snapshot, signature, take
from bom.catalog import project as projects
from bom.errors import BadArtifact, BomError
from bom.model import Subject
from bom.seal import beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bom.archive.package import PackageIdentity
    from bom.builder.protocol import BuildRequest, Progress
    from bom.catalog.project import Project
    from bom.model import Observation
    from bom.seal.protocol import ArtifactFormat


def prepare(request: BuildRequest, place: Path | None = None) -> FilesBuild:
    """What is there before the command runs. `place`: the folder that the command writes into,
    None: anywhere in the project. Raises BomError."""
    folder = projects.find(request.cwd, request.root) or request.cwd
    project = projects.read(folder, request.root)
    invocation = Invocation(request.command, request.environment)
    watched = request if place is None else replace(request, root=place)
    before = take(watched.root, _named(watched))
    return FilesBuild(watched, project, before, invocation)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that may be an artifact. `form` is None where the BOM will stand beside it."""

    path: Path
    form: ArtifactFormat | None
    changed: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """An artifact, what it states of itself, and the project it belongs to."""

    artifact: Artifact
    identity: PackageIdentity
    project: Project


@dataclass(frozen=True, slots=True)
class FilesBuild(Closing):
    """One build about to run: what was there before it."""

    request: BuildRequest
    project: Project
    before: Snapshot
    invocation: Invocation
    observations: tuple[Observation, ...] = ()
    warnings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("cyclonedx.spdx",)

    def packs(self, path: Path) -> bool:
        """Whether `path` lies in the project and git doesn't ignore it."""
        from bom.observe import is_ignored

        return not is_ignored(self.request.root, path)

    def collect(self, progress: Progress, commit: str = "") -> Collected:
        """The new and changed artifacts, and unchanged ones that carry a seal.

        Raises BomError where nothing was made, or where `-o` can't hold all of it.
        """
        candidates = self._named() if self.request.artifacts else self._found()
        made = [item for item in candidates if item.changed]
        sealed = [item for item in candidates if not item.changed and _carries_seal(item)]
        left = [item for item in candidates if not item.changed and item not in sealed]
        if not made and not sealed:
            raise self._nothing(left)
        targets = _targets([item.path for item in made], self.request.output)
        progress.start("read what was made", len(made) + len(sealed))
        read: list[_Read] = []
        for item in (*made, *sealed):
            read.append(self._read(item, targets.get(item.path, item.path)))
            progress.advance(1)
        progress.done()
        artifacts = _with_backends(read, len(made))
        return Collected(
            artifacts[: len(made)],
            sealed_already=artifacts[len(made) :],
            warnings=tuple(
                f"{self._shown(item.path)} was not changed by this build: it is not sealed"
                for item in left
                if self.request.artifacts
            ),
        )

    # --- finding -------------------------------------------------------------------------------

    def _found(self) -> list[_Candidate]:
        """Files of a known format under the root: changed ones, and unchanged by their names."""
        found = []
        for spelled, now in sorted(take(self.request.root).files.items()):
            path = Path(spelled)
            changed = self.before.changed(spelled, now)
            if is_own(path) or not (changed or path.name.endswith(ENDINGS_KNOWN)):
                continue
            if not changed and self._is_output(path):
                continue
            try:
                form, known = recognised(path)
            except OSError as error:
                if changed and path.name.endswith(ENDINGS_KNOWN):
                    raise _unreadable(self._shown(path), error) from error
                continue  # a changed file by another name: no artifact that could be known
            if known:
                found.append(_Candidate(path, form, changed))
        return found

    def _is_output(self, path: Path) -> bool:
        """Whether an earlier run put this there: the sealed copy is no file of the build."""
        output = self.request.output
        return output is not None and (
            path == output or (output.is_dir() and output in path.parents)
        )

    def _named(self) -> list[_Candidate]:
        """What the globs name: files of any format."""
        found = []
        for path in _named(self.request):
            try:
                now = signature(path)
                form, _ = recognised(path)
            except OSError as error:
                raise _unreadable(self._shown(path), error) from error
            if now is not None:
                changed = self.before.changed(os.fspath(path), now)
                found.append(_Candidate(path, form, changed))
        return found

    def _nothing(self, left: Sequence[_Candidate]) -> BomError:
        if left and self.request.artifacts:
            names = ", ".join(self._shown(item.path) for item in left[:5])
            return BomError(
                f"this build did not make anything new: {names} is as it was before",
                hint="build it afresh (make clean, or remove it) so that it is known what made it",
            )
        if self.request.artifacts:
            names = ", ".join(self.request.artifacts)
            return BomError(
                f"after the build no file matches {names}",
                hint="--artifact GLOB is relative to the working directory",
            )
        return BomError(
            "the build made no artifact that could be found: no new or changed wheel, sdist, tar"
            f" or other package under {self._shown(self.request.root)}",
            hint="name it with --artifact GLOB",
        )

    def _shown(self, path: Path) -> str:
        try:
            return path.relative_to(self.request.cwd).as_posix()
        except ValueError:
            return str(path)

    # --- describing ----------------------------------------------------------------------------

    def _read(self, item: _Candidate, target: Path) -> _Read:
        from bom.builder import package_facts

        path = item.path
        kind = item.form.name if item.form else "file"
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                size = os.fstat(stream.fileno()).st_size
            identity = identify(path, kind)
        except OSError as error:
            raise _unreadable(self._shown(path), error) from error
        forbidden = holding(path, self.request.forbidden)
        if digest in self.request.forbidden:
            forbidden = (path.name, *forbidden)
        subject = Subject(
            target.name,
            identity.kind,
            digest,
            size,
            identity.name,
            identity.version,
            identity.purl,
            package_facts.licences(identity),
        )
        project = self._project(path)
        facts = package_facts.observations(identity, project)
        return _Read(Artifact(path, target, subject, facts, forbidden=forbidden), identity, project)

    def _project(self, path: Path) -> Project:
        """The project an artifact belongs to: the one around it, where the command was given
        another folder to build (`python -m build sub`), else the one it ran in."""
        root = self.request.root
        if not path.is_relative_to(root):
            return self.project
        place = projects.find(path.parent, root)
        ran_in = projects.find(self.request.cwd, root)
        if place is None or place == ran_in or (ran_in and place in ran_in.parents):
            return self.project
        return projects.read(place, root)


# --- files -------------------------------------------------------------------------------------


def _named(request: BuildRequest) -> list[Path]:
    """What the globs match now, symlinks resolved, sorted; folders and our own files left out.

    A glob is relative to the working directory, or else to the project's root (bom.toml).
    """
    found: set[Path] = set()
    for pattern in request.artifacts:
        for base in dict.fromkeys((request.cwd, request.root)):
            # Path.glob takes no absolute patterns.
            matches = glob.glob(  # noqa: PTH207
                pattern, root_dir=base, recursive=True, include_hidden=True
            )
            files = [path for match in matches if (path := base / match).is_file()]
            found |= {path.resolve() for path in files if not is_own(path)}
            if files:
                break
    return sorted(found)


def _carries_seal(item: _Candidate) -> bool:
    try:
        if item.form is not None and item.form.read(item.path) is not None:
            return True
        envelope = beside.read(item.path)
        return envelope is not None and bool(envelope.bom)
    except (BadArtifact, OSError):
        return False  # a damaged seal in a file this build didn't touch is for `bom verify`


def _unreadable(name: str, error: OSError) -> BomError:
    return BomError(
        f"{name} can't be read: {error.strerror or 'input/output error'}",
        hint="make it readable for the user who runs bom",
    )


def _targets(built: Sequence[Path], output: Path | None) -> dict[Path, Path]:
    """Where each sealed artifact goes: in place, or as `-o` says. Raises BomError."""
    if output is None:
        return {path: path for path in built}
    if output.is_dir():
        targets = {path: output / path.name for path in built}
        if len(set(targets.values())) < len(targets):
            raise BomError(
                "two artifacts of this build have the same name, so -o can't hold both",
                hint="name one with --artifact GLOB",
            )
        return targets
    if len(built) > 1:
        names = ", ".join(path.name for path in built[:5])
        raise BomError(
            f"-o names one file, but the build made {len(built)} artifacts: {names}",
            hint="make a folder and name it with -o, or pick one artifact with --artifact GLOB",
        )
    return dict.fromkeys(built, output)


def _with_backends(read: Sequence[_Read], made: int) -> tuple[Artifact, ...]:
    """The artifacts, each with what its own build states about the backend.

    A wheel of another project or version that lies there from an earlier build says nothing
    about what was made now; `made` is how many of `read` this run made.
    """
    artifacts: list[Artifact] = []
    for number, item in enumerate(read):
        built_with_it = read[:made] if number < made else read
        together = [
            other.identity
            for other in built_with_it
            if (other.project, other.identity.purl) == (item.project, item.identity.purl)
        ]
        facts = _backends(item.identity, together, item.project)
        artifact = item.artifact
        artifacts.append(replace(artifact, observations=(*artifact.observations, *facts)))
    return tuple(artifacts)


def _backends(
    identity: PackageIdentity, together: Sequence[PackageIdentity], project: Project
) -> tuple[Observation, ...]:
    """The backends that the wheels state, or else that an sdist's is not stated."""
    from bom.builder import package_facts

    if identity.kind not in package_facts.PYTHON_KINDS:
        return ()
    wheels = [other for other in together if other.kind == "wheel"]
    if not wheels:
        return package_facts.unstated_backend(project)
    facts: set[Observation] = set()
    for wheel in wheels:
        facts |= set(package_facts.backend(wheel))
    return tuple(sorted(facts, key=repr))
