"""pom.xml: what one file of Maven's says (Maven "POM Reference", model version 4.0.0).

Nothing is fetched: what only a parent or an imported BOM states stays unknown, unless these are at
hand in the same tree (`bom.catalog.java.maven`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bom.catalog.stated import Unreadable, xml_document
from bom.printable import printable_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,256}\Z")  # Maven's own rule for groups and artifacts
_VERSION: Final = re.compile(r"[^\s\x00-\x20\\/:\"<>|?*\[\](){},$]{1,256}\Z")
_REFERENCE: Final = re.compile(r"\$\{([^${}]{1,200})\}")
_ROUNDS: Final = 20  # properties that name properties
_LONGEST: Final = 1000  # characters of a value
_TEXT_LIMIT: Final = 500  # characters of a description


@dataclass(frozen=True, slots=True)
class Coordinates:
    """`group`, `artifact`, `version` as stated; empty where they aren't, or break Maven's rules."""

    group: str = ""
    artifact: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class PomDependency:
    """A `<dependency>`, its properties not replaced yet. `place`: which of the document's
    `<dependency>` elements it is, from 0."""

    group: str
    artifact: str
    version: str = ""
    scope: str = ""
    type: str = ""
    classifier: str = ""
    optional: str = ""
    place: int = 0


@dataclass(frozen=True, slots=True)
class Pom:
    """One pom.xml. `own` and `parent` may hold properties (`${...}`); `licences`: name and URL;
    `managed`: dependencyManagement; `conditional`: profiles state dependencies of their own."""

    own: Coordinates
    parent: Coordinates = field(default_factory=Coordinates)
    parent_path: str = ""
    packaging: str = "jar"
    organization: str = ""
    url: str = ""
    description: str = ""
    licences: tuple[tuple[str, str], ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    dependencies: tuple[PomDependency, ...] = ()
    managed: tuple[PomDependency, ...] = ()
    conditional: bool = False

    def values(self) -> dict[str, str]:
        """What `${NAME}` stands for in it, its own coordinates among them."""
        group = self.own.group or self.parent.group
        version = self.own.version or self.parent.version
        found = dict(self.properties)
        for prefix in ("project.", "pom.", ""):
            found[f"{prefix}groupId"] = group
            found[f"{prefix}artifactId"] = self.own.artifact
            found[f"{prefix}version"] = version
        for prefix in ("project.parent.", "parent."):
            found[f"{prefix}groupId"] = self.parent.group
            found[f"{prefix}version"] = self.parent.version
        return found


def read_pom(raw: bytes) -> Pom:
    """The POM that `raw` holds. Raises Unreadable."""
    root = xml_document(raw)
    if root.tag != "project":
        raise Unreadable("is no POM: its root is no <project>")
    parent = root.find("parent")
    places = {id(element): place for place, element in enumerate(root.iter("dependency"))}
    return Pom(
        _coordinates(root),
        Coordinates() if parent is None else _coordinates(parent),
        "../pom.xml" if parent is None else _parent_path(parent),
        _text(root, "packaging") or "jar",
        _text(root, "organization/name")[:_TEXT_LIMIT],
        _text(root, "url"),
        _text(root, "description")[:_TEXT_LIMIT],
        tuple(
            (_text(item, "name"), _text(item, "url")) for item in root.iterfind("licenses/license")
        ),
        _properties(root),
        tuple(_dependencies(root, "dependencies/dependency", places)),
        tuple(_dependencies(root, "dependencyManagement/dependencies/dependency", places)),
        root.find("profiles/profile/dependencies/dependency") is not None,
    )


def _coordinates(element: Element) -> Coordinates:
    return Coordinates(
        _text(element, "groupId"), _text(element, "artifactId"), _text(element, "version")
    )


def _parent_path(parent: Element) -> str:
    stated = parent.find("relativePath")
    return "../pom.xml" if stated is None else (stated.text or "").strip()


def _properties(root: Element) -> dict[str, str]:
    found = {}
    for element in root.iterfind("properties/*"):
        if isinstance(element.tag, str) and len(element.text or "") <= _LONGEST:
            found[element.tag] = (element.text or "").strip()
    return found


def _dependencies(root: Element, path: str, places: Mapping[int, int]) -> Iterator[PomDependency]:
    for element in root.iterfind(path):
        yield PomDependency(
            _text(element, "groupId"),
            _text(element, "artifactId"),
            _text(element, "version"),
            _text(element, "scope"),
            _text(element, "type"),
            _text(element, "classifier"),
            _text(element, "optional"),
            places.get(id(element), 0),
        )


def _text(element: Element, path: str) -> str:
    """The text at `path` in one line; "" where it is not there or longer than any value."""
    found = element.findtext(path) or ""
    return " ".join(printable_name(found).split()) if len(found) <= _LONGEST else ""


def replaced(text: str, values: Mapping[str, str]) -> str:
    """`text` with its properties replaced; "" where one of them is not known."""
    for _ in range(_ROUNDS):
        if "${" not in text:
            return text
        text = _REFERENCE.sub(lambda found: values.get(found[1]) or "$", text)
        if "$" in text.replace("${", "") or len(text) > _LONGEST:
            return ""
    return ""


def identifier(text: str) -> str:
    """A group or artifact as Maven allows it, else ""."""
    return text if _ID.match(text) else ""


def exact(text: str) -> str:
    """A version that names one version: not a range, not a property, no LATEST; else ""."""
    if text.startswith("[") and text.endswith("]") and "," not in text:
        text = text[1:-1].strip()  # a range that holds just one
    return text if _VERSION.match(text) and text not in ("LATEST", "RELEASE") else ""
