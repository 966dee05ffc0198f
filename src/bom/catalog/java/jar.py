"""What a jar says of itself, and what is nested in it: kept small, for the archive itself is not.

`take` is called with all the bytes of a jar and gives one JSON document, which `kept` reads again.
A jar in a jar is read like it (war, ear, Spring Boot's BOOT-INF/lib), eight levels deep.
Sources: the JAR file specification (manifest), Maven Archiver (META-INF/maven), OSGi Core 3.2
(bundle headers), CycloneDX in `META-INF/sbom` as Spring Boot puts it there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.java import zipped
from bom.catalog.java.pom import Coordinates, exact, identifier, read_pom, replaced
from bom.catalog.java.wanted import ENDINGS, ERROR, PART
from bom.catalog.stated import Unreadable, json_document, table, tables, text
from bom.printable import printable_name

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterable, Mapping

    from bom.catalog.java.pom import Pom

_RAW_ENDINGS: Final = tuple(ending.encode() for ending in ENDINGS)
_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"#!")
_DEPTH: Final = 8  # archives in archives
_ARCHIVES: Final = 20_000  # of one file, all levels
_NESTED_LIMIT: Final = 512 * 1024 * 1024  # bytes of one
_RECORD_LIMIT: Final = 4 * 1024 * 1024  # bytes of a manifest, pom.xml, SBOM
_RECORDS: Final = 5_000  # POMs of one archive
_TEXT_LIMIT: Final = 24 * 1024 * 1024  # bytes of all such records of one file
_PROBLEMS: Final = 100  # told of one archive
_HEADERS: Final = frozenset(
    [
        "Automatic-Module-Name",
        "Bundle-License",
        "Bundle-SymbolicName",
        "Bundle-Vendor",
        "Bundle-Version",
        "Class-Path",
        "Created-By",
        "Implementation-Title",
        "Implementation-Vendor",
        "Implementation-Vendor-Id",
        "Implementation-Version",
        "Main-Class",
        "Start-Class",
    ]
)
_MANIFEST: Final = "META-INF/MANIFEST.MF"
_MAVEN: Final = "META-INF/maven/"
_SBOM: Final = "META-INF/sbom/"
_HEADER_LIMIT: Final = 500  # characters
_CLASS_PATH_LIMIT: Final = 64 * 1024  # characters; an application with a thousand jars has 40,000


@dataclass(frozen=True, slots=True)
class Embedded:
    """A pom.properties in a jar, with what the pom.xml beside it says. `dependencies`: (group,
    artifact) of what is needed at run time; None where there is no pom.xml that can be read."""

    path: str
    own: Coordinates
    licences: tuple[tuple[str, str], ...] = ()
    organization: str = ""
    url: str = ""
    description: str = ""
    dependencies: tuple[tuple[str, str], ...] | None = None
    optional: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Jar:
    """One archive. `path`: inside the archive that holds it, "" for the outermost; digests in
    hex (`sha256` empty for the outermost: its file has it). `listed`: (digest in hex, purl) of
    what an SBOM in it states. `problems`: (where inside, why)."""

    path: str
    sha256: str
    sha1: str
    manifest: Mapping[str, str] = field(default_factory=dict)
    poms: tuple[Embedded, ...] = ()
    listed: tuple[tuple[str, str], ...] = ()
    nested: tuple[Jar, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


# --- out of the bytes ----------------------------------------------------------------------------


class _Limits:
    """What may still be kept of one file."""

    def __init__(self) -> None:
        self.budget = zipped.Budget()
        self.archives = _ARCHIVES
        self.text = _TEXT_LIMIT


def take(content: bytes | mmap.mmap) -> Mapping[str, bytes]:
    """What counts of a jar, by name: `PART`, or `error` where it is none."""
    window = zipped.Window(content, 0, len(content))
    try:
        digest = sha1(content, usedforsecurity=False).hexdigest()
        found = _jar(window, "", "", digest, 0, _Limits())
    except Unreadable as error:
        return {ERROR: str(error).encode()}
    return {PART: json.dumps(asdict(found)).encode()}


def _jar(
    window: zipped.Window, path: str, strong: str, weak: str, depth: int, limits: _Limits
) -> Jar:
    rows = zipped.members(window, _counts, limits.budget)
    problems: list[tuple[str, str]] = []
    records: dict[str, bytes] = {}
    nested: list[Jar] = []
    for row in rows:
        name = printable_name(row.name)
        if row.name.endswith(ENDINGS) and not row.name.startswith((_MAVEN, _SBOM)):
            try:
                made = _nested(window, row, name, depth, limits)
            except Unreadable as error:
                problems.append((name, str(error)))
            else:
                nested += made
        elif len(records) < _RECORDS * 2:
            try:
                records[row.name] = raw = zipped.read(window, row, _RECORD_LIMIT, limits.budget)
            except Unreadable as error:
                problems.append((name, str(error)))
                continue
            limits.text -= len(raw)
            if limits.text < 0:
                raise Unreadable("it holds more metadata than any honest archive")
        else:
            problems.append((name, f"the archive holds more than {_RECORDS} such files"))
    return Jar(
        path,
        strong,
        weak,
        manifest_headers(records.get(_MANIFEST, b"")),
        tuple(_embedded(records, problems)),
        tuple(_listed(records, problems)),
        tuple(nested),
        tuple(problems[:_PROBLEMS]),
    )


def _counts(raw: bytes) -> bool:
    if raw.endswith(_RAW_ENDINGS):
        return True
    if not raw.startswith(b"META-INF/"):
        return False
    return (
        raw == b"META-INF/MANIFEST.MF"
        or (raw.startswith(b"META-INF/maven/") and raw.endswith((b"/pom.properties", b"/pom.xml")))
        or (raw.startswith(b"META-INF/sbom/") and raw.endswith(b".json"))
    )


def _nested(
    window: zipped.Window, row: zipped.Member, name: str, depth: int, limits: _Limits
) -> Iterable[Jar]:
    if any(part in ("", ".", "..") for part in row.name.split("/")):
        raise Unreadable("its name is no plain relative path")
    limits.archives -= 1
    if limits.archives < 0:
        raise Unreadable(f"the archive holds more than {_ARCHIVES} archives")
    with zipped.nested(window, row, _NESTED_LIMIT, limits.budget) as inside:
        if not inside.window.read(0, 4).startswith(_MAGICS):
            raise Unreadable("is no zip archive")
        if depth + 1 > _DEPTH:
            why = f"it is nested more than {_DEPTH} levels deep"
            return [Jar(name, inside.sha256, inside.sha1, problems=(("", why),))]
        try:
            digests = inside.sha256, inside.sha1
            return [_jar(inside.window, name, *digests, depth + 1, limits)]
        except Unreadable as error:
            return [Jar(name, inside.sha256, inside.sha1, problems=(("", str(error)),))]


def described(records: Mapping[str, bytes]) -> Jar:
    """The archive whose metadata are `records`, by their names in it: one that lies unpacked."""
    problems: list[tuple[str, str]] = []
    return Jar(
        "",
        "",
        "",
        manifest_headers(records.get(_MANIFEST, b"")),
        tuple(_embedded(records, problems)),
        tuple(_listed(records, problems)),
        problems=tuple(problems[:_PROBLEMS]),
    )


def manifest_headers(raw: bytes) -> dict[str, str]:
    """The headers of a manifest's main section that say what the jar is. A line holds at most 72
    bytes and goes on in the next one after a space (JAR specification, "Line length")."""
    found: dict[str, str] = {}
    name = ""
    for line in printable_name(raw.decode("utf-8", "surrogateescape")).splitlines():
        if line.startswith(" ") and name:
            if len(found[name]) < _limit(name):
                found[name] += line[1:]
            continue
        if not line.strip():
            if found or name:
                break
            continue
        key, colon, value = line.partition(":")
        name = key if colon and key in _HEADERS else ""
        if name:
            found[name] = value.removeprefix(" ")
    return {key: value.strip()[: _limit(key)] for key, value in found.items() if value.strip()}


def _limit(name: str) -> int:
    return _CLASS_PATH_LIMIT if name == "Class-Path" else _HEADER_LIMIT


def pom_properties(raw: bytes) -> Coordinates:
    """What Maven Archiver's pom.properties states. Raises Unreadable."""
    values = {}
    for line in raw.decode("utf-8", "replace").splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = value.strip()
    own = Coordinates(
        identifier(values.get("groupId", "")),
        identifier(values.get("artifactId", "")),
        exact(values.get("version", "")),
    )
    if not (own.group and own.artifact and own.version):
        raise Unreadable("it states no valid group, artifact and version")
    return own


