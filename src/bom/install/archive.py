"""Tar archives, plain or compressed: unpacked beside `--prefix`, renamed to it when complete."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from bom.errors import BadArtifact, BomError, CannotNormalise
from bom.install.folder import checked, replacing
from bom.install.intake import NotInstalled
from bom.install.protocol import Plan, Step
from bom.install.unpack import Unpacker
from bom.installed.contents import is_tar
from bom.installed.unpacking import UNSAFE
from bom.model import Finding
from bom.printable import printable_os
from bom.seal import BOM_ENTRY, BUNDLE_ENTRY
from bom.seal.beside import BOM_ENDING, BUNDLE_ENDING

if TYPE_CHECKING:
    from pathlib import Path

    from bom.install.protocol import Request, Verified

_KINDS: Final = ("tar", "tar.gz")
_HINT: Final = "it is as it was sealed: who packed it has to pack it without that"
_SETUID: Final = "--allow-setuid installs it"


class Archive:
    """Satisfies Installer."""

    name = "archive"
    options = frozenset(("--prefix", "--allow-setuid", "--keep-owner"))

    def recognises(self, artifact: Verified) -> bool:
        return artifact.kind in _KINDS or (artifact.kind == "file" and is_tar(artifact.file))

    def plan(self, artifact: Verified, request: Request) -> Plan:
        prefix = checked(required_prefix(request, "an archive"))
        if request.keep_owner and os.geteuid():
            raise BomError(
                "only root can give files to others",
                hint="leave out --keep-owner: the files are then yours",
            )
        try:
            seen = _unpacker(artifact, request).look(artifact.file)
        except BadArtifact as error:
            raise refusal(artifact, error) from error
        except CannotNormalise as error:
            raise BomError(f"{artifact.built_name} can't be unpacked: {error.reason}") from error
        warnings = []
        if seen.with_attributes:
            warnings.append(
                f"extended attributes and ACLs of {seen.with_attributes} entries are left out"
            )
        return Plan(
            where=printable_os(str(prefix)),
            steps=(
                Step(
                    artifact.built_name,
                    action="replace" if os.path.lexists(prefix) else "install",
                    digest=f"sha256:{artifact.built_sha256}",
                    detail=f"{seen.files} files, {seen.bytes} bytes",
                ),
            ),
            warnings=tuple(warnings),
            prepared=prefix,
        )

    def install(self, artifact: Verified, request: Request, plan: Plan) -> Plan:
        prefix: Path = plan.prepared
        with replacing(prefix) as place:
            try:
                _unpacker(artifact, request).unpack(artifact.file, place.new)
            except BadArtifact as error:
                raise refusal(artifact, error) from error
            leave_bom(artifact, place.new)
            place.publish()
        return plan


def required_prefix(request: Request, what: str) -> Path:
    """Raises BomError where none was given."""
    if request.prefix is None:
        raise BomError(f"{what} needs a folder to be installed into", hint="add --prefix DIR")
    return request.prefix


def refusal(artifact: Verified, error: BadArtifact) -> NotInstalled:
    hint = _HINT
    if error.code == UNSAFE and error.reason.endswith((" is setuid", " is setgid")):
        hint = _SETUID
    return NotInstalled(
        f"{artifact.built_name} is not installed: {error.reason}",
        [Finding(error.code, error.reason, error.expected, error.found, error.where)],
        hint=hint,
    )


def leave_bom(artifact: Verified, folder: Path) -> None:
    """Where the artifact could not carry its BOM, what is installed carries it: by that the next
    install knows what it may replace."""
    for ending, name in ((BOM_ENDING, BOM_ENTRY), (BUNDLE_ENDING, BUNDLE_ENTRY)):
        source = artifact.file.with_name(artifact.file.name + ending)
        target = folder / name
        if source.is_file() and not os.path.lexists(target):
            target.parent.mkdir(mode=0o755, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(0o644)


def _unpacker(artifact: Verified, request: Request) -> Unpacker:
    return Unpacker(
        artifact.document, allow_setuid=request.allow_setuid, keep_owner=request.keep_owner
    )
