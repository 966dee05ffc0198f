"""What an installed package's own package.json says of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bom.catalog.licences import stated_licence
from bom.catalog.node.names import valid_name, valid_version
from bom.catalog.stated import json_document, line, public_url, table, text
from bom.redact import text as redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bom.model import Licence

_DESCRIPTION: Final = 200  # characters
_PERSON: Final = 200


@lru_cache(4096)  # the same few stand in many packages
def licence(stated: str) -> Licence | None:
    """One licence as a package or lock states it."""
    return stated_licence(stated)


def read(raw: bytes) -> Mapping[str, Any]:
    """The document, as npm reads it: UTF-8, other bytes replaced. Raises Unreadable."""
    return json_document(raw.decode("utf-8-sig", "replace"))


def identity(document: Mapping[str, Any]) -> tuple[str, str]:
    """Name and version; "" for each that is none."""
    return valid_name(text(document.get("name"))), valid_version(text(document.get("version")))


def licences(document: Mapping[str, Any]) -> tuple[Licence, ...]:
    """`license` as text or as `{type}`, else the old list `licenses`; sorted."""
    stated = document.get("license") or document.get("licence") or document.get("licenses")
    items = stated if isinstance(stated, list) else [stated]
    names = [text(item) or text(table(item).get("type")) for item in items[:20]]
    return tuple(sorted({found for name in names if name and (found := licence(name))}))


def maintainer(document: Mapping[str, Any]) -> str:
    """The author as stated, `Name <mail>`; "" where nobody is named."""
    stated = document.get("author")
    person = table(stated)
    if not person:
        return line(text(stated), _PERSON)
    name, mail = line(text(person.get("name")), _PERSON), line(text(person.get("email")), _PERSON)
    return f"{name} <{mail}>" if name and mail else name or mail


def homepage(document: Mapping[str, Any]) -> str:
    return _public(line(text(document.get("homepage")), 2000))


@lru_cache(4096)
def _public(url: str) -> str:
    return redacted(url)


def repository(document: Mapping[str, Any]) -> str:
    """Where the source is, if that is a URL of another machine."""
    stated = document.get("repository")
    url = text(stated) or text(table(stated).get("url"))
    return public_url(url.removeprefix("git+"))


def description(document: Mapping[str, Any]) -> str:
    return line(text(document.get("description")), _DESCRIPTION)
