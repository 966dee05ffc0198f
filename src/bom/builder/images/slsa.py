"""Buildx' metadata file and BuildKit's SLSA provenance as they are written (v0.2, and both
spellings of v1): foreign data, of which no more is taken than is looked at."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

_LIMIT: Final = 64 * 1024 * 1024  # bytes of a metadata file
Text = Annotated[str, StringConstraints(max_length=4096)]


class Foreign(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Source(Foreign):
    uri: Text = ""
    digest: dict[Text, Text] = {}


class BuildConfig(Foreign):
    """The steps; `steps.py` looks into them."""

    steps: list[Any] = Field(default=[], alias="llbDefinition")


class Internal(Foreign):
    platform: Text = Field(default="", alias="builderPlatform")
    config: BuildConfig | None = Field(default=None, alias="buildConfig")


class Parameters(Foreign):
    args: dict[Text, Any] = {}


class External(Foreign):
    request: Parameters = Parameters()
    config: BuildConfig | None = Field(default=None, alias="buildConfig")


class Definition(Foreign):
    resolved: list[Source] = Field(default=[], alias="resolvedDependencies")
    internal: Internal = Field(default=Internal(), alias="internalParameters")
    external: External = Field(default=External(), alias="externalParameters")


class SourceText(Foreign):
    """A file that the frontend read: base64 of its bytes."""

    filename: Text = ""
    language: Text = ""
    data: Annotated[str, StringConstraints(max_length=_LIMIT)] = ""


class SourceTexts(Foreign):
    infos: list[SourceText] = []
    locations: dict[Text, Any] = {}


class BuildKit(Foreign):
    source: SourceTexts = SourceTexts()
    layers: dict[Text, Any] = {}


class Complete(Foreign):
    parameters: bool = False
    environment: bool = False
    materials: bool = False


class Times(Foreign):
    started: Text = Field(default="", alias="buildStartedOn")
    finished: Text = Field(default="", alias="buildFinishedOn")
    invocation: Text = Field(default="", alias="buildInvocationID")
    buildkit: BuildKit = Field(
        default=BuildKit(), alias="https://mobyproject.org/buildkit@v1#metadata"
    )
    complete: Complete = Field(default=Complete(), alias="completeness")
    reproducible: bool = False


class RunMetadata(Foreign):
    """BuildKit has spelled its names in two ways in SLSA v1."""

    buildkit: BuildKit = Field(
        default=BuildKit(),
        validation_alias=AliasChoices(
            "https://mobyproject.org/buildkit@v1#metadata", "buildkit_metadata"
        ),
    )
    complete: Complete = Field(
        default=Complete(),
        validation_alias=AliasChoices(
            "https://mobyproject.org/buildkit@v1#completeness", "buildkit_completeness"
        ),
    )
    reproducible: bool = Field(
        default=False,
        validation_alias=AliasChoices(
            "https://mobyproject.org/buildkit@v1#reproducible", "buildkit_reproducible"
        ),
    )


class RunDetails(Foreign):
    metadata: RunMetadata = RunMetadata()


class Environment(Foreign):
    platform: Text = ""


class Invocation(Foreign):
    environment: Environment = Environment()
    parameters: Parameters = Parameters()


class Provenance(Foreign):
    materials: list[Source] = []
    definition: Definition = Field(default=Definition(), alias="buildDefinition")
    times: Times = Field(default=Times(), alias="metadata")
    invoked: Invocation = Field(default=Invocation(), alias="invocation")
    run: RunDetails = Field(default=RunDetails(), alias="runDetails")
    config: BuildConfig | None = Field(default=None, alias="buildConfig")


class Metadata(Foreign):
    # of an image for several platforms the provenance stands under names that hold the platform
    model_config = ConfigDict(extra="allow", frozen=True)

    digest: Text = Field(default="", alias="containerimage.digest")
    config: Text = Field(default="", alias="containerimage.config.digest")
    names: Text = Field(default="", alias="image.name")
    build_ref: Text = Field(default="", alias="buildx.build.ref")
    provenance: Provenance | None = Field(default=None, alias="buildx.build.provenance")
