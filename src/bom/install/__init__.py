"""`bom install`: nothing is installed unless it verified, and only what its BOM lists.

The artifact is copied into a private folder and that copy is verified (`intake`); then the one of
INSTALLERS that knows its kind plans what to do, and does it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bom.errors import BomError, Refused
from bom.install.archive import Archive
from bom.install.images import Image
from bom.install.intake import taken_in
from bom.install.npm import Npm
from bom.install.python import PythonInstaller

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from bom.install.protocol import Installer, Plan, Request, Verified
    from bom.sign.trust import TrustedKey

# The first that recognises an artifact takes it.
INSTALLERS: Final[tuple[Installer, ...]] = (PythonInstaller(), Archive(), Image(), Npm())


class Install:
    """An install that is planned. What it needs is gone when `planned` is left."""

    def __init__(self, installer: Installer, artifact: Verified, request: Request) -> None:
        self._installer, self._artifact, self._request = installer, artifact, request
        self.kind = artifact.kind
        self.name = artifact.built_name
        self.sha256 = artifact.sha256
        self.built_sha256 = artifact.built_sha256
        self.plan: Plan = installer.plan(artifact, request)

    def run(self) -> Plan:
        """Do it; what was done."""
        return self._installer.install(self._artifact, self._request, self.plan)


@contextmanager
def planned(
    source: Path | BinaryIO, keys: Sequence[TrustedKey], request: Request, *, name: str = "-"
) -> Iterator[Install]:
    """An install of what verifies, ready to `run`. `name`: what a stream is called.

    Raises NotInstalled where it does not verify or something is not as its BOM says, BomError
    where it can't be read or nothing here installs such a thing, or not with these options.
    """
    with taken_in(source, keys, name) as artifact:
        installer = _installer(artifact)
        foreign = sorted(request.given - installer.options)
        if foreign:
            takes = ", ".join(sorted(installer.options)) or "none of these options"
            raise Refused(
                f"{foreign[0]} does not go with {_a(artifact.kind)}",
                hint=f"for {_a(artifact.kind)}: {takes}",
            )
        yield Install(installer, artifact, request)


def _installer(artifact: Verified) -> Installer:
    for installer in INSTALLERS:
        if installer.recognises(artifact):
            return installer
    raise BomError(
        f"{artifact.file.name} verified, but `bom install` does not install {_a(artifact.kind)}",
        hint="wheels, sdists, npm packages, images and tar archives are installed",
    )


def _a(kind: str) -> str:
    shown = {"image": "an image", "sdist": "an sdist", "npm": "an npm package"}
    return shown.get(kind, f"a {kind or 'file'}")
