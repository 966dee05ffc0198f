"""Java runtimes: folders with a `release` file as the JDK's build writes it (JEP 223, and the
makefiles' ReleaseFile: KEY="VALUE" lines)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from bom import purl
from bom.catalog.came_with import layer
from bom.catalog.content import content_hash
from bom.catalog.debian import dpkg
from bom.catalog.java.wanted import RELEASE
from bom.catalog.protocol import Owned
from bom.errors import BomError
from bom.model import Component, Dependency, Gap, Occurrence, Property
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bom.catalog.protocol import FileView

RULE: Final = "jdk-layout"
_LINE: Final = re.compile(r'([A-Z_]{1,40})="([^"]{1,200})"\s*\Z')
_LIMIT: Final = 64 * 1024  # bytes of a release file: a real one has two KiB
_PROOFS: Final = ("bin/java", "lib/modules", "lib/rt.jar", "jre/lib/rt.jar")


class Runtime(NamedTuple):
    """A Java runtime. `folder`: its home; `stated`: what its release file says."""

    folder: str
    stated: dict[str, str]


def runtimes(view: FileView) -> list[Runtime]:
    """The runtimes in the view, sorted by folder."""
    found = []
    for entry in view.wanted():
        folder, _, name = entry.path.rpartition("/")
        if name != RELEASE or entry.type != "file" or entry.size > _LIMIT:
            continue
        stated = _stated(view.read(entry.path) or b"")
        if "JAVA_VERSION" in stated and any(
            view.entry(f"{folder}/{proof}".lstrip("/")) for proof in _PROOFS
        ):
            found.append(Runtime(folder, stated))
    return found


def describe(view: FileView, found: list[Runtime]) -> Iterator[Dependency | Gap | Owned]:
    """A component for each runtime that is not a Debian package's."""
    packaged = _packaged(view) if found else frozenset()
    for runtime in found:
        path = f"{runtime.folder}/{RELEASE}".lstrip("/")
        if path not in packaged:
            yield from _component(view, runtime, path)


def _component(view: FileView, runtime: Runtime, path: str) -> Iterator[Dependency | Gap | Owned]:
    stated = runtime.stated
    version = stated["JAVA_VERSION"]
    name = "oracle-jdk" if stated.get("BUILD_TYPE") == "commercial" else "openjdk"
    try:
        ref = purl.build("generic", name, version=version)
    except BomError as error:
        yield Gap("component", printable_name(path), error.reason)
        return
    pairs, unhashed = [], 0
    for item in view.below(runtime.folder):
        if item.type == "file" and item.sha256:
            pairs.append((item.path, item.sha256))
        elif item.type == "file":
            unhashed += 1
    hashes, hash_of = content_hash(pairs)
    entry = view.entry(path)
    facts = [*layer(entry)]
    facts += [
        Property(f"bom-seal:java:{word}", stated.get(key, ""))
        for key, word in (
            ("JAVA_RUNTIME_VERSION", "runtime-version"),
            ("IMPLEMENTOR_VERSION", "implementor-version"),
            ("IMAGE_TYPE", "image-type"),
        )
    ]
    yield Dependency(
        Component(
            "platform",
            name,
            version,
            purl=ref,
            hashes=hashes,
            hash_of=hash_of,
            supplier=stated.get("IMPLEMENTOR", ""),
            properties=tuple(sorted(item for item in facts if item.value)),
            occurrences=(Occurrence(printable_name(path)),),
        )
    )
    yield Owned(ref, folders=(runtime.folder,), rule=RULE)
    yield Gap("component.licence", ref, "its release file names no licence", ref)
    if unhashed:
        why = f"{unhashed} of its files could not be read or are stored sparse"
        yield Gap("file.hash", printable_name(runtime.folder), why, ref)
    if not hashes:
        yield Gap("component.hash", ref, "none of its files could be read", ref)


def _stated(raw: bytes) -> dict[str, str]:
    lines = printable_name(raw.decode("utf-8", "surrogateescape")).splitlines()
    return {found[1]: found[2].strip() for line in lines if (found := _LINE.match(line))}


def _packaged(view: FileView) -> frozenset[str]:
    """The release files that a Debian package brought: there the runtime is that package."""
    found = set()
    for package in dpkg.packages(view):
        if "jdk" in package.name or "jre" in package.name:
            _, listed = dpkg.file_list(view, package)
            found |= {path for path in listed or () if path.endswith(f"/{RELEASE}")}
    return frozenset(found)
