"""What one image is made of, as the command says it: known before the build."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bom.builder.images import context
from bom.catalog.images import dockerfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.builder.images.context import BuildInputs
    from bom.builder.images.provenance import Reported
    from bom.builder.images.stages import StageExporter
    from bom.catalog.images.dockerfile import ImageReference
    from bom.model import Observation


@dataclass(frozen=True, slots=True)
class Recipe:
    """`label`: the bake target or compose service, "" where the command makes one image. `tags`:
    the names that the image gets, with their tag. `arguments`: the build arguments that have a
    value. `stage`: the Dockerfile's stage that is built, "" for the last. `observations`: facts
    about this image alone, without those of its inputs. `held`: where the builder gives no
    provenance, the images that the store held before the build (bases.held). `platform`: the one
    that the command names, "" where it names none. `exporter`: what hands out the build's other
    stages, None where the builder can't. `more_tags`: further names of the image, which its archive
    can't hold.
    """

    tags: tuple[str, ...]
    inputs: BuildInputs
    label: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""
    observations: tuple[Observation, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    exporter: StageExporter | None = None
    more_tags: tuple[str, ...] = ()

    def references(self) -> tuple[ImageReference, ...] | None:
        """The images that the Dockerfile names, as far as it is known before the build; None where
        it isn't at hand."""
        taking = self.taking()
        return None if taking is None else taking.images

    def taking(
        self, reported: Reported | None = None, platform: str = ""
    ) -> dockerfile.Taking | None:
        """What the Dockerfile takes from outside; None where neither we nor the builder have it.
        `platform`: the image's, os/arch[/variant], "" where it isn't known yet."""
        if self.inputs.dockerfile is not None:
            text = context.text(self.inputs.dockerfile)
        elif self.inputs.builders_dockerfile and reported and reported.dockerfile is not None:
            text = reported.dockerfile.decode("utf-8", "surrogateescape")
        else:
            return None
        builder = reported.platform if reported is not None else ""
        terms = dockerfile.Terms(
            frontend=self.inputs.frontend,
            named=self.inputs.named,
            platform=platform or self.platform,
            builder_platform=builder or ("" if self.platform else platform),
        )
        return dockerfile.taking(text, dict(self.arguments), self.stage, terms)
