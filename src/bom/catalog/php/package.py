"""A package as Composer writes it into composer.lock and installed.json (Composer, "The
composer.json schema"; purl type composer)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bom import purl
from bom.catalog.licences import stated_licence
from bom.catalog.stated import (
    file_name,
    line,
    public_url,
    stated_hash,
    strings,
    table,
    tables,
    text,
)
from bom.errors import BomError
from bom.model import Component, Distribution, Property
from bom.redact import text as redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bom.model import Licence, Occurrence

REPOSITORY: Final = "bom-seal:composer:repository"
COMMIT: Final = "bom-seal:composer:commit"
LOCAL: Final = "path"  # a distribution's type: a folder of the project's own
META: Final = "metapackage"  # a package's type: it has no files
_NAME: Final = re.compile(
    r"(?P<vendor>[a-z0-9](?:[a-z0-9_.-]{0,120}))/(?P<name>[a-z0-9](?:[a-z0-9_.-]{0,120}))\Z"
)
# Tags and branches (`dev-feature/x`) as they are called in the repository.
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~/#@-]{0,199}\Z")
_EXACT: Final = re.compile(r"=?\s*(v?\d+\.\d+\.\d+(?:\.\d+)?(?:-[0-9A-Za-z.]+)?)\Z")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_TEXT: Final = 200  # characters


@dataclass(frozen=True, slots=True)
class Package:
    """One entry. `name`: lower case, VENDOR/NAME. `asks`: what it requires, without the platform
    (php, ext-*, lib-*); `stands_for`: the names that it provides or replaces."""

    name: str
    version: str
    document: Mapping[str, Any]
    asks: tuple[str, ...]
    stands_for: tuple[str, ...]

    @property
    def local(self) -> bool:
        """Whether it is a folder of the project's own."""
        return text(table(self.document.get("dist")).get("type")) == LOCAL

    @property
    def meta(self) -> bool:
        """Whether it is nothing but a name for others."""
        return text(self.document.get("type")).lower() == META

    @property
    def ref(self) -> str:
        return composer_ref(self.name, self.version, local=self.local)


def package(entry: Mapping[str, Any]) -> Package | None:
    """The package; None where its name or version is none."""
    name = package_name(text(entry.get("name")))
    version = text(entry.get("version"))
    if not name or not _VERSION.match(version):
        return None
    stands_for = [*table(entry.get("provide")), *table(entry.get("replace"))]
    return Package(
        name,
        version,
        entry,
        requirements(entry.get("require")),
        tuple(filter(None, map(package_name, map(text, stands_for)))),
    )


def package_name(spelled: str) -> str:
    """VENDOR/NAME in lower case; "" where it is none, as the platform's names are."""
    lower = spelled.lower()
    return lower if _NAME.match(lower) else ""


def requirements(value: object) -> tuple[str, ...]:
    """The names of packages in a `require`."""
    return tuple(sorted({name for key in table(value) if (name := package_name(text(key)))}))


def exact_version(constraint: str) -> str:
    """The version that a constraint pins; "" where it is a range or a branch."""
    found = _EXACT.match(constraint.strip()) if len(constraint) < 200 else None
    return found[1] if found else ""


def composer_purl(name: str, version: str) -> str:
    """The package's purl; "" where it breaks a rule."""
    vendor, _, last = name.partition("/")
    try:
        return purl.build("composer", last, namespace=vendor, version=version)
    except BomError:
        return ""


def composer_ref(name: str, version: str, *, local: bool = False) -> str:
    """The bom-ref: the purl, but for what is the project's own, which isn't the package of that
    name on packagist.org."""
    made = "" if local else composer_purl(name, version)
    return made or f"composer:{name}@{version}"


def component(
    item: Package,
    *,
    properties: Iterable[Property] = (),
    occurrences: tuple[Occurrence, ...] = (),
    requires: Iterable[str] = (),
) -> Component:
    """All that the entry says of it."""
    document = item.document
    vendor, _, last = item.name.partition("/")
    known = "" if item.local else composer_purl(item.name, item.version)
    source = table(document.get("source"))
    facts = {fact for fact in properties if fact.value}
    if repository := public_url(text(source.get("url"))):
        facts.add(Property(REPOSITORY, repository))
    if _COMMIT.match(commit := text(source.get("reference"))):
        facts.add(Property(COMMIT, commit))
    people = [line(text(person.get("name")), _TEXT) for person in tables(document.get("authors"))]
    return Component(
        "library",
        last,
        item.version,
        group=vendor,
        purl=known,
        ref="" if known else item.ref,
        distributions=_distributions(item),
        licences=_licences(strings(document.get("license"))),
        maintainer=line(", ".join(filter(None, people[:50])), _TEXT),
        homepage=_public(line(text(document.get("homepage")), 2000)),
        description=line(text(document.get("description")), _TEXT),
        properties=tuple(sorted(facts)),
        occurrences=occurrences,
        requires=tuple(sorted(set(requires) - {item.ref})),
    )


def _distributions(item: Package) -> tuple[Distribution, ...]:
    """The archive that `dist` names, with its SHA-1 where that is stated; GitHub's archives of a
    commit have none."""
    dist = table(item.document.get("dist"))
    url = public_url(text(dist.get("url")))
    kind = text(dist.get("type"))
    known = stated_hash(f"sha1:{text(dist.get('shasum'))}")
    if item.local or item.meta or not (url or known):
        return ()
    name = line(file_name(text(dist.get("url"))), _TEXT)
    if not name:
        name = f"{item.name.replace('/', '-')}-{item.version}.{line(kind, 10) or 'zip'}"
    return (Distribution(name, url, (known,) if known else ()),)


@lru_cache(1024)  # the same few stand in many packages
def _licences(stated: tuple[str, ...]) -> tuple[Licence, ...]:
    """Several are a choice (Composer, "license": disjunctive)."""
    if len(stated) > 1:
        joined = stated_licence(
            " OR ".join(f"({item})" if " " in item else item for item in stated)
        )
        if joined is not None and joined.form == "expression":
            return (joined,)
    found = {stated_licence(item) for item in stated[:20]}
    return tuple(sorted(item for item in found if item is not None))


@lru_cache(1024)
def _public(url: str) -> str:
    return redacted(url)
