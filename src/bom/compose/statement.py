"""In-toto statements about an artifact: the run record (SLSA provenance v1), the BOM as a
predicate, and the test results. Each is the payload of one DSSE bundle beside the artifact.

Sources: in-toto attestation v1, SLSA v1.0 provenance, in-toto test-result v0.1.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom import __version__, canonical
from bom.compose.component import url
from bom.model import Check, Material, Revision, RunDetail, Setting, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bom.compose.component import Json
    from bom.difference import Comparison
    from bom.model import Observation

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
CYCLONEDX: Final = "https://cyclonedx.org/bom"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
REBUILD: Final = "urn:bom-seal:rebuild:v1"
# Constants that docs/format.md explains. A wrapper on the builder's own machine supports SLSA
# Build L1; the builder ID names that kind of builder and nothing better.
BUILD_TYPE: Final = "urn:bom-seal:build:v1"
BUILDER_ID: Final = "urn:bom-seal:builder:local-wrapper:v1"


@dataclass(frozen=True, slots=True)
class Named:
    """A statement's subject: a file name and its hex SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a build. Times are RFC 3339 in UTC; `invocation` is unique to the run."""

    started: str
    finished: str
    invocation: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What a rebuilder found. `bom`: hex SHA-256 of the BOM that was followed. `key_id`: the
    rebuilder's. `tools`: (kind and name, recorded, here) of those that were others. Times are
    RFC 3339 in UTC."""

    comparison: Comparison
    commit: str
    bom: str
    rebuilt_sha256: str
    key_id: str
    started: str
    finished: str
    tools: tuple[tuple[str, str, str], ...] = ()


def _statement(subjects: Sequence[Named], predicate_type: str, predicate: object) -> bytes:
    return canonical.dumps(
        {
            "_type": STATEMENT,
            "subject": [
                {"name": item.name, "digest": {"sha256": item.sha256}} for item in subjects
            ],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def provenance(subjects: Sequence[Named], observations: Sequence[Observation], run: Run) -> bytes:
    """The run record: what the BOM says of the build, and all that differs from run to run."""
    external = _external({fact for fact in observations if isinstance(fact, Setting)})
    details: Json = {}
    for detail in sorted(fact for fact in observations if isinstance(fact, RunDetail)):
        details.setdefault(detail.name, []).append(detail.value)
    predicate: Json = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {
                name: values[0] if len(values) == 1 else values for name, values in details.items()
            },
            "resolvedDependencies": _resolved(observations),
        },
        "runDetails": {
            "builder": {
                "id": BUILDER_ID,
                "version": {"bom-seal": __version__, **_versions(observations)},
            },
            "metadata": {
                "invocationId": run.invocation,
                "startedOn": run.started,
                "finishedOn": run.finished,
            },
            "byproducts": [
                {
                    "name": "exit-code",
                    "mediaType": "text/plain",
                    "content": base64.b64encode(str(run.exit_code).encode()).decode(),
                }
            ],
        },
    }
    return _statement(subjects, PROVENANCE, predicate)


def _external(settings: Iterable[Setting]) -> Json:
    """The command line, and by their kind the settings that steer the output; one that was given
    several times (`file`, `artifact`) as a list."""
    found: Json = {}
    for fact in sorted(settings):
        if fact.kind == "command":
            found["command"] = fact.value
            continue
        group = found.setdefault(fact.kind, {})
        if fact.name not in group:
            group[fact.name] = fact.value
        elif isinstance(group[fact.name], list):
            group[fact.name].append(fact.value)
        else:
            group[fact.name] = [group[fact.name], fact.value]
    return found


def _versions(observations: Sequence[Observation]) -> dict[str, str]:
    return {
        fact.name: fact.version
        for fact in sorted(fact for fact in observations if isinstance(fact, Tool))
        if fact.evidence != "path" and fact.version
    }


def _resolved(observations: Sequence[Observation]) -> list[Json]:
    """Resource descriptors. Each must have a URI, a digest or its content (in-toto attestation
    v1): a material of which none is known stands in the BOM alone, with the gap that says so."""
    found: list[Json] = []
    for fact in observations:
        if isinstance(fact, Revision):
            entry: Json = {"name": "source", "digest": {"gitCommit": fact.commit}}
            if fact.remote:
                entry["uri"] = f"git+{_scheme(observations)}://{url(fact.remote)}"
            found.append(entry)
    for material in sorted(fact for fact in observations if isinstance(fact, Material)):
        entry = {"name": f"{material.kind}:{material.name}"}
        if material.purl:
            entry["uri"] = material.purl
        digests = {
            item.alg.lower().replace("-", ""): item.value for item in sorted(material.digests)
        }
        if digests:
            entry["digest"] = digests
        if digests or material.purl:
            found.append(entry)
    return found


def _scheme(observations: Sequence[Observation]) -> str:
    """Of the remote's URL, as this clone has it: `host:path` is ssh's own spelling."""
    forms = (
        fact.value
        for fact in observations
        if isinstance(fact, RunDetail) and fact.name == "source.remote.form"
    )
    form = next(forms, "https")
    return form if form in ("https", "http", "ssh", "git") else "ssh"


def bom_predicate(subjects: Sequence[Named], document: Mapping[str, object]) -> bytes:
    """The BOM as an attestation, for clients that look for one beside the artifact."""
    return _statement(subjects, CYCLONEDX, document)


def rebuild(subjects: Sequence[Named], found: Rebuild) -> bytes:
    """That somebody built it again, and what came out (docs/format.md)."""
    predicate: Json = {
        "verdict": found.comparison.verdict,
        "normalised": list(found.comparison.normalised),
        "differences": [
            {
                "path": item.path,
                "cause": item.cause,
                "candidates": list(item.candidates),
                "evidence": item.evidence,
                "remedy": item.remedy,
            }
            for item in found.comparison.differences
        ],
        "rebuilt": {"sha256": found.rebuilt_sha256},
        "source": {"gitCommit": found.commit},
        "bom": {"sha256": found.bom},
        "tools": [
            {"tool": name, "recorded": recorded, "here": here}
            for name, recorded, here in found.tools
        ],
        "rebuilder": {"keyId": found.key_id, "version": {"bom-seal": __version__}},
        "startedOn": found.started,
        "finishedOn": found.finished,
    }
    return _statement(subjects, REBUILD, predicate)


def test_result(subjects: Sequence[Named], checks: Sequence[Check]) -> bytes:
    """The checks' outcome. A check that did not run is neither passed nor failed."""
    ran = [check for check in checks if check.outcome in ("passed", "failed")]
    failed = sorted(check.name for check in ran if check.outcome == "failed")
    predicate = {
        "result": "FAILED" if failed else "PASSED" if ran else "WARNED",
        "configuration": [],
        "passedTests": sorted(check.name for check in ran if check.outcome == "passed"),
        "failedTests": failed,
        "warnedTests": sorted(check.name for check in checks if check not in ran),
    }
    return _statement(subjects, TEST_RESULT, predicate)
