"""The BOM: facts in any order into one document whose bytes don't depend on the order.

CycloneDX 1.6 (ECMA-424) JSON, 1.7 and 1.5 on request. What stands where is in docs/format.md.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from bom import __version__, canonical
from bom.compose import findings as wrong
from bom.compose import older
from bom.compose.component import Json, component, licences, properties, url
from bom.compose.formulation import formulation
from bom.compose.gaps import NO_TIME, as_annotations, compositions, unhashed
from bom.compose.graph import graph
from bom.compose.reading import FORMAT
from bom.errors import BomError
from bom.model import Component, Dependency, Finding, Gap, Hash, Property, Revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bom.model import ImageIdentity, Observation, Subject

ROOT: Final = "subject"
SERIAL_NAMESPACE: Final = uuid.UUID("8b0c1a52-6a0e-5d6c-9b3e-6f1f0a4a7d11")
# As `date +%s` writes it (the SOURCE_DATE_EPOCH specification); int() takes more.
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_TYPES: Final = {"image": "container", "wheel": "library", "sdist": "library", "npm": "library"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that goes into one BOM.

    `seal`: what the format needs to give the built bytes back. `epoch`: SOURCE_DATE_EPOCH, in
    seconds, where it is set. `signed`: whether a JSF signature and a Sigstore bundle follow.
    """

    subject: Subject
    observations: tuple[Observation, ...] = ()
    seal: tuple[Property, ...] = ()
    epoch: int | None = None
    phase: Literal["build", "discovery"] = "build"
    signed: bool = True
    tool_digest: str = ""
    spec_version: str = "1.6"


def source_date_epoch(text: str | None) -> int | None:
    """The value of SOURCE_DATE_EPOCH in seconds; None where it is unset or empty.

    Raises BomError where it is no such number.
    """
    if not text:
        return None
    try:
        if not _SECONDS.fullmatch(text):
            raise ValueError(text)
        value = int(text, 10)
        datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BomError(
            "SOURCE_DATE_EPOCH is not a number of seconds since 1970",
            hint="set it to `git log -1 --format=%ct`, or unset it",
        ) from error
    return value


def document(evidence: Evidence) -> Json:
    """The unsigned BOM.

    Raises BomError where a fact can't be written down (a lone surrogate in a name).
    """
    return serialised(evidence)[0]


def serialised(evidence: Evidence) -> tuple[Json, dict[str, bytes]]:
    """The unsigned BOM, and its members as `canonical.join` takes them. Raises as `document`."""
    shipped = _shipped(evidence.observations)
    revision = _revision(evidence.observations)
    timestamp = _timestamp(evidence.epoch, revision)
    parts = [component(item.component) for item in shipped]
    formulas = formulation(evidence.observations)
    gaps = _gaps(evidence, shipped, timestamp)
    names = {ROOT: evidence.subject.name, **dict(_names(parts)), **dict(_names(formulas))}
    notes = as_annotations(gaps, names, ROOT, timestamp or NO_TIME)
    found = wrong.as_annotations(
        (fact for fact in evidence.observations if isinstance(fact, Finding)),
        names,
        ROOT,
        timestamp or NO_TIME,
    )
    out: Json = {
        "$schema": f"http://cyclonedx.org/schema/bom-{evidence.spec_version}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": evidence.spec_version,
        "version": 1,
        "metadata": _metadata(evidence, revision, timestamp, len(notes), len(found)),
        "components": parts,
        "dependencies": graph(ROOT, shipped),
        "compositions": compositions(gaps, names, ROOT),
    }
    if formulas:
        out["formulation"] = formulas
    if notes or found:
        out["annotations"] = [*found, *notes]
    if evidence.spec_version == older.VERSION:
        older.rewrite([*parts, *_others(out)])
    members = canonical.members(out)
    digest = hashlib.sha256()
    for piece in canonical.pieces(members):
        digest.update(piece)
    out["serialNumber"] = f"urn:uuid:{uuid.uuid5(SERIAL_NAMESPACE, digest.hexdigest())}"
    members["serialNumber"] = canonical.dumps(out["serialNumber"])
    return out, members


def _others(out: Json) -> Iterable[Json]:
    """The components that stand elsewhere than in `components`."""
    metadata = out["metadata"]
    yield metadata["component"]
    yield from metadata["tools"]["components"]
    for formula in out.get("formulation", ()):
        yield from formula.get("components", ())


def _shipped(observations: Sequence[Observation]) -> list[Dependency]:
    """Sorted, one for each ref: the same component found twice is one."""
    found: dict[str, Dependency] = {}
    for fact in sorted(
        fact for fact in observations if isinstance(fact, Dependency) and fact.role == "shipped"
    ):
        known = found.get(fact.component.bom_ref)
        found[fact.component.bom_ref] = known.merged(fact) if known else fact
    return [found[ref] for ref in sorted(found)]


def _revision(observations: Iterable[Observation]) -> Revision | None:
    return next((fact for fact in observations if isinstance(fact, Revision)), None)


def _timestamp(epoch: int | None, revision: Revision | None) -> str:
    if epoch is not None:
        return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return revision.commit_time if revision else ""


