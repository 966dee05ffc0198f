"""SBOMs that a distribution brings (PEP 770): CycloneDX and SPDX 2 JSON, taken over.

auditwheel states system libraries there, maturin and cargo-cyclonedx the crates. What they state
is the distribution's word: hashes are of the files that those packages are distributed as.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bom import purl
from bom.catalog.licences import stated_licence
from bom.catalog.nested import nested
from bom.catalog.stated import (
    Unreadable,
    decoded,
    json_document,
    public_url,
    stated_hash,
    table,
    tables,
    text,
)
from bom.errors import BomError
from bom.model import Component, Distribution, Gap, Licence, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bom.catalog.protocol import FileView

PROPERTY: Final = "bom-seal:stated-by"
OWN: Final = "bom-seal.cdx.json"  # what `bom build` put there: for `bom verify` to judge

_COMPONENTS_LIMIT: Final = 50_000
_DEPTH: Final = 8  # components in components
_TYPES: Final = ("application", "data", "file", "firmware", "framework", "operating-system")
_NO_LICENCE: Final = ("", "NOASSERTION", "NONE")


def read(view: FileView, path: str, owner: Component) -> Iterator[Component | Gap]:
    """The components that the SBOM at `path` states, each as one inside of `owner`."""
    ref = owner.purl
    shown = printable_name(path)
    raw = view.read(path)
    try:
        if raw is None:
            raise Unreadable("can't be read")
        document = json_document(decoded(raw))
        if document.get("bomFormat") == "CycloneDX":
            found = list(_cyclonedx(document))
        elif text(document.get("spdxVersion")).startswith("SPDX-2."):
            found = list(_spdx(document))
        else:
            raise Unreadable("is neither CycloneDX nor SPDX 2 JSON")
        if len(found) > _COMPONENTS_LIMIT:
            raise Unreadable(f"states more than {_COMPONENTS_LIMIT} components")
    except Unreadable as error:
        yield Gap("component.sbom", shown, f"the package's own SBOM {error}", ref)
        return
    unhashed = False
    for item in found:
        if item.name == owner.name and item.version == owner.version and not _is_other(item):
            continue  # the distribution itself
        made = nested(
            ref,
            Component(
                item.type,
                item.name,
                item.version,
                item.group,
                item.purl,
                distributions=item.distributions,
                licences=item.licences,
                supplier=item.supplier,
                description=item.description,
                properties=(Property(PROPERTY, shown),),
                occurrences=(Occurrence(shown),),
            ),
        )
        yield made
        unhashed = unhashed or not item.distributions
        if not item.distributions:
            why = "the SBOM inside the package that states it gives no hash"
            yield Gap("component.hash", made.name, why, made.bom_ref)


def _is_other(item: Component) -> bool:
    """Whether it is of another kind: a crate may have the name and version of its wheel."""
    return bool(item.purl) and not item.purl.startswith("pkg:pypi/")


# --- CycloneDX ----------------------------------------------------------------------------------


def _cyclonedx(document: Mapping[str, Any]) -> Iterator[Component]:
    # The subject too: what cargo states as such is a crate that is compiled in.
    pending = [(table(table(document.get("metadata")).get("component")), 0, "")]
    pending += [(item, 0, "") for item in tables(document.get("components"))]
    for item, depth, outer in pending:
        if len(pending) > _COMPONENTS_LIMIT or depth > _DEPTH:
            raise Unreadable("states more components than any package has")
        stated = _purl(text(item.get("purl")))
        bare = stated.partition("#")[0]
        pending += [(inner, depth + 1, bare) for inner in tables(item.get("components"))]
        # Neither a target of a crate is a package of its own (cargo-cyclonedx gives it a subpath)
        # nor a file of a bundled wheel (virtualenv).
        part = "#" in stated and bare == outer if stated else item.get("type") == "file"
        if text(item.get("name")) and not (depth and part):
            yield _component(item, stated)


def _component(item: Mapping[str, Any], stated: str) -> Component:
    name, version = text(item.get("name")), text(item.get("version"))
    kind = text(item.get("type"))
    hashes = {
        found
        for entry in tables(item.get("hashes"))
        if (found := stated_hash(f"{_algorithm(entry.get('alg'))}:{text(entry.get('content'))}"))
    }
    urls = [
        public_url(text(entry.get("url")))
        for entry in tables(item.get("externalReferences"))
        if entry.get("type") == "distribution"
    ]
    file = _file_name(stated, name, version)
    return Component(
        next((known for known in _TYPES if known == kind), "library"),
        name,
        version,
        text(item.get("group")),
        stated,
        distributions=(
            (Distribution(file, next(filter(None, urls), ""), tuple(sorted(hashes))),)
            if hashes
            else ()
        ),
        licences=tuple(sorted(set(_licences(item)))),
        supplier=text(table(item.get("supplier")).get("name")),
        description=text(item.get("description")).split("\n", 1)[0],
    )


def _licences(item: Mapping[str, Any]) -> Iterator[Licence]:
    for entry in tables(item.get("licenses")):
        inner = table(entry.get("license"))
        said = entry.get("acknowledgement") or inner.get("acknowledgement")
        for value in (entry.get("expression"), inner.get("id"), inner.get("name")):
            if found := stated_licence(text(value)):
                if said == "concluded":
                    found = Licence(found.value, found.form, "concluded")
                yield found
                break


# --- SPDX 2 -------------------------------------------------------------------------------------


def _spdx(document: Mapping[str, Any]) -> Iterator[Component]:
    for item in tables(document.get("packages")):
        name, version = text(item.get("name")), text(item.get("versionInfo"))
        if not name:
            continue
        stated = next(
            filter(
                None,
                (
                    _purl(text(reference.get("referenceLocator")))
                    for reference in tables(item.get("externalRefs"))
                    if reference.get("referenceType") == "purl"
                ),
            ),
            "",
        )
        hashes = {
            found
            for entry in tables(item.get("checksums"))
            if (
                found := stated_hash(
                    f"{_algorithm(entry.get('algorithm'))}:{text(entry.get('checksumValue'))}"
                )
            )
        }
        url = public_url(text(item.get("downloadLocation")))
        file = text(item.get("packageFileName")) or _file_name(stated, name, version)
        supplier = text(item.get("supplier"))
        yield Component(
            "library",
            name,
            version,
            purl=stated,
            distributions=(Distribution(file, url, tuple(sorted(hashes))),) if hashes else (),
            licences=tuple(sorted(set(_spdx_licences(item)))),
            supplier=supplier.removeprefix("Organization: ") if ": " in supplier else "",
            description=text(item.get("summary")),
        )


def _spdx_licences(item: Mapping[str, Any]) -> Iterator[Licence]:
    declared, concluded = text(item.get("licenseDeclared")), text(item.get("licenseConcluded"))
    if declared not in _NO_LICENCE and (found := stated_licence(declared)):
        yield found
    elif concluded not in _NO_LICENCE and (found := stated_licence(concluded)):
        yield Licence(found.value, found.form, "concluded")


# --- values -------------------------------------------------------------------------------------


def _purl(spelled: str) -> str:
    """In canonical form, without places on the machine that built it; "" where it is none."""
    try:
        found = purl.parse(spelled) if spelled else None
        if found is None:
            return ""
        kept = {key: value for key, value in found.qualifiers if not value.startswith("file:")}
        return purl.build(
            found.type,
            found.name,
            namespace=found.namespace,
            version=found.version,
            qualifiers=kept,
            subpath=found.subpath,
        )
    except BomError:
        return ""


def _algorithm(value: object) -> str:
    """CycloneDX's `SHA-256` and SPDX's `SHA256` as `sha256`."""
    spelled = text(value).lower()
    return spelled.replace("sha-", "sha").replace("blake2b-512", "blake2b")


def _file_name(stated: str, name: str, version: str) -> str:
    """What is hashed: a crate's file on its registry; of others only whose file it is is known."""
    if stated.startswith("pkg:cargo/"):
        return f"{name}-{version}.crate"
    return stated or f"{name}@{version}"
