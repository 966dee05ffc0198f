"""`bom scan`: the BOM of something that is there already, made without a build.

What can be scanned, and how it is read, is in sources/. The document is the one a build makes,
unsigned, with the phase `discovery`, and with nothing about a build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bom import canonical, sources
from bom.compose import validate
from bom.compose.bom import Evidence, document, source_date_epoch
from bom.errors import BomError
from bom.identity import own_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bom.builder.protocol import Progress
    from bom.compose.component import Json


def scan(
    target: Path | str,
    progress: Progress,
    environment: Mapping[str, str],
    *,
    spec_version: str = "1.6",
    platform: str = "",
) -> bytes:
    """The BOM's bytes (RFC 8785).

    `target`: a path, or as text also `docker:NAME` and `oci://HOST/NAME[:TAG][@DIGEST]`.
    `platform` (os/arch[/variant]) chooses from an image for several. Raises BomError where the
    target can't be read; what could not be learned of it stands in the document as a gap.
    """
    epoch = source_date_epoch(environment.get("SOURCE_DATE_EPOCH"))
    found = sources.read(target, progress, environment, platform)
    return _document(
        Evidence(
            subject=found.subject,
            observations=found.observations,
            epoch=epoch,
            phase="discovery",
            signed=False,
            tool_digest=own_digest(),
            spec_version=spec_version,
        )
    )


def _document(evidence: Evidence) -> bytes:
    value: Json = document(evidence)
    problems = validate.errors(value)
    if problems:
        raise BomError(
            f"the BOM would break the CycloneDX schema: {problems[0]}",
            hint="this is a defect of bom: please report it",
        )
    return canonical.dumps(value)
