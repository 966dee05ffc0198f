"""The .deb files that `apt-get install` brings into an image, each by its SHA-256: as bom.lock has
them, else as the image's own apt would take them now."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bom.capsule.deb import apt_name, file_name
from bom.capsule_record import Missing
from bom.errors import BomError
from bom.lock import packages
from bom.lock_record import NAME, read
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bom.capsule.steps import AptStep
    from bom.lock_record import LockedInstall, LockedPackage

_PATIENCE: Final = 1800  # seconds
# All at once, and where apt has one of them no more, each by itself.
_SCRIPT: Final = """
set -e
cd /bom/out
apt-get update -qq >&2
apt-get download -qq "$@" >&2 && exit
for name in "$@"; do apt-get download -qq "$name" >&2 || true; done
"""


class Deb(NamedTuple):
    """One package's file, and whether bom.lock states its digest or apt has it now."""

    file: Path
    purl: str
    known: Literal["stated", "resolved"]


class Apt:
    """Collects into `folder`. `client`: what runs a container on the engine. `places`: folders to
    look into before any package source is asked. Sources are those that the images have."""

    def __init__(
        self,
        root: Path,
        client: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        places: Sequence[Path],
    ) -> None:
        self._root = root
        self._client = tuple(client)
        self._folder = folder
        self._environment = environment
        self._here = dict(_digests(places))
        self._taken: dict[str, LockedPackage] = {}
        self._downloads = 0
        self.found: list[Deb] = []

    def collect(self, steps: Sequence[AptStep]) -> Iterator[Missing]:
        """Have the files of these steps; told is what is missing, and what is known by no lock."""
        first = {(step.dockerfile, step.image): step.where for step in reversed(steps)}
        for (dockerfile, image), where in sorted(first.items(), key=lambda item: item[1]):
            try:
                asked = self._asked(dockerfile, image)
                locked = self._locked(asked)
                install = locked or packages.resolved(
                    asked, self._client, self._environment, self._root
                )
                for item in install.packages:
                    file_name(item.purl)
            except BomError as error:
                yield Missing(what="step.download", where=where, why=error.reason)
                continue
            yield from self._had(install, where, "stated" if locked else "resolved")
            if locked is None:
                yield Missing(
                    what="package.hash",
                    where=where,
                    why=f"no {NAME} in the source states what this `apt-get install` brings in:"
                    " what apt has now is in the capsule",
                )

    def _asked(self, dockerfile: str, image: str) -> packages.Install:
        text = (self._root / dockerfile).read_text("utf-8", "surrogateescape")
        for item in packages.installs(text, dockerfile):
            if item.image == image:
                return item
        raise BomError("what `apt-get update` fetches is not known by digest")

    def _locked(self, asked: packages.Install) -> LockedInstall | None:
        if not (self._root / NAME).is_file():
            return None
        for item in read(self._root).installs:
            if (item.dockerfile, item.image, tuple(item.asked)) == (
                asked.dockerfile,
                asked.image,
                asked.asked,
            ):
                return item
        return None

    def _had(
        self, install: LockedInstall, where: str, known: Literal["stated", "resolved"]
    ) -> Iterator[Missing]:
        wanted = []
        for item in install.packages:
            key = item.purl.partition("@")[0].rpartition("/")[2]
            other = self._taken.setdefault(key, item)
            if other.sha256 != item.sha256:
                yield Missing(
                    what="step.download",
                    where=where,
                    why=f"two base images take {key} in two versions, and a build out of a capsule"
                    f" has one index: {other.purl} and {item.purl}",
                )
            elif other is item:
                wanted.append(item)
        lacking = [item for item in wanted if item.sha256 not in self._here]
        said = self._download(install.image, lacking) if lacking else ""
        for item in wanted:
            source = self._here.get(item.sha256)
            if source is None:
                why = f"{item.purl} is not to be had with the SHA-256 {item.sha256}"
                said_so = f": {said}" if said else ""
                yield Missing(what="step.download", where=where, why=why + said_so)
                continue
            target = self._folder / file_name(item.purl)
            shutil.copyfile(source, target)
            self.found.append(Deb(target, item.purl, known))

    def _download(self, image: str, lacking: Sequence[LockedPackage]) -> str:
        """What apt says of what it does not get."""
        self._downloads += 1
        out = self._folder.with_name(f"{self._folder.name}-{self._downloads}")
        out.mkdir(mode=0o700)
        argv = [*self._client, "run", "--rm", "--pull=never", "--network=host", "--user", "0"]
        argv += ["--entrypoint", "sh", "--volume", f"{out}:/bom/out", "--", image]
        argv += ["-c", _SCRIPT, "sh", *(apt_name(item.purl) for item in lacking)]
        try:
            done = subprocess.run(
                argv,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        except (OSError, subprocess.TimeoutExpired) as error:
            lines = [f"E: {error}"]
        self._here |= dict(_digests([out]))
        errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
        return printable_name(errors[-1])[:300] if errors else ""


def _digests(places: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    for place in places:
        for path in sorted(place.glob("*.deb")):
            if path.is_file():
                with path.open("rb") as stream:
                    yield hashlib.file_digest(stream, "sha256").hexdigest(), path