def _embedded(records: Mapping[str, bytes], problems: list[tuple[str, str]]) -> Iterable[Embedded]:
    for name in sorted(records):
        if not name.endswith("/pom.properties"):
            continue
        shown = printable_name(name)
        try:
            own = pom_properties(records[name])
        except Unreadable as error:
            problems.append((shown, str(error)))
            continue
        beside = name.removesuffix("pom.properties") + "pom.xml"
        if beside not in records:
            yield Embedded(shown, own)
            continue
        try:
            yield embedded(shown, own, read_pom(records[beside]))
        except Unreadable as error:
            problems.append((printable_name(beside), f"it {error}"))
            yield Embedded(shown, own)


def embedded(path: str, own: Coordinates, pom: Pom) -> Embedded:
    """The artifact of a pom.properties with its pom.xml."""
    values = pom.values() | {"project.groupId": own.group, "project.version": own.version}
    needed, optional = set(), set()
    for item in pom.dependencies:
        group = identifier(replaced(item.group, values))
        artifact = identifier(replaced(item.artifact, values))
        if not group or not artifact or item.scope in ("test", "system"):
            continue
        if item.scope == "provided" or item.optional == "true":
            optional.add((group, artifact))
        else:
            needed.add((group, artifact))
    return Embedded(
        path,
        own,
        pom.licences,
        pom.organization,
        pom.url,
        pom.description,
        tuple(sorted(needed)),
        tuple(sorted(optional - needed)),
    )


