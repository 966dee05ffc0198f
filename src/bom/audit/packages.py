"""What a BOM says that ships, as packages that can be looked up, and what can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bom import purl
from bom.audit.ecosystems import NotListed, lookups
from bom.audit.model import Lookup, Package, Unaudited
from bom.errors import BomError
from bom.report.contents import flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.report.contents import Contents, Part

_PACKAGES: Final = frozenset({"application", "framework", "library", "platform"})
# Gaps that leave open which packages there are, or in which version.
_GAPS: Final = frozenset(
    (
        "archive.file",
        "archive.structure",
        "component",
        "component.purl",
        "component.sbom",
        "component.version",
        "dependency.declared",
        "dependency.lock",
        "dependency.name",
        "dependency.source",
        "dependency.version",
        "directory",
        "ecosystem",
        "files.executables",
        "image.packages",
        "image.platform",
        "package.metadata",
    )
)
_VERSIONS: Final = frozenset(("component.version", "dependency.version"))
_EXECUTABLE: Final = "bom-seal:files:unattributed-executable"


def packages(found: Contents) -> tuple[tuple[Package, ...], tuple[Unaudited, ...]]:
    """Each purl once, sorted; the artifact itself too where it is a package."""
    refs: dict[str, list[str]] = {}
    parts: dict[str, Part] = {}
    unaudited: set[Unaudited] = set(_open_questions(found))
    for part in flat(found.parts):
        if part.purl:
            refs.setdefault(part.purl, []).append(part.ref)
            parts.setdefault(part.purl, part)
        elif part.type in _PACKAGES:
            unaudited.add(Unaudited("it has no package URL", _named(part)))
    out: list[Package] = []
    for text, part in parts.items():
        try:
            asked = _lookups(part)
        except (NotListed, BomError) as error:
            reason = error.reason if isinstance(error, BomError) else str(error)
            unaudited.add(Unaudited(reason, _named(part)))
            continue
        out.append(Package(text, part.full_name, part.version, tuple(sorted(refs[text])), asked))
    own = found.subject
    if own.purl and own.purl not in parts and (asked := _own(own)):
        out.append(Package(own.purl, own.full_name, own.version, (own.ref,), asked, own=True))
    if not out and not unaudited:
        unaudited.add(Unaudited("the BOM names no package in it", found.file or own.full_name))
    return tuple(sorted(out)), tuple(sorted(unaudited))


def _lookups(part: Part) -> tuple[Lookup, ...]:
    return lookups(purl.parse(part.purl), part.fact("source:purl"))


def _own(subject: Part) -> tuple[Lookup, ...]:
    """An artifact that is nobody's package (an image, a file) is not looked up itself."""
    try:
        return _lookups(subject)
    except (NotListed, BomError):
        return ()


def _named(part: Part) -> str:
    name = f"{part.full_name} {part.version}".strip()
    return f"{name} ({part.purl})" if part.purl else name


def _open_questions(found: Contents) -> Iterator[Unaudited]:
    known = {part.ref for part in flat(found.parts)}
    builds = {part.ref for part in (*found.built_with, *found.tools, *found.materials)} - known
    for gap in found.gaps:
        if gap.about and builds.issuperset(gap.about):
            continue  # what only built it doesn't ship
        what, _, rest = gap.text.partition(": ")
        where, _, why = rest.partition(": ")
        # a component without a version is told of as such
        if what in _GAPS and not (what in _VERSIONS and known.intersection(gap.about)):
            yield Unaudited(f"the BOM has a gap, {what}: {why}", where)
    for holder in (found.subject, *flat(found.parts)):
        for path in holder.facts.get(_EXECUTABLE, ()):
            yield Unaudited("it belongs to no package that is known", path)
