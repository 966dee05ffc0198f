"""An audit as a CycloneDX VEX document (specification 1.6, "vulnerabilities" and BOM-Link).

It is about another document, the artifact's BOM, whose components it names by BOM-Link:
`urn:cdx:SERIAL/VERSION#BOM-REF`.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bom import __version__, canonical
from bom.compose import validate
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bom.audit.model import Audit, Vulnerability

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:bom-seal:vex:v1")
_URN: Final = "urn:uuid:"
_SOURCES: Final = (
    ("CVE-", "NVD", "https://nvd.nist.gov/vuln/detail/"),
    ("GHSA-", "GitHub Advisories", "https://github.com/advisories/"),
    ("", "OSV", "https://osv.dev/vulnerability/"),
)


def check_linkable(document: Mapping[str, Any]) -> None:
    """Raises BomError where a BOM has no serial number to be linked by."""
    if not str(document.get("serialNumber", "")).startswith(_URN):
        raise BomError(
            "the BOM states no serial number, so a VEX document can't say what it is about",
            hint="bom scan gives a BOM one",
        )


def vex(found: Audit, moment: datetime) -> bytes:
    """The document's bytes (RFC 8785). `moment`: when it was audited, UTC."""
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {
                "components": [{"type": "application", "name": "bom-seal", "version": __version__}]
            },
            "properties": _properties(found),
        },
        "vulnerabilities": [_vulnerability(found, item) for item in found.vulnerabilities],
    }
    digest = hashlib.sha256(canonical.dumps(document)).hexdigest()
    document["serialNumber"] = f"{_URN}{uuid.uuid5(_NAMESPACE, digest)}"
    problems = validate.errors(document)
    if problems:
        raise BomError(
            f"the VEX document would break the CycloneDX schema: {problems[0]}",
            hint="this is a defect of bom: please report it",
        )
    return canonical.dumps(document)


def _properties(found: Audit) -> list[dict[str, str]]:
    """What it rests on, and what it says nothing about."""
    rows = [("bom-seal:audit:artifact", found.artifact), ("bom-seal:audit:seal", found.seal)]
    if found.snapshot is not None:
        rows += [
            ("bom-seal:audit:advisories", f"sha256:{found.snapshot.sha256}"),
            ("bom-seal:audit:newest", found.snapshot.newest),
        ]
    if found.service:
        rows.append(("bom-seal:audit:service", found.service))
    rows += [
        ("bom-seal:audit:not-audited", f"{item.what}: {item.reason}") for item in found.unaudited
    ]
    return [{"name": name, "value": value} for name, value in rows]


def _vulnerability(found: Audit, item: Vulnerability) -> dict[str, Any]:
    link = f"urn:cdx:{found.serial.removeprefix(_URN)}/{found.version}"
    name = f"{item.id} {item.package.purl}"
    out: dict[str, Any] = {
        "bom-ref": f"vulnerability:{uuid.uuid5(_NAMESPACE, name)}",
        "id": item.id,
        "source": _source(item.id),
        "references": [{"id": alias, "source": _source(alias)} for alias in item.aliases],
        "ratings": [_rating(item)],
        "analysis": _analysis(item),
        "affects": [
            {
                "ref": f"{link}#{quote(ref, safe='')}",
                "versions": [{"version": item.package.version, "status": "affected"}],
            }
            for ref in item.package.refs
            if ref
        ],
    }
    if item.summary:
        out["description"] = item.summary
    if item.fixed:
        out["recommendation"] = f"update to {' or '.join(item.fixed)}"
    for key, value in (("published", item.published), ("updated", item.modified)):
        if value:
            out[key] = value
    return {key: value for key, value in out.items() if value != []}


def _source(id: str) -> dict[str, str]:
    name, url = next((name, url) for start, name, url in _SOURCES if id.startswith(start))
    return {"name": name, "url": url + quote(id, safe="")}


def _rating(item: Vulnerability) -> dict[str, Any]:
    rating = item.rating
    out: dict[str, Any] = {"severity": rating.level.word}
    if rating.score >= 0:
        out["score"] = rating.score
    methods = {"CVSS:3.0": "CVSSv3", "CVSS:3.1": "CVSSv31", "CVSS:4.0": "CVSSv4", "AV:": "CVSSv2"}
    method = next((methods[start] for start in methods if rating.vector.startswith(start)), "")
    if method:
        out |= {"method": method, "vector": rating.vector}
    return out


def _analysis(item: Vulnerability) -> dict[str, Any]:
    """That a package has it is known, what it means for the artifact is not: somebody has to look.

    What was accepted until a day stays that; it is never made a `not_affected`.
    """
    if item.ignored is None:
        return {"state": "in_triage", **({"response": ["update"]} if item.fixed else {})}
    reason, until = item.ignored.reason, item.ignored.until
    return {"state": "in_triage", "detail": f"accepted until {until} (UTC): {reason}"}