def _gaps(evidence: Evidence, shipped: Sequence[Dependency], timestamp: str) -> list[Gap]:
    gaps = {fact for fact in evidence.observations if isinstance(fact, Gap)}
    if not timestamp:
        gaps.add(
            Gap(
                "timestamp",
                evidence.subject.kind,
                "neither SOURCE_DATE_EPOCH nor a commit gives a time",
            )
        )
    return sorted(gaps | unhashed(shipped, gaps))


def _names(parts: list[Json]) -> Iterable[tuple[str, str]]:
    """The bom-ref and the name, with its group, of everything in a part of the document.

    Only these members hold things that have a bom-ref: walking all of a large document costs
    more than composing it.
    """
    waiting = list(parts)
    while waiting:
        item = waiting.pop()
        if "bom-ref" in item:
            group = item.get("group")
            name = str(item.get("name", ""))
            yield item["bom-ref"], f"{group}/{name}" if group else name
        for holder in ("components", "workflows", "tasks"):
            if holder in item:
                waiting += item[holder]


def _metadata(
    evidence: Evidence, revision: Revision | None, timestamp: str, gaps: int, findings: int
) -> Json:
    own = Component(
        type="application",
        name="bom-seal",
        version=__version__,
        purl=f"pkg:pypi/bom-seal@{__version__}",
        ref="tool:bom-seal",
        hashes=(Hash("SHA-256", evidence.tool_digest),) if evidence.tool_digest else (),
        hash_of="installed-files" if evidence.tool_digest else "",
    )
    out: Json = {
        "lifecycles": [{"phase": evidence.phase}],
        "tools": {"components": [component(own)]},
        "component": _subject(evidence, revision),
        "properties": properties(
            [
                Property("bom-seal:format", FORMAT),
                Property("bom-seal:findings", str(findings)),
                Property("bom-seal:gaps", str(gaps)),
                Property("bom-seal:signature", "jsf+sigstore" if evidence.signed else "none"),
            ]
        ),
    }
    if timestamp:
        out["timestamp"] = timestamp
    return out


def _subject(evidence: Evidence, revision: Revision | None) -> Json:
    subject = evidence.subject
    image = subject.image
    facts = [
        *evidence.seal,
        *subject.properties,
        Property("bom-seal:subject:kind", subject.kind),
    ]
    if subject.size >= 0:
        facts.append(Property("bom-seal:subject:size", str(subject.size)))
    if image is None:
        # an image's file name is chosen by `-o`, so it belongs to the run
        facts.append(Property("bom-seal:subject:file", subject.name))
    else:
        facts += image_properties(image)
    if subject.sha256:
        facts.append(Property("bom-seal:hash:of", "built-bytes"))
    out: Json = {
        "type": _TYPES.get(subject.kind, "application" if not subject.sha256 else "file"),
        "bom-ref": ROOT,
        "name": subject.package_name or ("image" if image else subject.name),
    }
    if subject.package_version:
        out["version"] = subject.package_version
    if subject.purl:
        out["purl"] = subject.purl
    if subject.sha256:
        out["hashes"] = [{"alg": "SHA-256", "content": subject.sha256}]
    if subject.licences:
        out["licenses"] = licences(subject.licences)
    if subject.members:
        out["components"] = [
            {
                "type": "file",
                "bom-ref": f"member:{number}",
                "name": member.name,
                "hashes": [{"alg": "SHA-256", "content": member.sha256}],
            }
            for number, member in enumerate(sorted(subject.members, key=lambda m: m.name))
        ]
    if revision:
        facts += _source(revision)
        out["pedigree"] = {"commits": [{"uid": revision.commit}]}
        if revision.remote:
            out["externalReferences"] = [{"type": "vcs", "url": url(revision.remote)}]
    out["properties"] = properties(facts)
    return out


def image_properties(image: ImageIdentity) -> list[Property]:
    """What the BOM says of what identifies an image."""
    facts = [
        *(Property("bom-seal:image:tag", tag) for tag in image.tags),
        *(
            Property(
                "bom-seal:image:layer", f"{index:03d} {layer.diff_id} {layer.digest} {layer.size}"
            )
            for index, layer in enumerate(image.layers)
        ),
    ]
    for part in (image, *image.platforms):
        stated = (
            ("config", part.config),
            ("manifest", part.manifest),
            ("platform", part.platform),
            *(("attestation", digest) for digest in part.attestations),
        )
        facts += [Property(f"bom-seal:image:{name}", value) for name, value in stated if value]
    if image.platforms and image.index:
        facts.append(Property("bom-seal:image:index", image.index))
    return facts


def _source(revision: Revision) -> list[Property]:
    facts = [
        Property("bom-seal:source:commit", revision.commit),
        Property("bom-seal:source:state", revision.state),
    ]
    facts += [Property("bom-seal:source:modified", path) for path in revision.modified]
    facts += [Property("bom-seal:source:untracked", path) for path in revision.untracked]
    if revision.tree_digest:
        facts.append(Property("bom-seal:source:tree-digest", revision.tree_digest))
    facts += [
        Property("bom-seal:source:submodule", f"{part.commit} {part.path}")
        for part in revision.submodules
    ]
    if revision.signature_kind:
        signer = f"{revision.signature_kind} {revision.signature_key}".strip()
        facts.append(Property("bom-seal:source:signature", signer))
    return facts
