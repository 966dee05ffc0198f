"""What a distribution says of itself (PyPA "Core metadata specifications")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bom import purl
from bom.catalog.licences import classified_licence, stated_licence
from bom.catalog.stated import Unreadable
from bom.errors import BomError
from bom.model import Component
from bom.printable import printable_name
from bom.redact import text as redacted

if TYPE_CHECKING:
    from email.message import Message

    from bom.model import Licence

_NAME: Final = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?\Z", re.I)  # core metadata, Name
_END: Final = re.compile(rb"\r?\n\r?\n")
_HEADERS_LIMIT: Final = 4 * 1024 * 1024  # bytes; old metadata hold the description in a header
_REQUIREMENTS_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """`component`: name, version, purl, licences, people. `requires`: Requires-Dist as stated."""

    component: Component
    requires: tuple[str, ...]


def read_metadata(raw: bytes) -> Metadata:
    """A METADATA or PKG-INFO. Raises Unreadable."""
    from email.parser import HeaderParser

    end = _END.search(raw)
    headers = raw[: end.start() + 1] if end else raw
    if len(headers) > _HEADERS_LIMIT:
        raise Unreadable("its metadata are larger than any package's")
    message = HeaderParser().parsestr(printable_name(headers.decode("utf-8", "surrogateescape")))
    name, version = _header(message, "Name"), _header(message, "Version")
    if not _NAME.match(name) or not version:
        raise Unreadable("its metadata state no valid name and version")
    try:
        ref = purl.build("pypi", name, version=version)
    except BomError as error:
        raise Unreadable(error.reason) from error
    component = Component(
        "library",
        name,
        version,
        purl=ref,
        licences=_licences(message),
        maintainer=_person(message),
        homepage=_homepage(message),
        description=_header(message, "Summary"),
    )
    stated = message.get_all("Requires-Dist") or []
    return Metadata(component, tuple(str(value) for value in stated[:_REQUIREMENTS_LIMIT]))


def egg_requirements(raw: bytes) -> tuple[str, ...]:
    """What an egg's requires.txt says (setuptools, "The Internal Structure of Python Eggs"), in
    the words of Requires-Dist."""
    found = []
    marker = ""
    for line in raw.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            extra, _, condition = line[1:-1].partition(":")
            parts = [f"({condition})"] if condition else []
            parts += [f'extra == "{extra}"'] if extra else []
            marker = " and ".join(parts)
        elif line and not line.startswith("#"):
            found.append(f"{line} ; {marker}" if marker else line)
    return tuple(found[:_REQUIREMENTS_LIMIT])


def _header(message: Message, name: str) -> str:
    """A single-line header; the placeholder of old setuptools counts as nothing."""
    value = " ".join(str(message.get(name) or "").split())
    return "" if value == "UNKNOWN" else value


def _licences(message: Message) -> tuple[Licence, ...]:
    """License-Expression alone where it stands (PEP 639), else License, else classifiers."""
    for field in ("License-Expression", "License"):
        value = str(message.get(field) or "").strip()
        if value and value != "UNKNOWN" and (found := stated_licence(value)):
            return (found,)
    classifiers = [str(value).strip() for value in message.get_all("Classifier") or []]
    return tuple(sorted({found for item in classifiers if (found := classified_licence(item))}))


def _person(message: Message) -> str:
    for field in ("Maintainer-email", "Maintainer", "Author-email", "Author"):
        if value := _header(message, field):
            return value
    return ""


def _homepage(message: Message) -> str:
    if value := _header(message, "Home-page"):
        return redacted(value)
    for item in message.get_all("Project-URL") or []:
        label, _, url = str(item).partition(",")
        if label.strip().lower() in ("homepage", "home"):
            return redacted(url.strip())
    return ""
