"""What is audited: a sealed artifact, a BOM, or anything that `bom scan` reads, and how far it was
verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bom import canonical
from bom.errors import BadArtifact, BomError
from bom.sources import target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bom.builder.protocol import Progress
    from bom.model import Finding
    from bom.sign.trust import TrustedKey

_JSON_LIMIT: Final = canonical.SIZE_LIMIT
_NO_KEY: Final = "not verified: no key is trusted here (--key)"
_BARE: Final = "not verified: a BOM by itself; nothing says that it is the artifact's"
_SCANNED: Final = "not verified: it carries no BOM, so it was scanned"


@dataclass(frozen=True, slots=True)
class Target:
    """`document` is a BOM; `seal` says in a line how far it was verified, `verified_by` names the
    trusted keys, "" where it was not. `findings`: why a sealed artifact is refused; nothing else is
    there then."""

    name: str
    document: Mapping[str, Any]
    seal: str
    verified_by: str = ""
    findings: tuple[Finding, ...] = ()


def opened(
    given: str,
    keys: Sequence[TrustedKey],
    must_verify: bool,
    progress: Progress,
    environment: Mapping[str, str],
    platform: str,
) -> Target:
    """`must_verify`: keys were asked for, so what can't be verified is refused.

    Raises BomError where it can't be read.
    """
    meant = target.parse(given)
    name = (meant.name or meant.resolve().name) if isinstance(meant, Path) else given
    if isinstance(meant, Path) and meant.is_file():
        stated = _bom_file(meant)
        if stated is not None and not must_verify:
            return Target(name, stated, _BARE)
        sealed = _sealed(meant)
        if keys and (sealed is not None or must_verify):
            return _verified(meant, keys)
        if sealed is not None:
            return Target(name, _loaded(sealed, name), _NO_KEY)
    elif must_verify:
        raise BomError(
            f"{given} is no file that carries a seal, so --key can't verify it",
            hint="name the sealed artifact, or leave --key out",
        )
    from bom.scan import scan

    scanned = scan(
        meant if isinstance(meant, Path) else given, progress, environment, platform=platform
    )
    return Target(name, _loaded(scanned, name), _SCANNED)


def _verified(path: Path, keys: Sequence[TrustedKey]) -> Target:
    from bom.verify import verify

    verdict = verify(path, keys)
    if not verdict.good or verdict.document is None:
        return Target(path.name, {}, "BAD", findings=verdict.findings)
    names = ", ".join(verdict.trusted)
    return Target(
        path.name,
        verdict.document,
        f"verified: signed by {verdict.signed_by[0]} ({names})",
        verified_by=names,
    )


def _sealed(path: Path) -> bytes | None:
    from bom.show import embedded

    try:
        return embedded(path)
    except BadArtifact as error:
        if error.code == "no-seal":
            return None
        raise


def _bom_file(path: Path) -> Mapping[str, Any] | None:
    """A CycloneDX document that lies there by itself. Raises BomError for another JSON file."""
    try:
        with path.open("rb") as stream:
            if stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
                return None
            stream.seek(0)
            data = stream.read(_JSON_LIMIT + 1)
    except OSError as error:
        raise BomError(f"{path} can't be read: {error.strerror}") from error
    document = _loaded(data.removeprefix(b"\xef\xbb\xbf"), path.name)
    if document.get("bomFormat") != "CycloneDX":
        raise BomError(
            f"{path.name} is JSON, and no CycloneDX BOM", hint="bom audit app.cdx.json, or app.tar"
        )
    return document


def _loaded(data: bytes, name: str) -> Mapping[str, Any]:
    try:
        document = canonical.loads(data)
    except BomError as error:
        raise BomError(f"{name}: the BOM can't be read: {error.reason}") from error
    if not isinstance(document, dict):
        raise BomError(f"{name}: the BOM is no JSON object")
    return document