def _listed(
    records: Mapping[str, bytes], problems: list[tuple[str, str]]
) -> Iterable[tuple[str, str]]:
    """Digest and purl of each component that a CycloneDX BOM in the jar lists."""
    for name in sorted(records):
        if not name.startswith(_SBOM):
            continue
        try:
            document = json_document(records[name].decode("utf-8", "replace"))
        except Unreadable as error:
            problems.append((printable_name(name), f"it {error}"))
            continue
        for item in tables(document.get("components")):
            purl = text(item.get("purl"))
            for digest in tables(item.get("hashes")):
                if purl and text(digest.get("alg")) in ("SHA-256", "SHA-1"):
                    yield text(digest.get("content")).lower(), purl


# --- out of what was kept ------------------------------------------------------------------------


def kept(part: bytes) -> Jar:
    """The jar that `take` described: bytes that this module itself has written."""
    return _from(json.loads(part))


def _from(value: Mapping[str, Any]) -> Jar:
    return Jar(
        value["path"],
        value["sha256"],
        value["sha1"],
        value["manifest"],
        tuple(map(_embedded_from, value["poms"])),
        tuple((digest, purl) for digest, purl in value["listed"]),
        tuple(map(_from, value["nested"])),
        tuple((where, why) for where, why in value["problems"]),
    )


def _embedded_from(value: Mapping[str, Any]) -> Embedded:
    needed = value["dependencies"]
    return Embedded(
        value["path"],
        Coordinates(**table(value["own"])),
        tuple((name, url) for name, url in value["licences"]),
        value["organization"],
        value["url"],
        value["description"],
        None if needed is None else tuple((group, artifact) for group, artifact in needed),
        tuple((group, artifact) for group, artifact in value["optional"]),
    )
