"""What a build took from outside, beside its images: remote contexts, a Dockerfile that only the
builder has, what ADD fetched, the secrets and agents that RUN asked for."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from bom import redact
from bom.builder.images.remote import shown
from bom.model import Gap, Hash, Material, Setting
from bom.printable import printable_os

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.builder.images.context import BuildInputs
    from bom.builder.images.provenance import Reported
    from bom.catalog.images.dockerfile import Taking
    from bom.model import Observation

_SHA256: Final = re.compile(r"sha256:([0-9a-f]{64})")


def platform_of(config: object) -> str:
    """os/arch[/variant] of an image, from its configuration (OCI image-spec, config.md); "" where
    it states none."""
    if not isinstance(config, dict):
        return ""
    parts = [config.get(key) for key in ("os", "architecture", "variant")]
    stated = [part for part in parts if isinstance(part, str) and part]
    return "/".join(stated) if len(stated) > 1 else ""


def dockerfile_facts(inputs: BuildInputs, reported: Reported) -> Iterator[Observation]:
    """The Dockerfile that only the builder had, by the bytes that it states."""
    if not inputs.builders_dockerfile:
        return
    where = printable_os(inputs.builders_dockerfile)
    if reported.dockerfile is None:
        yield Material(kind="dockerfile", name=where)
        why = "the builder fetched it and does not state its content"
        yield Gap("dockerfile.digest", where, why)
        return
    digest = Hash("SHA-256", hashlib.sha256(reported.dockerfile).hexdigest())
    yield Material(kind="dockerfile", name=where, digests=(digest,))


def facts(taking: Taking, reported: Reported) -> Iterator[Observation]:
    """What the instructions fetched and asked for. A builder with provenance names what it
    fetched itself (materials.image_materials)."""
    if reported.sources is None:
        for item in taking.downloads:
            where = printable_os(shown(item.url))
            demanded = _SHA256.fullmatch(item.checksum)
            digests = (Hash("SHA-256", demanded[1]),) if demanded else ()
            yield Material(kind="context", name=where, digests=digests)
            if not digests:
                why = "the builder fetched it and states no digest of it"
                yield Gap("context.digest", where, why)
    for mount in taking.mounts:
        wanted = ",required=true" if mount.required else ""
        yield Setting("option", f"{mount.kind}-mount", redact.text(f"id={mount.id}{wanted}"))
