"""The values that the whole program speaks in: facts, gaps, components, subjects, findings.

Nothing here does I/O. Everything is frozen, and sorts, so that a document made from the same
facts in any order has the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# Names of hash algorithms are CycloneDX's: MD5, SHA-1, SHA-256, SHA-384, SHA-512, ...


@dataclass(frozen=True, slots=True, order=True)
class Hash:
    """A digest: CycloneDX algorithm name and lowercase hex."""

    alg: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Property:
    """A CycloneDX property; our own names start with `bom-seal:`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Licence:
    """A licence as stated: an SPDX expression or ID, or a free name where it is neither."""

    value: str
    form: Literal["expression", "id", "name"] = "name"
    acknowledgement: Literal["declared", "concluded"] = "declared"


@dataclass(frozen=True, slots=True, order=True)
class Distribution:
    """One file by which a package is distributed, as a lock or a registry states it.

    `url` may be empty when only the file's name and hashes are stated.
    """

    name: str
    url: str = ""
    hashes: tuple[Hash, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """Where a component was seen: a path, and for text its line (from 1; 0: unknown)."""

    location: str
    line: int = 0


ComponentType = Literal[
    "application",
    "container",
    "data",
    "file",
    "firmware",
    "framework",
    "library",
    "operating-system",
    "platform",
]
# What `Component.hashes` were computed from (property bom-seal:hash:of).
HashOf = Literal["", "file", "installed-files", "built-bytes"]


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """A thing that ships or that built what ships.

    `ref` is the bom-ref; empty means: the purl. `hashes` are of the bytes at hand, by the rule
    that `hash_of` names; `distributions` carry the hashes that a lock or registry states.
    `requires` holds the refs of what it depends on directly.
    """

    type: ComponentType
    name: str
    version: str = ""
    group: str = ""
    purl: str = ""
    ref: str = ""
    hashes: tuple[Hash, ...] = ()
    hash_of: HashOf = ""
    distributions: tuple[Distribution, ...] = ()
    licences: tuple[Licence, ...] = ()
    supplier: str = ""
    maintainer: str = ""
    homepage: str = ""
    description: str = ""
    properties: tuple[Property, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    requires: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()

    @property
    def bom_ref(self) -> str:
        return self.ref or self.purl or f"{self.type}:{self.name}@{self.version}"


# --- facts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Submodule:
    path: str
    commit: str


@dataclass(frozen=True, slots=True)
class Revision:
    """The source's revision, taken before the command runs.

    `tree_digest`: hex SHA-256 over the modified and untracked files (empty for a clean tree);
    files named like secrets are left out of it. `remote` is `host/path` without scheme, user or
    `.git`. `signature_kind`: "", "openpgp", "ssh" or "x509"; `signature_key` its key ID or
    fingerprint. `commit_time` is RFC 3339 in UTC.
    """

    commit: str
    commit_time: str = ""
    state: Literal["clean", "modified"] = "clean"
    modified: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    tree_digest: str = ""
    remote: str = ""
    submodules: tuple[Submodule, ...] = ()
    signature_kind: str = ""
    signature_key: str = ""


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """A file of the source at its revision: git blob ID, path from the repository's top."""

    blob: str
    path: str


ToolKind = Literal[
    "wrapped",  # the executable that the user named
    "client",
    "engine",
    "builder",
    "runtime",
    "interpreter",
    "package-manager",
    "build-frontend",  # calls a backend (`python -m build`)
    "build-backend",
    "compiler",
    "c-library",
    "shell",
]


@dataclass(frozen=True, slots=True, order=True)
class Tool:
    """A program that took part, or may have.

    `evidence`: "used" (it was run, its binary's SHA-256 is in `hashes`), "stated" (an engine or
    an artifact states it, so no hash), "path" (the project's files call for it and it was found
    on PATH; not known to have been used). `package` is the purl of the owning package.
    """

    kind: ToolKind
    name: str
    version: str = ""
    evidence: Literal["used", "stated", "path"] = "used"
    hashes: tuple[Hash, ...] = ()
    package: str = ""
    properties: tuple[Property, ...] = ()


SettingKind = Literal["environment", "build-arg", "command", "option", "platform"]


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """One input that steers the build: a workflow input in the BOM, already redacted.

    For kind "command" the name is "command" and the value the shell-quoted command line.
    For kind "option" the name is the option's (`target`, `file`, `working-directory`).
    """

    kind: SettingKind
    name: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Material:
    """Something the build consumed that is not a package: base image, Dockerfile, context.

    `digests` may be empty only together with a Gap that says why.
    """

    kind: Literal["base-image", "build-image", "dockerfile", "dockerignore", "context", "config"]
    name: str
    digests: tuple[Hash, ...] = ()
    version: str = ""
    purl: str = ""
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """A package. role "shipped": in the artifact; "build": only built it (formulation).

    `direct`: the artifact itself asks for it, so the graph's root points to it. `optional`: an
    install may rightly lack it (it is another platform's, an extra's, an optional one).
    `content`: of one copy, what is equal for equal files wherever it lies (the component's hash
    is not: it names paths from the root); "" where that hash is to be compared. Not recorded.
    """

    component: Component
    role: Literal["shipped", "build"] = "shipped"
    direct: bool = False
    optional: bool = False
    content: str = ""

    def merged(self, other: Dependency) -> Dependency:
        """This one, found a second time, with all that either says."""
        one, two = self.component, other.component
        component = replace(
            one,
            hashes=one.hashes or two.hashes,
            hash_of=one.hash_of or two.hash_of,
            distributions=tuple(sorted({*one.distributions, *two.distributions})),
            properties=tuple(sorted({*one.properties, *two.properties})),
            licences=one.licences or two.licences,
            supplier=one.supplier or two.supplier,
            maintainer=one.maintainer or two.maintainer,
            homepage=one.homepage or two.homepage,
            description=one.description or two.description,
            occurrences=tuple(sorted({*one.occurrences, *two.occurrences})),
            requires=tuple(sorted({*one.requires, *two.requires})),
            components=_nested(one.components, two.components),
        )
        return Dependency(
            component,
            "shipped" if "shipped" in (self.role, other.role) else self.role,
            self.direct or other.direct,
            self.optional and other.optional,
        )


def _nested(one: tuple[Component, ...], two: tuple[Component, ...]) -> tuple[Component, ...]:
    """The components inside two copies of one component, one for each ref."""
    if one == two:
        return one
    found: dict[str, Dependency] = {}
    for item in sorted({*one, *two}):
        known = found.get(item.bom_ref)
        found[item.bom_ref] = known.merged(Dependency(item)) if known else Dependency(item)
    return tuple(sorted(item.component for item in found.values()))


@dataclass(frozen=True, slots=True, order=True)
class Check:
    """A test or linter run for this very commit and tree. Counts are -1 where unknown.

    `failed`: sorted names of what failed (JUnit: `classname.name`; SARIF: `ruleId path:line`).
    """

    name: str
    outcome: Literal["passed", "failed", "skipped", "not-run"]
    tests: int = -1
    failures: int = -1
    skipped: int = -1
    failed: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Reproduction:
    """A second build of the same revision under changed circumstances, and what came of it.

    `outcome`: as comparing says it, or "failed" where the second build made no such artifact.
    `varied`: names of what a probe saw differ; `fixed`: of what `bom` set in both; `kept`: name
    and reason of what could not be changed. `differences`: cause and place, some of `count`.
    """

    outcome: Literal["same", "normalised", "different", "failed"]
    varied: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    normalised: tuple[str, ...] = ()
    differences: tuple[tuple[str, str], ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, order=True)
class BuildStep:
    """One step of a build, as the builder defines it, redacted.

    `number`: from 0 in the builder's order; `name`: its kind, and its lines in the Dockerfile;
    `commands`: what it ran or did.
    """

    number: int
    name: str
    commands: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class BuildSteps:
    """All steps of one image's build, and what the builder says of them as a whole."""

    steps: tuple[BuildStep, ...]
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class RunDetail:
    """What differs from run to run: into the run record, never into the BOM.

    `name` is dotted (`host.kernel`, `source.branch`, `time.started`).
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A fact that could not be had.

    `what`: the fact (`tool.version`, `base-image.digest`, `dependency.hash`); `where`: the thing
    it is missing for; `why`: the reason, one sentence. `ref`: the bom-ref it is about, "" for
    the artifact as a whole. Nothing in it may differ from run to run.
    """

    what: str
    where: str
    why: str
    ref: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that a check found wrong, with its evidence.

    `code` is stable and for scripts (docs/findings.md lists them all). `where`: the file, member
    or layer; `ref`: the bom-ref it is about, "" for the artifact as a whole.
    """

    code: str
    message: str
    expected: str = ""
    found: str = ""
    where: str = ""
    ref: str = ""


Fact = (
    Revision
    | Tool
    | Setting
    | Material
    | Dependency
    | Check
    | Reproduction
    | BuildSteps
    | RunDetail
)
Observation = Fact | Gap | Finding


# --- the artifact ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    """An image layer. `digest`/`size`: of the blob as exported; `diff_id`: of the plain tar."""

    diff_id: str
    digest: str
    size: int
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """What identifies an image. Digests are `sha256:HEX`.

    `manifest` is empty where the export has none (docker archive of the classic store);
    `index` is the export's index, for the run record only. `attestations`: manifests in the same
    archive that say something about this one (BuildKit's).

    An image for several platforms has `platforms`, sorted, and none of `config`, `manifest`,
    `platform`, `layers` of its own; what identifies it is its `index`.
    """

    config: str = ""
    manifest: str = ""
    index: str = ""
    platform: str = ""
    tags: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    attestations: tuple[str, ...] = ()
    platforms: tuple[ImageIdentity, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive: name as stored, size, hex SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The artifact as built. `sha256` is hex, `size` in bytes, of the built bytes.

    `kind`: "image", "wheel", "sdist", "npm", "tar", "tar.gz" or "file". `members` are listed
    where damage could not be placed otherwise (plain and compressed tars).
    """

    name: str
    kind: str
    sha256: str
    size: int
    package_name: str = ""
    package_version: str = ""
    purl: str = ""
    licences: tuple[Licence, ...] = ()
    image: ImageIdentity | None = None
    members: tuple[Member, ...] = ()
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is put into an artifact: the signed BOM's exact bytes and its Sigstore bundle's.

    `bundle` is empty when the BOM is unsigned.
    """

    bom: bytes
    bundle: bytes = b""


# --- verdicts ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. Good only when a trusted signature covers every byte.

    `build_findings`: how many things the BOM itself says were wrong when it was made.
    `reproducible`: what came of building it a second time then, "" where that was not tried.
    `images`: of an image archive (platform, manifest or "", configuration), digests as the BOM
    states them. `rebuilt_by`: names of the trusted keys whose owners built it again
    (bom.rebuilders). `document`: the very BOM that was verified, None where none could be read; who
    reads the artifact once more may find another there.
    """

    artifact: str
    findings: tuple[Finding, ...] = ()
    signed_by: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    subject_name: str = ""
    subject_sha256: str = ""
    subject_size: int = -1
    commit: str = ""
    gaps: int = 0
    build_findings: int = 0
    failed_checks: tuple[str, ...] = ()
    format: str = ""
    warnings: tuple[str, ...] = field(default=())
    images: tuple[tuple[str, str, str], ...] = ()
    reproducible: str = ""
    rebuilt_by: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def good(self) -> bool:
        return not self.findings
