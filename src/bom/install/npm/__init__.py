"""npm packages: `npm ci` from a lock that is made out of the BOM, into a folder of its own.

npm holds every tarball against the integrity that the lock states (npm, "npm ci"), the artifact's
own too; nothing that the BOM does not list is in the lock, so nothing of it is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.node.manifest import asked
from bom.compose import reading
from bom.errors import BadArtifact, BomError, CannotNormalise
from bom.install.archive import refusal, required_prefix
from bom.install.folder import checked, replacing
from bom.install.npm import client
from bom.install.npm.layout import MODULES, Listed, Package, listed, placed, refused
from bom.install.protocol import Plan, Step
from bom.installed.contents import items
from bom.installed.node import RECEIPT, receipt_of
from bom.printable import printable_os
from bom.seal import BOM_ENTRY, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.install.protocol import Request, Verified

_MANIFEST_LIMIT: Final = 4 << 20  # bytes
_LOCK: Final = "package-lock.json"
_RECORD: Final = f"{MODULES}/.{_LOCK}"


class Npm:
    """Satisfies Installer."""

    name = "npm"
    options = frozenset(("--prefix", "--allow-scripts"))

    def recognises(self, artifact: Verified) -> bool:
        return artifact.kind == "npm"

    def plan(self, artifact: Verified, request: Request) -> Plan:
        prefix = checked(required_prefix(request, "an npm package"))
        client.program(request.environment)
        wanted = listed(artifact.document)
        manifest = _manifest(artifact)
        _require_listed(manifest, wanted, artifact)
        name = _name(artifact.document, manifest)
        folders = placed(name, wanted)
        version = str(reading.subject(artifact.document).get("version") or "")
        once = {package.ref: package for package in folders.values()}
        digest = f"sha256:{artifact.built_sha256}"
        action = "replace" if os.path.lexists(prefix) else "install"
        return Plan(
            where=printable_os(str(prefix)),
            steps=(
                Step(name, version, "replace" if action == "replace" else "install", digest),
                *sorted(
                    Step(item.name, item.version, digest=item.digest) for item in once.values()
                ),
            ),
            prepared=(prefix, _documents(artifact, manifest, name, wanted, folders)),
        )

    def install(self, artifact: Verified, request: Request, plan: Plan) -> Plan:
        prefix, documents = plan.prepared
        npm = client.program(request.environment)
        with replacing(prefix) as place:
            shutil.copyfile(artifact.file, place.new / _file_name(artifact))
            for name, document in documents.items():
                text = json.dumps(document, indent=2, sort_keys=True) + "\n"
                (place.new / name).write_text(text)
            environment = {**request.environment, "TMPDIR": str(artifact.room)}
            packages = documents[_LOCK]["packages"]
            client.install(npm, place.new, environment, packages, place.lock)
            _check(place.new, packages)
            record = place.new / _RECORD
            kept = record.read_bytes()
            record.unlink()  # npm would believe it, and it doesn't tell the programs
            client.rebuild(
                npm, place.new, environment, scripts=request.allow_scripts, lock=place.lock
            )
            record.write_bytes(kept)
            _leave_bom(artifact, place.new)
            receipt = receipt_of(place.new, artifact.built_sha256)
            (place.new / RECEIPT).write_text(receipt.model_dump_json() + "\n")
            place.publish()
        return plan


def _documents(
    artifact: Verified,
    manifest: Mapping[str, Any],
    name: str,
    wanted: Listed,
    folders: Mapping[str, Package],
) -> dict[str, Any]:
    """package.json and package-lock.json of a project that needs the artifact and nothing else."""
    source = f"file:{_file_name(artifact)}"
    with artifact.file.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    project = {"name": "installed", "private": True, "dependencies": {name: source}}
    soft = {item.name for item in asked(manifest)[0] if item.soft}
    needed = wanted.reached(lambda package: package.folder not in soft)
    direct = wanted.specifiers(wanted.direct)
    packages: dict[str, Any] = {
        "": project,
        f"{MODULES}/{name}": {
            "version": str(manifest.get("version") or ""),
            "resolved": source,
            "integrity": f"sha512-{base64.b64encode(digest).decode()}",
            "dependencies": {k: v for k, v in direct.items() if k not in soft},
            "optionalDependencies": {k: v for k, v in direct.items() if k in soft},
        },
    }
    for folder, package in folders.items():
        packages[folder] = {
            "version": package.version,
            "integrity": package.integrity,
            "dependencies": wanted.specifiers(package.requires),
            **({"resolved": package.url} if package.url else {}),
            **({"name": package.name} if package.name != package.folder else {}),
            **({} if package.ref in needed else {"optional": True}),
        }
    return {
        "package.json": project,
        _LOCK: {"name": "installed", "lockfileVersion": 3, "requires": True, "packages": packages},
    }


def _check(folder: Path, expected: Mapping[str, Any]) -> None:
    """Hold what npm says that it installed against the lock. Raises NotInstalled."""
    try:
        packages = json.loads((folder / _RECORD).read_bytes())["packages"]
        found = {str(key): str(value.get("integrity")) for key, value in packages.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BomError("npm keeps no record of what it installed") from error
    for place in sorted(found.keys() | expected.keys() - {""}):
        if place not in expected:
            raise refused(f"npm installed {place}, which the BOM does not list", place)
        if place not in found:
            if expected[place].get("optional"):
                continue
            raise BomError(f"npm did not install {place}")
        if found[place] != expected[place]["integrity"]:
            raise client.mismatch(place, expected[place]["integrity"], found[place])


def _require_listed(manifest: Mapping[str, Any], wanted: Listed, artifact: Verified) -> None:
    """What the package itself asks for must be in the BOM. Raises NotInstalled."""
    known = {wanted.packages[ref].folder for ref in wanted.direct}
    inside = set(_bundled(manifest))
    requests, _ = asked(manifest)
    for item in requests:
        needed = item.kind != "devDependencies" and not item.soft
        if needed and item.kind != "peerDependencies" and item.name not in known | inside:
            raise refused(
                f"{artifact.built_name} needs {item.name}, which the BOM does not list", item.name
            )


def _manifest(artifact: Verified) -> Mapping[str, Any]:
    """The package.json inside. Raises NotInstalled, BomError."""
    try:
        for item, content in items(artifact.file):
            parts = PurePosixPath(item.member.name).parts
            if len(parts) == 2 and parts[1] == "package.json" and item.size <= _MANIFEST_LIMIT:
                found = json.loads(b"".join(piece for _, piece in content.pieces()))
                if isinstance(found, dict):
                    return found
                break
    except BadArtifact as error:
        raise refusal(artifact, error) from error
    except (ValueError, RecursionError, CannotNormalise) as error:
        raise BomError(f"{artifact.built_name} holds no package.json that can be read") from error
    raise BomError(f"{artifact.built_name} holds no package.json")


def _name(document: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The package's name, on which both must agree. Raises BomError."""
    part = reading.subject(document)
    group, name = str(part.get("group") or ""), str(part.get("name") or "")
    whole = f"{group}/{name}" if group else name
    if manifest.get("name") != whole:
        raise BomError(f"the BOM calls the package {whole}, its package.json otherwise")
    return whole


def _bundled(manifest: Mapping[str, Any]) -> list[str]:
    stated = manifest.get("bundleDependencies", manifest.get("bundledDependencies"))
    if stated is True:
        requests, _ = asked(manifest)
        return [item.name for item in requests]
    return [str(item) for item in stated] if isinstance(stated, list) else []


def _file_name(artifact: Verified) -> str:
    """Of the tarball in the folder; it stands in a specifier, where some letters mean something."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", artifact.built_name)


def _leave_bom(artifact: Verified, folder: Path) -> None:
    """By its BOM the next install knows what it may replace."""
    form = recognise(artifact.file)
    envelope = form.read(artifact.file) if form is not None else None
    if envelope is not None:
        target = folder / BOM_ENTRY
        target.parent.mkdir(mode=0o755)
        target.write_bytes(envelope.bom)
