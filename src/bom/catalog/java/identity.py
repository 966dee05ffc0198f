"""Which artifact a jar is: only by what is stated, in it or of it.

A pom.properties states group, artifact and version; with several in one jar, the one that fits the
file's name or the manifest is the jar's own, and the others are artifacts that were shaded into
it. A manifest and a file name give a name and a version, but no group: where nothing else states
it, the jar is a component without a purl.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.java.pom import exact, identifier
from bom.catalog.java.wanted import ENDINGS
from bom.errors import BomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.catalog.java.jar import Embedded, Jar

# nebula.info writes Implementation-Title so: `io.micrometer#micrometer-core;1.15.5`
_COORDINATES: Final = re.compile(r"([A-Za-z0-9_.-]+)#([A-Za-z0-9_.-]+);([^;#\s]+)\Z")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a jar is. `group` and `version` are empty where nothing states them; `ending` is the
    file's. `own`: its own POM; `shaded`: those of what was put into it.
    `group_from`: "" for pom.properties, else "sbom", "manifest" or "dependency"."""

    name: str
    version: str = ""
    group: str = ""
    classifier: str = ""
    ending: str = "jar"
    own: Embedded | None = None
    shaded: tuple[Embedded, ...] = ()
    group_from: str = ""
    listed: str = ""

    @property
    def purl(self) -> str:
        """The package URL; "" without group or version, or where none can be formed."""
        if self.listed:
            return self.listed
        if not (self.group and self.version):
            return ""
        qualifiers = {
            "classifier": self.classifier,
            "type": "" if self.ending == "jar" else self.ending,
        }
        return maven_purl(self.group, self.name, self.version, qualifiers)


def maven_purl(
    group: str, artifact: str, version: str, qualifiers: Mapping[str, str] | None = None
) -> str:
    """The package URL of an artifact; "" where none can be formed."""
    try:
        return purl.build(
            "maven", artifact, namespace=group, version=version, qualifiers=qualifiers
        )
    except BomError:
        return ""


def identify(jar: Jar, file_name: str, listed: str = "") -> Identity:
    """What the jar of that file name is. `listed`: the purl that an SBOM in the archive around it
    states for a file with this very digest."""
    stem, ending = _stem(file_name)
    own = _own(jar, stem)
    shaded = tuple(item for item in jar.poms if item is not own)
    if own is not None:
        return Identity(
            own.own.artifact,
            own.own.version,
            own.own.group,
            _classifier(stem, own),
            ending,
            own,
            shaded,
        )
    name, version = _by_file_name(stem, jar.manifest)
    if listed and (found := _listed(listed)):
        return Identity(
            found.name,
            found.version,
            found.namespace,
            ending=ending,
            shaded=shaded,
            group_from="sbom",
            listed=str(found),
        )
    group = ""
    stated = _COORDINATES.match(jar.manifest.get("Implementation-Title", ""))
    if stated and stated[2] == name and stated[3] == version:
        group = identifier(stated[1])
    return Identity(
        name,
        version,
        group,
        ending=ending,
        shaded=shaded,
        group_from="manifest" if group else "",
    )


def _stem(file_name: str) -> tuple[str, str]:
    for ending in ENDINGS:
        if file_name.endswith(ending):
            return file_name.removesuffix(ending), ending[1:]
    return file_name, "jar"


def _own(jar: Jar, stem: str) -> Embedded | None:
    """The POM that is the jar's own, by the best evidence; None where two are equally good."""
    for fits in (_fits_exactly, _fits_by_name, _fits_unpinned):
        if found := [item for item in jar.poms if fits(item, stem)]:
            return found[0] if len(found) == 1 else None
    if found := [item for item in jar.poms if _fits_manifest(item, jar.manifest)]:
        return found[0] if len(found) == 1 else None
    # Maven packed it, so that it has a pom.properties of its own: this only one.
    packed_by_maven = "Maven" in jar.manifest.get("Created-By", "")
    return jar.poms[0] if len(jar.poms) == 1 and packed_by_maven else None


def _fits_exactly(item: Embedded, stem: str) -> bool:
    """`ARTIFACT-VERSION`, with a classifier or without."""
    exactly = f"{item.own.artifact}-{item.own.version}"
    return stem == exactly or stem.startswith(f"{exactly}-")


def _fits_by_name(item: Embedded, stem: str) -> bool:
    return stem == item.own.artifact


def _fits_unpinned(item: Embedded, stem: str) -> bool:
    """Another version in the file's name: a snapshot's time, a distribution's `3.x`."""
    artifact = item.own.artifact
    return stem.startswith(f"{artifact}-") and stem[len(artifact) + 1 :][:1].isdigit()


def _fits_manifest(item: Embedded, manifest: Mapping[str, str]) -> bool:
    artifact, group = item.own.artifact, item.own.group
    symbolic = manifest.get("Bundle-SymbolicName", "").partition(";")[0].strip()
    return manifest.get("Implementation-Title") == artifact or symbolic in (
        artifact,
        f"{group}.{artifact}",
    )


def _classifier(stem: str, own: Embedded) -> str:
    exactly = f"{own.own.artifact}-{own.own.version}-"
    return identifier(stem.removeprefix(exactly)) if stem.startswith(exactly) else ""


def _by_file_name(stem: str, manifest: Mapping[str, str]) -> tuple[str, str]:
    """Name and version: the version that the manifest states where the file's name ends with it,
    else what stands behind the first hyphen before a digit."""
    versions = [manifest.get(key, "") for key in ("Implementation-Version", "Bundle-Version")]
    for version in versions:
        if version and stem.endswith(f"-{version}") and exact(version):
            return stem.removesuffix(f"-{version}"), version
    for place in range(1, len(stem) - 1):
        if stem[place] == "-" and stem[place + 1].isdigit() and exact(stem[place + 1 :]):
            return stem[:place], stem[place + 1 :]
    return stem, next((found for item in versions if (found := exact(item))), "")


def _listed(text: str) -> purl.Purl | None:
    try:
        found = purl.parse(text)
    except BomError:
        return None
    if found.type != "maven" or not found.version:
        return None
    # `type=jar` is the default, and left out everywhere else (purl type definition of maven).
    rest = tuple(pair for pair in found.qualifiers if pair != ("type", "jar"))
    return replace(found, qualifiers=rest)


def asked_for(identity: Identity, declared: Mapping[str, Iterable[str]]) -> Identity | None:
    """What a jar that states only a name is, where the POMs beside it ask for an artifact of that
    name in one group alone: of `log4j-1.2-api-2.24.3` they know where the version begins.

    `declared`: groups by artifact.
    """
    stem = f"{identity.name}-{identity.version}" if identity.version else ""
    for place in range(len(stem) - 2, 0, -1):
        if stem[place] == "-" and stem[place + 1].isdigit():
            groups = set(declared.get(stem[:place], ()))
            version = exact(stem[place + 1 :])
            if len(groups) == 1 and version:
                return replace(
                    identity,
                    name=stem[:place],
                    version=version,
                    group=groups.pop(),
                    group_from="dependency",
                )
    return None
